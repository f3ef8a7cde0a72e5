"""Published rules are taken back before they take effect, and never after (K-16, K-17)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from django.urls import reverse

from portal import platform_time
from portal.choices import RulebookStatus
from portal.errors import NotAllowed, Refusal
from portal.models import Bulletin, Member, Notice, Rulebook, User
from portal.rulebook_schemas import RULEBOOK_MODULES, RulebookContent, register_rulebook_module
from portal.scoping import unscoped
from portal.services.bulletins import (
    bulletin_ask,
    bulletin_publish,
    bulletins_announce,
    bulletins_for,
)
from portal.services.rulebook_retraction import rulebook_retract
from portal.services.rulebooks import (
    RulebookMissing,
    rulebook_draft_save,
    rulebook_for,
    rulebook_publish,
    rulebook_withdraw,
    rulebooks_published,
)
from tests import factories

pytestmark = [pytest.mark.rule("K-16"), pytest.mark.django_db]

MODULE = "tests.limits"
FIRST = date(2022, 9, 1)
"""First day of the rules that are taken back; today is 2022-08-03."""


class Limits(RulebookContent):
    limit: int = 10


@pytest.fixture(autouse=True)
def _module(clock: Any) -> Any:
    register_rulebook_module(MODULE, Limits)
    yield
    del RULEBOOK_MODULES[MODULE]


def published(
    staff: User, version: str, first: date, *, after: Rulebook | None = None, **more: Any
) -> Rulebook:
    draft = rulebook_draft_save(
        actor=staff, module=MODULE, version=version, effective_from=first, content={}, **more
    )
    return rulebook_publish(actor=staff, rulebook=draft, supersedes=after)


def in_force(last: date | None = None) -> Rulebook:
    return Rulebook.objects.create(
        module=MODULE,
        version="old",
        effective_from=date(2022, 1, 1),
        effective_to=last,
        content={},
        digest="old",
        status=RulebookStatus.PUBLISHED,
    )


def snapshot() -> list[tuple]:
    rows = Rulebook.objects.filter(module=MODULE).order_by("pk")
    return [
        *rows.values_list("version", "status", "effective_from", "effective_to"),
        LogEntry.objects.count(),
    ]


def refused(actor: User, rulebook: Rulebook) -> str:
    before = snapshot()
    with pytest.raises(Refusal) as refusal:
        rulebook_retract(actor=actor, rulebook=rulebook)
    assert snapshot() == before
    return refusal.value.code


def versions() -> list[tuple[str, date | None]]:
    return [(book.version, book.effective_to) for book in rulebooks_published(MODULE)]


def actions(rulebook: Rulebook) -> list[str]:
    entries = LogEntry.objects.get_for_object(rulebook).order_by("pk")
    return [entry.additional_data["action"] for entry in entries]


# --- When ---------------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.parametrize("last", [None, date(2022, 12, 31)])
def test_until_the_last_instant_before_its_first_day_it_goes_and_what_it_ended_holds_on(
    staff: User, clock: Any, last: date | None
) -> None:
    old = in_force(last)
    new = published(staff, "new", FIRST, after=old)
    assert versions() == [("old", date(2022, 8, 31)), ("new", None)]
    clock("2022-08-31T23:59:59.999999-07:00")
    assert rulebook_retract(actor=staff, rulebook=new).status == RulebookStatus.WITHDRAWN
    assert versions() == [("old", last)]
    assert rulebook_for(MODULE, FIRST).version == "old"
    assert actions(new) == ["rulebook.draft", "rulebook.publish", "rulebook.retract"]
    assert actions(old) == ["rulebook.close", "rulebook.reopen"]
    retraction = LogEntry.objects.get_for_object(new).latest("pk")
    assert (retraction.actor, retraction.changes) == (staff, {"status": ["published", "withdrawn"]})
    # Another one may be published for the same day.
    old.refresh_from_db()
    published(staff, "newer", FIRST, after=old)
    assert rulebook_for(MODULE, FIRST).version == "newer"


def test_from_the_first_instant_of_its_first_day_it_stays(staff: User, clock: Any) -> None:
    new = published(staff, "new", FIRST, after=in_force())
    clock("2022-09-01T00:00:00-07:00")
    assert refused(staff, new) == "in_force"
    assert rulebook_for(MODULE, FIRST).version == "new"


def test_only_published_rules_are_taken_back_and_only_once(staff: User) -> None:
    draft = rulebook_draft_save(
        actor=staff, module=MODULE, version="draft", effective_from=FIRST, content={}
    )
    assert refused(staff, draft) == "not_published"
    new = published(staff, "new", FIRST)
    before = snapshot()
    with pytest.raises(Refusal):
        rulebook_withdraw(actor=staff, rulebook=new)
    assert snapshot() == before, "giving up drafts takes nothing back"
    stale = Rulebook.objects.get(pk=new.pk)
    rulebook_retract(actor=staff, rulebook=new)
    assert refused(staff, stale) == "not_published"


def test_who_may_not_publish_may_not_take_back(staff: User) -> None:
    new = published(staff, "new", FIRST)
    before = snapshot()
    with pytest.raises(NotAllowed):
        rulebook_retract(actor=factories.user_create("nobody", is_staff=True), rulebook=new)
    assert snapshot() == before


# --- What holds then ----------------------------------------------------------------------------


def test_rules_that_follow_are_taken_back_first(staff: User) -> None:
    old = in_force()
    new = published(staff, "new", FIRST, after=old)
    last = published(staff, "last", date(2022, 10, 1), after=new)
    assert refused(staff, new) == "superseded"
    rulebook_retract(actor=staff, rulebook=last)
    rulebook_retract(actor=staff, rulebook=new)
    assert versions() == [("old", None)]


def test_the_predecessor_gets_no_day_of_what_was_published_since(staff: User) -> None:
    new = published(staff, "new", FIRST, after=in_force(), effective_to=date(2022, 9, 30))
    published(staff, "later", date(2022, 11, 1))
    rulebook_retract(actor=staff, rulebook=new)
    assert versions() == [("old", date(2022, 10, 31)), ("later", None)]


def test_what_ended_by_itself_stays_ended(staff: User) -> None:
    in_force(date(2022, 8, 31))
    rulebook_retract(actor=staff, rulebook=published(staff, "new", FIRST))
    assert versions() == [("old", date(2022, 8, 31))]
    with pytest.raises(RulebookMissing):
        rulebook_for(MODULE, FIRST)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_taking_back_and_superseding_at_once_leave_every_day_with_one_rulebook(
    staff: User, at_once: Callable
) -> None:
    old = in_force()
    new = published(staff, "new", FIRST, after=old)
    follower = rulebook_draft_save(
        actor=staff, module=MODULE, version="last", effective_from=date(2022, 10, 1), content={}
    )
    results = at_once(
        [
            lambda: rulebook_retract(actor=staff, rulebook=new),
            lambda: rulebook_publish(actor=staff, rulebook=follower, supersedes=new),
            lambda: rulebook_retract(actor=staff, rulebook=new),
        ]
    )
    codes = sorted(str(getattr(one, "code", "done")) for one in results)
    assert codes in (
        ["cannot_supersede", "done", "not_published"],
        ["done", "superseded", "superseded"],
    )
    books = rulebooks_published(MODULE)
    assert [book.version for book in books] in (["old"], ["old", "new", "last"])
    days = (date(2022, 8, 31), FIRST, date(2022, 10, 1), date(2030, 1, 1))
    assert all(sum(book.holds_on(day) for book in books) == 1 for day in days)


# --- What was announced -------------------------------------------------------------------------


@pytest.mark.rule("K-17", "K-18")
def test_its_bulletin_goes_and_notices_that_were_sent_stay(
    staff: User, owner: Member, owner_client: Client
) -> None:
    new = published(staff, "new", FIRST)
    told = Bulletin.objects.create(
        slug="new",
        title_en="New rules",
        body_en="Text",
        rulebook=new,
        questions_until=platform_time.start_of(FIRST),
    )
    waits = Bulletin.objects.create(slug="more", title_en="More", body_en="Text", rulebook=new)
    other = Bulletin.objects.create(slug="other", title_en="Other", body_en="Text")
    for bulletin in (told, other):
        bulletin_publish(actor=staff, bulletin=bulletin)
    bulletins_announce()
    with unscoped():
        assert Notice.objects.count() == 2
    rulebook_retract(actor=staff, rulebook=new)
    assert [each.slug for each in bulletins_for(seller=owner.seller, member=owner)] == ["other"]
    assert owner_client.get(told.get_absolute_url()).status_code == 404
    with unscoped():
        assert Notice.objects.count() == 2
    with pytest.raises(Refusal) as asked:
        bulletin_ask(member=owner, bulletin=told, text="When?")
    assert asked.value.code == "not_concerned"
    with pytest.raises(Refusal) as late:
        bulletin_publish(actor=staff, bulletin=waits)
    assert late.value.code == "rulebook_withdrawn"


@pytest.mark.rule("K-17", "K-18")
def test_nobody_is_told_any_more_what_was_taken_back_before_all_were(
    staff: User, owner: Member
) -> None:
    new = published(staff, "new", FIRST)
    Bulletin.objects.create(
        slug="new", title_en="New", body_en="Text", rulebook=new, published_at=platform_time.now()
    )
    rulebook_retract(actor=staff, rulebook=new)
    assert bulletins_announce() == 0


# --- In the admin -------------------------------------------------------------------------------


@pytest.mark.rule("UI-7")
def test_staff_confirm_what_goes_and_a_second_tab_is_told(
    staff: User, staff_client: Client, clock: Any
) -> None:
    old = in_force()
    new = published(staff, "new", FIRST, after=old)
    Bulletin.objects.create(
        slug="new",
        title_en="New rules",
        body_en="T",
        rulebook=new,
        published_at=platform_time.now(),
    )
    sheet = reverse("admin:portal_rulebook_change", args=[new.pk])
    retract = reverse("admin:portal_rulebook_retract", args=[new.pk])
    assert retract in staff_client.get(sheet).content.decode()
    page = staff_client.get(retract).content.decode()
    assert "tests.limits old then holds without an end." in page
    assert "New rules" in page
    new.refresh_from_db()
    assert new.status == RulebookStatus.PUBLISHED, "looking takes nothing back"
    assert "was taken back" in staff_client.post(retract, follow=True).content.decode()
    assert versions() == [("old", None)]
    again = staff_client.post(retract, follow=True).content.decode()
    assert "Only published rules can be taken back." in again
    assert staff_client.get(retract).status_code == 404
    assert retract not in staff_client.get(sheet).content.decode()


@pytest.mark.rule("UI-7")
def test_the_page_of_rules_in_force_offers_nothing_to_take_back(
    staff: User, staff_client: Client, clock: Any
) -> None:
    new = published(staff, "new", FIRST)
    retract = reverse("admin:portal_rulebook_retract", args=[new.pk])
    sheet = reverse("admin:portal_rulebook_change", args=[new.pk])
    clock("2022-09-01T00:00:00-07:00")
    assert retract not in staff_client.get(sheet).content.decode()
    assert staff_client.get(retract).status_code == 404
    assert "In force since" in staff_client.post(retract, follow=True).content.decode()
    new.refresh_from_db()
    assert new.status == RulebookStatus.PUBLISHED


@pytest.mark.rule("UI-7")
def test_staff_without_the_permission_are_shown_no_way_and_refused(staff: User) -> None:
    new = published(staff, "new", FIRST)
    reviewer = factories.user_create("reviewer", is_staff=True)
    client = Client()
    client.force_login(reviewer)
    retract = reverse("admin:portal_rulebook_retract", args=[new.pk])
    assert client.get(retract).status_code == 403
    assert client.post(retract).status_code == 403
    new.refresh_from_db()
    assert new.status == RulebookStatus.PUBLISHED
