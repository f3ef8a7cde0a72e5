"""Spam reports: sending, limits, deciding, what sellers and staff see (RFQ-24)."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse
from PIL import Image
from rest_framework.test import APIClient

from portal import platform_time
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Notice, Seller, StoredFile, User
from portal.scoping import unscoped
from portal.services.files import file_url
from rfq.choices import ReportStatus
from rfq.models import Quote, Rfq, SpamEvidence, SpamReport
from rfq.services.rights import balances_of, right_spend
from rfq.services.spam import ReportLimit, answer_due_at, spam_report, spam_report_decide
from rfq.spam.answers import READY_ANSWERS
from tests import factories
from tests.rfq.world import quote_create, rfq_create, rights_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("RFQ-24")]

WORDS = "Sells containers, buys nothing."


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path, clock: Any, category: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def picture(name: str = "shot.png") -> SimpleUploadedFile:
    written = io.BytesIO()
    Image.new("RGB", (20, 10), (200, 30, 30)).save(written, "PNG")
    return SimpleUploadedFile(name, written.getvalue(), "image/png")


def report(member: Member, rfq: Rfq, **over: Any) -> SpamReport:
    fields = {"kind": "advert", "description": WORDS, "evidence": [picture()]} | over
    return spam_report(member=member, rfq=rfq, **fields)


def refusal_of(member: Member, rfq: Rfq, **over: Any) -> Refusal:
    """Return the refusal, having checked that nothing was kept of the report."""
    with unscoped():
        before = SpamReport.objects.count(), StoredFile.objects.count()
    with pytest.raises(Refusal) as refused:
        report(member, rfq, **over)
    with unscoped():
        assert (SpamReport.objects.count(), StoredFile.objects.count()) == before
    kept = [one for one in Path(settings.MEDIA_ROOT).rglob("*") if one.is_file()]
    assert len(kept) == before[1]
    return refused.value


# --- Sending ------------------------------------------------------------------------------------


def test_a_report_keeps_words_images_and_its_due_time(owner: Member) -> None:
    rfq = rfq_create()
    sent = report(owner, rfq, evidence=[picture("a.png"), picture("b.png")])
    assert (sent.status, sent.seller, sent.rfq) == (ReportStatus.OPEN, owner.seller, rfq)
    with unscoped():
        names = sorted(one.file.name for one in SpamEvidence.objects.filter(report=sent))
    assert names == ["a.png", "b.png"]
    row = LogEntry.objects.get(additional_data__action="spam_report.send")
    assert row.changes["rfq"] == [None, rfq.rfq_id]


@pytest.mark.parametrize(
    ("reported", "due"),
    [
        # Monday 10:00 in Shanghai: Thursday 10:00.
        ("2022-08-08T10:00:00+08:00", "2022-08-11T10:00:00+08:00"),
        # Friday evening: Wednesday's end.
        ("2022-08-05T20:00:00+08:00", "2022-08-10T18:00:00+08:00"),
        # Before the holiday of October 2022, whose make-up days are 8 and 9 October.
        ("2022-09-30T09:00:00+08:00", "2022-10-09T18:00:00+08:00"),
    ],
)
def test_three_working_days_are_chinese_ones(reported: str, due: str) -> None:
    assert answer_due_at(platform_time.parse_instant(reported), 3) == platform_time.parse_instant(
        due
    )


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"kind": "boring"}, "kind"),
        ({"kind": ""}, "kind"),
        ({"description": "   "}, "description"),
        ({"description": "abc"}, "description"),
        ({"description": "x" * 4001}, "description"),
        ({"description": "null \0 character"}, "description"),
        ({"evidence": []}, "evidence"),
        ({"evidence": [picture() for _ in range(6)]}, "evidence"),
        ({"evidence": [SimpleUploadedFile("a.png", b"")]}, "evidence"),
        ({"evidence": [SimpleUploadedFile("a.pdf", b"%PDF-1.4 %%EOF")]}, "evidence"),
    ],
)
def test_what_is_missing_is_named(owner: Member, over: Any, field: str) -> None:
    refused = refusal_of(owner, rfq_create(), **over)
    assert isinstance(refused, InvalidInput)
    assert {name for name, _text in refused.fields} == {field}


def test_a_bad_image_after_good_ones_leaves_nothing(owner: Member) -> None:
    files = [picture(), SimpleUploadedFile("page.html", b"<html>")]
    refused = refusal_of(owner, rfq_create(), evidence=files)
    assert [name for name, _text in refused.fields] == ["evidence"]


def test_an_rfq_is_reported_once_by_a_shop_while_its_report_waits(
    owner: Member, colleague: Member, stranger: Member, staff: User, clock: Any
) -> None:
    rfq = rfq_create()
    first = report(owner, rfq)
    assert refusal_of(colleague, rfq).code == "already_reported"
    report(stranger, rfq)
    spam_report_decide(actor=staff, report=first, upheld=False, answer="Genuine.")
    assert report(colleague, rfq).status == ReportStatus.OPEN


def test_five_reports_in_any_24_hours(owner: Member, stranger: Member, clock: Any) -> None:
    started = platform_time.now()
    for _number in range(5):
        report(owner, rfq_create())
        clock.advance(hours=1)
    refused = refusal_of(owner, rfq_create())
    assert isinstance(refused, ReportLimit)
    assert (refused.code, refused.http_status) == ("report_limit", 429)
    assert refused.again_at == started + timedelta(hours=24)
    assert refused.retry_after == 19 * 3600
    assert report(stranger, rfq_create())
    clock((started + timedelta(hours=24, seconds=-1)).isoformat())
    assert refusal_of(owner, rfq_create()).code == "report_limit"
    clock((started + timedelta(hours=24)).isoformat())
    report(owner, rfq_create())
    # The window slides: the second of the five is an hour younger.
    again = refusal_of(owner, rfq_create())
    assert isinstance(again, ReportLimit)
    assert again.again_at == started + timedelta(hours=25)


def test_a_viewer_cannot_report(viewer: Member) -> None:
    with pytest.raises(NotAllowed):
        report(viewer, rfq_create())
    with unscoped():
        assert not SpamReport.objects.exists()


def test_a_removed_rfq_needs_no_report(owner: Member) -> None:
    assert refusal_of(owner, rfq_create(status="removed")).code == "removed"


# --- Deciding -----------------------------------------------------------------------------------


@pytest.fixture
def quoted(shop: Seller, other_shop: Seller) -> Rfq:
    """An RFQ that two shops have quoted: one with a quote and a pin right, one from upstream."""
    rfq = rfq_create()
    rights_create(shop, quote=3, pin=2)
    quote = quote_create(seller=shop, rfq=rfq)
    with transaction.atomic():
        for kind in ("quote", "pin"):
            right_spend(seller=shop, kind=kind, key=f"{kind}:1", quote=quote)
    quote_create(seller=other_shop, rfq=rfq, origin="upstream")
    return rfq


def test_an_upheld_report_removes_the_rfq_and_gives_every_right_back(
    owner: Member, stranger: Member, shop: Seller, staff: User, quoted: Rfq
) -> None:
    mine, theirs = report(owner, quoted), report(stranger, quoted)
    elsewhere = report(owner, rfq_create())
    spam_report_decide(actor=staff, report=mine, upheld=True, answer="Thank you.")
    quoted.refresh_from_db()
    assert quoted.status == "removed"
    left = balances_of(seller=shop)
    assert (left.quote, left.pin) == (3, 2)
    with unscoped():
        assert not Quote.objects.filter(refunded_at__isnull=True).exists()
        states = dict(SpamReport.objects.values_list("pk", "status"))
    assert states == {mine.pk: "upheld", theirs.pk: "upheld", elsewhere.pk: "open"}
    assert (mine.decided_by, mine.answer) == (staff, "Thank you.")
    with unscoped():
        told = sorted(Notice.objects.values_list("kind", "user__username"))
    assert told == [
        ("rights_refunded", "owner"),
        ("spam_report_answered", "owner"),
        ("spam_report_answered", "stranger"),
    ]
    actions = LogEntry.objects.filter(actor=staff, additional_data__action__isnull=False)
    found = sorted(actions.values_list("additional_data__action", flat=True))
    assert found == [
        "quote.refund", "quote.refund", "rfq.status", "spam_report.decide", "spam_report.decide",
    ]  # fmt: skip


def test_a_dismissed_report_is_answered_and_changes_nothing_else(
    owner: Member, stranger: Member, shop: Seller, staff: User, quoted: Rfq
) -> None:
    mine, theirs = report(owner, quoted), report(stranger, quoted)
    spam_report_decide(actor=staff, report=mine, upheld=False, answer="It is genuine.")
    quoted.refresh_from_db()
    theirs.refresh_from_db()
    assert (quoted.status, mine.status, theirs.status) == ("open", "dismissed", "open")
    assert balances_of(seller=shop).quote == 2
    with unscoped():
        notice = Notice.objects.get()
    assert (notice.kind, notice.user) == ("spam_report_answered", owner.user)


def test_a_decision_is_taken_once(owner: Member, staff: User, quoted: Rfq) -> None:
    mine = report(owner, quoted)
    spam_report_decide(actor=staff, report=mine, upheld=False, answer="It is genuine.")
    with pytest.raises(Refusal) as refused:
        spam_report_decide(actor=staff, report=mine, upheld=True, answer="Spam after all.")
    assert refused.value.code == "already_decided"
    quoted.refresh_from_db()
    mine.refresh_from_db()
    assert (quoted.status, mine.status, mine.answer) == ("open", "dismissed", "It is genuine.")


def test_a_decision_needs_an_answer_and_the_permission(
    owner: Member, staff: User, quoted: Rfq
) -> None:
    mine = report(owner, quoted)
    clerk = factories.user_create("clerk", is_staff=True)
    with pytest.raises(NotAllowed):
        spam_report_decide(actor=clerk, report=mine, upheld=True, answer="Yes.")
    with pytest.raises(InvalidInput) as refused:
        spam_report_decide(actor=staff, report=mine, upheld=True, answer="  ")
    assert refused.value.fields[0][0] == "answer"
    quoted.refresh_from_db()
    mine.refresh_from_db()
    assert (quoted.status, mine.status) == ("open", "open")


# --- API ----------------------------------------------------------------------------------------


def send(api: APIClient, rfq_id: str, **over: Any) -> Any:
    sent = {"kind": "advert", "description": WORDS, "evidence": [picture()]} | over
    return api.post(f"/api/v1/rfq/rfqs/{rfq_id}/spam-reports", sent, format="multipart")


def test_reports_over_the_api(
    owner_api: APIClient, stranger_api: APIClient, viewer_api: APIClient, clock: Any
) -> None:
    rfq = rfq_create()
    answer = send(owner_api, rfq.rfq_id)
    assert answer.status_code == 201
    assert (answer.data["rfq_id"], answer.data["status"]) == (rfq.rfq_id, "open")
    assert answer.data["evidence"][0]["name"] == "shot.png"
    again = send(owner_api, rfq.rfq_id)
    assert (again.status_code, again.data["code"]) == (409, "already_reported")
    for over in ({"evidence": []}, {"kind": "x"}, {"description": ""}):
        refused = send(owner_api, rfq_create().rfq_id, **over)
        assert refused.status_code == 400
        assert {one["field"] for one in refused.data["errors"]} == set(over)
    as_json = owner_api.post(f"/api/v1/rfq/rfqs/{rfq_create().rfq_id}/spam-reports", {"kind": "x"})
    assert as_json.status_code == 400
    assert send(owner_api, "nowhere").status_code == 404
    assert send(viewer_api, rfq.rfq_id).status_code == 403
    for _number in range(4):
        assert send(owner_api, rfq_create().rfq_id).status_code == 201
    limited = send(owner_api, rfq_create().rfq_id)
    assert (limited.status_code, limited.data["code"]) == (429, "report_limit")
    assert limited["Retry-After"] == str(24 * 3600)
    listed = owner_api.get("/api/v1/rfq/spam-reports", {"page_size": 3}).data
    assert len(listed["results"]) == 3
    assert len(owner_api.get(listed["next"]).data["results"]) == 2
    assert stranger_api.get("/api/v1/rfq/spam-reports").data["results"] == []


def test_a_body_that_is_no_form_is_refused_politely(owner_api: APIClient) -> None:
    url = f"/api/v1/rfq/rfqs/{rfq_create().rfq_id}/spam-reports"
    for body, kind in (
        (b"--x\r\ncut off", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data; boundary=" + "y" * 300),
        (b"[1, 2]", "application/json"),
        (b"{", "application/json"),
        (b"<x/>", "text/xml"),
    ):
        answer = owner_api.post(url, body, content_type=kind)
        assert answer.status_code in (400, 415), (body, answer.status_code)


# --- Staff --------------------------------------------------------------------------------------


@pytest.fixture
def officer(db: None) -> Client:
    """A browser session of a risk officer."""
    user = factories.user_create("officer", is_staff=True)
    user.groups.add(Group.objects.get(name="risk officer"))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def decide_url(report_: SpamReport, decision: str) -> str:
    return reverse("admin:rfq_spamreport_decide", args=[report_.pk, decision])


def test_a_risk_officer_works_through_the_queue(
    owner: Member, stranger: Member, officer: Client, quoted: Rfq, clock: Any
) -> None:
    mine = report(owner, quoted)
    report(stranger, quoted)
    front = officer.get(reverse("admin:index")).content.decode()
    assert "Spam reports to answer" in front
    queue = officer.get(reverse("admin:rfq_spamreport_changelist") + "?status__exact=open")
    assert "left" in queue.content.decode()
    page = officer.get(reverse("admin:rfq_spamreport_change", args=[mine.pk])).content.decode()
    with unscoped():
        url = file_url(SpamEvidence.objects.get(report=mine).file)
    assert f'src="{url}"' in page
    assert officer.get(url).status_code == 200
    assert decide_url(mine, "uphold") in page
    asked = officer.get(decide_url(mine, "uphold")).content.decode()
    assert "Given back: 1 × Quote right" in asked
    assert "Given back: 1 × Pin right" in asked
    assert "1 more open report on it is upheld" in asked
    empty = officer.post(decide_url(mine, "uphold"), {"ready": "", "answer": ""})
    assert "Write what the reporter is told." in empty.content.decode()
    quoted.refresh_from_db()
    assert quoted.status == "open"
    done = officer.post(decide_url(mine, "uphold"), {"ready": "removed", "answer": ""})
    assert done.status_code == 302
    mine.refresh_from_db()
    assert mine.status == "upheld"
    assert mine.answer == READY_ANSWERS[0].text
    assert officer.post(decide_url(mine, "dismiss"), {"answer": "Late."}).status_code == 302
    mine.refresh_from_db()
    assert mine.status == "upheld"


def test_late_answers_stand_out(owner: Member, officer: Client, clock: Any) -> None:
    mine = report(owner, rfq_create())
    late = reverse("admin:rfq_spamreport_changelist") + "?answer=late"
    assert "late by" not in officer.get(late).content.decode()
    clock(mine.answer_due_at.isoformat())
    clock.advance(hours=2)
    assert "late by 2 hours" in officer.get(late).content.decode()


def test_own_words_go_before_a_ready_answer(owner: Member, officer: Client) -> None:
    mine = report(owner, rfq_create())
    officer.post(decide_url(mine, "dismiss"), {"ready": "unclear", "answer": " Ask them. "})
    mine.refresh_from_db()
    assert (mine.status, mine.answer) == ("dismissed", "Ask them.")


def test_other_staff_look_but_do_not_decide(owner: Member) -> None:
    mine = report(owner, rfq_create())
    user = factories.user_create("reviewer", is_staff=True)
    user.groups.add(Group.objects.get(name="reviewer"))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:rfq_spamreport_change", args=[mine.pk]))
    assert page.status_code == 200
    assert "Uphold" not in page.content.decode()
    for decision in ("uphold", "dismiss"):
        assert client.get(decide_url(mine, decision)).status_code == 403
        assert client.post(decide_url(mine, decision), {"answer": "x"}).status_code == 403
    mine.refresh_from_db()
    assert mine.status == "open"


def test_a_decision_that_does_not_exist(owner: Member, officer: Client) -> None:
    mine = report(owner, rfq_create())
    assert officer.get(decide_url(mine, "burn")).status_code == 404
    unknown = reverse("admin:rfq_spamreport_decide", args=[mine.pk + 1, "uphold"])
    assert officer.get(unknown).status_code == 404
