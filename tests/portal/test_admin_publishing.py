"""Publishing and answering in the admin: rulebooks, bulletins, questions, failed mails (UI-7)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from django.urls import reverse

from portal import platform_time
from portal.choices import MailState, RulebookStatus
from portal.models import Bulletin, BulletinQuestion, Member, Notice, Rulebook
from portal.scoping import unscoped
from portal.services.rulebooks import draft_digest

pytestmark = [pytest.mark.rule("UI-7"), pytest.mark.django_db]

LABELS = "portal.buyer_labels"


def actions(obj: Any) -> list[str]:
    entries = LogEntry.objects.get_for_object(obj).order_by("pk")
    return [entry.additional_data["action"] for entry in entries]


# --- Rulebooks ----------------------------------------------------------------------------------


def rulebook_form(content: str, **fields: str) -> dict[str, str]:
    first_day = (platform_time.today() + timedelta(days=30)).isoformat()
    defaults = {"module": LABELS, "version": "next", "effective_from": first_day, "source": "me"}
    return {**defaults, "content": content, **fields}


@pytest.mark.rule("K-16")
@pytest.mark.parametrize(
    "content", ['scheme = "labels"\nlabels = ["blue"]', '{"scheme": "labels", "labels": ["blue"]}']
)
def test_a_rulebook_is_drafted_checked_compared_and_published(
    staff_client: Client, clock: object, content: str
) -> None:
    add = reverse("admin:portal_rulebook_add")
    assert staff_client.post(add, rulebook_form(content)).status_code == 302
    draft = Rulebook.objects.get(version="next")
    assert (draft.status, draft.content["labels"]) == (RulebookStatus.DRAFT, ["blue"])
    publish = reverse("admin:portal_rulebook_publish", args=[draft.pk])
    page = staff_client.get(publish).content.decode()
    assert "-  &quot;scheme&quot;: &quot;tiers&quot;" in page
    current = Rulebook.objects.get(module=LABELS, version="2022-08")
    seen = {"seen": draft_digest(draft)}
    refused = staff_client.post(publish, seen)
    assert "supersede it" in refused.content.decode()
    draft.refresh_from_db()
    assert draft.status == RulebookStatus.DRAFT
    assert staff_client.post(publish, {**seen, "supersedes": current.pk}).status_code == 302
    draft.refresh_from_db()
    current.refresh_from_db()
    assert draft.status == RulebookStatus.PUBLISHED
    assert current.effective_to == draft.effective_from - timedelta(days=1)
    change = reverse("admin:portal_rulebook_change", args=[draft.pk])
    assert staff_client.get(change).status_code == 200
    # A second tab is shown the published rulebook and told, by whichever way it comes too late.
    for address in (change, publish, reverse("admin:portal_rulebook_withdraw", args=[draft.pk])):
        late = staff_client.post(address, {**rulebook_form("{}"), **seen}, follow=True)
        assert late.redirect_chain[-1] == (change, 302)
        assert [one.level_tag for one in late.context["messages"]] == ["error"]
    after = Rulebook.objects.get(pk=draft.pk)
    assert (after.status, after.content) == (RulebookStatus.PUBLISHED, draft.content)


@pytest.mark.rule("K-16")
def test_a_draft_changed_since_it_was_looked_at_is_looked_at_again(
    staff_client: Client, clock: object
) -> None:
    staff_client.post(
        reverse("admin:portal_rulebook_add"),
        rulebook_form('{"scheme": "labels", "labels": ["blue"]}', effective_to="2030-01-01"),
    )
    draft = Rulebook.objects.get(version="next")
    current = Rulebook.objects.get(module=LABELS, version="2022-08")
    publish = reverse("admin:portal_rulebook_publish", args=[draft.pk])
    seen = staff_client.get(publish).context["form"]["seen"].value()
    change = reverse("admin:portal_rulebook_change", args=[draft.pk])
    newer = rulebook_form('{"scheme": "labels", "labels": ["red"]}')
    assert staff_client.post(change, newer).status_code == 302
    answer = staff_client.post(publish, {"seen": seen, "supersedes": current.pk})
    assert "Somebody changed this draft meanwhile" in answer.content.decode()
    assert "red" in answer.context["differences"], "what it says now is shown"
    draft.refresh_from_db()
    assert draft.status == RulebookStatus.DRAFT
    again = answer.context["form"]["seen"].value()
    staff_client.post(publish, {"seen": again, "supersedes": current.pk})
    draft.refresh_from_db()
    assert (draft.status, draft.content["labels"]) == (RulebookStatus.PUBLISHED, ["red"])


@pytest.mark.rule("K-16")
def test_mistakes_of_a_draft_are_shown_with_place_and_nearest_name(
    staff_client: Client, clock: object
) -> None:
    add = reverse("admin:portal_rulebook_add")
    unreadable = staff_client.post(add, rulebook_form("scheme ? tiers"))
    assert "line 1" in unreadable.content.decode()
    assert not Rulebook.objects.filter(version="next").exists()
    staff_client.post(add, rulebook_form('schem = "tiers"'))
    draft = Rulebook.objects.get(version="next")
    page = staff_client.get(reverse("admin:portal_rulebook_change", args=[draft.pk]))
    assert "schem: there is no such key here (nearest: scheme)" in page.content.decode()
    withdraw = reverse("admin:portal_rulebook_withdraw", args=[draft.pk])
    assert staff_client.get(withdraw).status_code == 403
    staff_client.post(withdraw)
    draft.refresh_from_db()
    assert draft.status == RulebookStatus.WITHDRAWN


@pytest.mark.rule("K-16")
def test_a_draft_starts_from_a_published_one(staff_client: Client, clock: object) -> None:
    current = Rulebook.objects.get(module=LABELS, version="2022-08")
    page = staff_client.get(reverse("admin:portal_rulebook_add"), {"from": current.pk})
    assert "million_dollar_club" in page.content.decode()
    assert staff_client.get(reverse("admin:portal_rulebook_add"), {"from": "x"}).status_code == 200


# --- Bulletins and notices ----------------------------------------------------------------------


@pytest.mark.rule("K-17")
def test_a_bulletin_is_written_and_published(staff_client: Client, owner: Member) -> None:
    form = {"title_en": "News", "slug": "news", "body_en": "Text", "actions": "[]"}
    add = reverse("admin:portal_bulletin_add")
    wrong = json.dumps([{"field": "stag", "op": "eq", "value": "mature"}])
    refused = staff_client.post(add, {**form, "audience": wrong})
    assert "There is no field “stag”" in refused.content.decode()
    assert not Bulletin.objects.exists()
    assert staff_client.post(add, {**form, "audience": ""}).status_code == 302
    bulletin = Bulletin.objects.get()
    publish = reverse("admin:portal_bulletin_publish", args=[bulletin.pk])
    page = staff_client.get(publish).content.decode()
    assert "1 shop;" in page
    assert "<strong>News</strong>" in page, "what is about to be sent is shown"
    bulletin.refresh_from_db()
    assert bulletin.published_at is None
    staff_client.post(publish)
    bulletin.refresh_from_db()
    assert bulletin.published_at is not None
    assert actions(bulletin) == ["bulletin.create", "bulletin.publish"]
    # Published once: the page of publishing leads back, and what is fixed has no inputs any more.
    change = reverse("admin:portal_bulletin_change", args=[bulletin.pk])
    assert staff_client.get(publish).headers["Location"] == change
    fields = staff_client.get(change).context["adminform"].form.fields
    assert not {"slug", "audience", "effective_on", "rulebook"} & set(fields)
    corrected = {"title_en": "Good news", "body_en": "Text", "actions": "[]"}
    assert staff_client.post(change, corrected).status_code == 302
    bulletin.refresh_from_db()
    assert (bulletin.title_en, bulletin.slug) == ("Good news", "news")


@pytest.mark.rule("K-17")
@pytest.mark.both_databases
def test_questions_that_wait_stand_first_the_oldest_first(
    staff_client: Client, owner: Member
) -> None:
    bulletin = Bulletin.objects.create(slug="b", title_en="B", body_en="B")
    now = platform_time.now()
    with unscoped():
        for text, days, answered in (("done", 9, now), ("new", 1, None), ("old", 5, None)):
            BulletinQuestion.objects.create(
                bulletin=bulletin,
                seller=owner.seller,
                text=text,
                asked_at=now - timedelta(days=days),
                answered_at=answered,
            )
    page = staff_client.get(reverse("admin:portal_bulletinquestion_changelist"))
    assert [one.text for one in page.context["cl"].result_list] == ["old", "new", "done"]


@pytest.mark.rule("K-17")
def test_questions_are_answered_from_the_queue(staff_client: Client, owner: Member) -> None:
    bulletin = Bulletin.objects.create(slug="b", title_en="B", body_en="B")
    with unscoped():
        question = BulletinQuestion.objects.create(
            bulletin=bulletin, seller=owner.seller, member=owner, text="When?"
        )
    listing = reverse("admin:portal_bulletinquestion_changelist")
    assert "When?" in staff_client.get(listing, {"answered_at__isempty": "1"}).content.decode()
    address = reverse("admin:portal_bulletinquestion_change", args=[question.pk])
    staff_client.post(address, {"answer": "Soon.", "text": "Hacked?"})
    with unscoped():
        question.refresh_from_db()
        assert Notice.objects.get().kind == "question_answered"
    assert (question.text, question.answer) == ("When?", "Soon.")
    assert question.answered_by is not None


@pytest.mark.rule("K-18")
def test_failed_mails_are_sent_again(staff_client: Client, owner: Member) -> None:
    with unscoped():
        states = [MailState.FAILED, MailState.SENT]
        rows = [
            Notice.objects.create(
                user=owner.user, kind="follow_up_due", key=state, mail_state=state, mail_attempts=5
            )
            for state in states
        ]
    listing = reverse("admin:portal_notice_changelist")
    chosen = {
        "action": "mail_again", "_selected_action": [row.pk for row in rows], "confirmed": "yes",
    }  # fmt: skip
    staff_client.post(listing, chosen)
    with unscoped():
        found = list(Notice.objects.order_by("pk").values_list("mail_state", "mail_attempts"))
    assert found == [(MailState.PENDING, 0), (MailState.SENT, 5)]
