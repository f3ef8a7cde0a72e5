"""The ingest kind `rfqs` and what staff and time do to RFQs (RFQ-1, RFQ-3, RFQ-4, K-15)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from auditlog.models import LogEntry

from portal import platform_time
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.engine import Report, ingest_rows
from portal.ingest.kinds import kind_named
from portal.models import Buyer, Seller, User
from portal.scoping import unscoped
from rfq.choices import OfferStatus
from rfq.models import Rfq, RfqInvitation, RfqWord, UnsolicitedOffer
from rfq.services.rfqs import rfq_set_status, rfqs_expire
from tests import factories
from tests.rfq.world import rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("RFQ-1", "K-15")]

ROW: dict[str, Any] = {
    "rfq_id": "R-1",
    "buyer": "B-1001",
    "title": "500 sets of e-bike kits 灯带",
    "category": "e-bike-kits",
    "quantity": "500",
    "unit": "set",
    "details": "Rear hub motor",
    "posted_at": "2022-08-03T10:00:00-07:00",
    "expires_at": "2022-09-01T10:00:00-07:00",
    "grade": "standard",
    "seats": "8",
    "value_usd": "52000.00",
    "target_price": "118.50",
    "destination": "us",
    "attachments": "https://files.example.com/a.pdf|https://files.example.com/b.pdf",
}


@pytest.fixture(autouse=True)
def _world(categories: Any, clock: Any, shop: Seller, other_shop: Seller) -> None:
    Buyer.objects.create(buyer_id="B-1001", country="US")
    Buyer.objects.create(buyer_id="B-2002", country="DE")


def send(*rows: dict[str, Any]) -> Report:
    kind = kind_named("rfqs")
    assert kind is not None
    return ingest_rows(kind, list(rows))


def words() -> set[str]:
    return set(RfqWord.objects.values_list("word", flat=True))


def invited() -> set[str]:
    with unscoped():
        return set(RfqInvitation.objects.values_list("seller__member_id", flat=True))


def test_a_row_becomes_an_rfq() -> None:
    assert send(ROW).created == 1
    rfq = Rfq.objects.get()
    assert (rfq.quantity, rfq.seats, rfq.target_price) == (Decimal(500), 8, Decimal("118.5"))
    assert rfq.destination == "US"
    assert rfq.attachments == ["https://files.example.com/a.pdf", "https://files.example.com/b.pdf"]
    assert rfq.status == "open"
    assert rfq.opens_to_all_at == rfq.posted_at == datetime(2022, 8, 3, 17, tzinfo=UTC)
    assert rfq.listed_at == platform_time.now()
    assert {"bike", "kit", "灯带", "rear", "motor"} <= words()


def test_the_same_row_again_changes_nothing(clock: Any) -> None:
    row = ROW | {"grade": "pro", "invited": "cn1001", "expires_at": ""}
    send(row)
    before = list(Rfq.objects.values())
    clock.advance(hours=5)
    report = send(row)
    assert (report.created, report.updated, report.unchanged) == (0, 0, 1)
    assert list(Rfq.objects.values()) == before


def test_what_a_row_leaves_out_stays_and_new_rows_take_defaults() -> None:
    send({name: ROW[name] for name in ("rfq_id", "buyer", "title", "category", "quantity", "unit",
                                       "posted_at", "grade")})  # fmt: skip
    rfq = Rfq.objects.get()
    assert (rfq.seats, rfq.details, rfq.value_usd, rfq.attachments) == (10, "", None, [])
    assert rfq.expires_at == rfq.posted_at + timedelta(days=30)
    send(ROW)
    without = {name: ROW[name] for name in ROW if name not in ("details", "expires_at", "seats")}
    assert send(without).unchanged == 1
    assert Rfq.objects.get().seats == 8


def test_words_follow_the_texts_and_only_them() -> None:
    send(ROW)
    kept = words()
    send(ROW | {"seats": "9"})
    assert words() == kept
    send(ROW | {"title": "LED strip"})
    assert "led" in words()
    assert "灯带" not in words()
    send(ROW | {"title": "LED strip", "status": "closed"})
    assert words() == set()
    send(ROW | {"title": "LED strip", "status": "open"})
    assert "led" in words()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"buyer": "B-9"}, "buyer"),
        ({"category": "nothing"}, "category"),
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "-1"}, "quantity"),
        ({"expires_at": ROW["posted_at"]}, "expires_at"),
        ({"grade": "bronze"}, "grade"),
        ({"seats": "0"}, "seats"),
        ({"grade": "pro", "value_usd": "50000.00"}, "value_usd"),
        ({"invited": "cn1001|cn404"}, "invited"),
        ({"attachments": "javascript:alert(1)"}, "attachments"),
        ({"attachments": "https://[::1"}, "attachments"),
        ({"posted_at": "2022-08-03T10:00:00"}, "posted_at"),
        ({"destination": "USA"}, "destination"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused_and_the_others_are_not(
    change: dict[str, str], field: str
) -> None:
    report = send(ROW | change, ROW | {"rfq_id": "R-2"})
    assert (report.created, report.rejected) == (1, 1)
    assert report.rejections[0].field == field
    assert Rfq.objects.get().rfq_id == "R-2"
    assert invited() == set()


@pytest.mark.rule("RFQ-3")
def test_pro_starts_above_50_000_where_its_value_is_told() -> None:
    assert send(ROW | {"grade": "pro", "value_usd": "50000.01"}).created == 1
    assert send(ROW | {"rfq_id": "R-2", "grade": "pro", "value_usd": ""}).created == 1


def test_an_rfq_keeps_its_buyer() -> None:
    send(ROW)
    report = send(ROW | {"buyer": "B-2002"})
    assert [one.field for one in report.rejections] == ["buyer"]
    assert Rfq.objects.get().buyer.buyer_id == "B-1001"


@pytest.mark.rule("RFQ-3")
def test_the_invitation_list_is_the_row_s_and_earned_invitations_stay(
    shop: Seller, other_shop: Seller, category: Any
) -> None:
    row = ROW | {"grade": "pro"}
    send(row | {"invited": "cn1001|cn2002"})
    assert invited() == {"cn1001", "cn2002"}
    third = factories.seller_create(category, member_id="cn3003")
    with unscoped():
        rfq = Rfq.objects.get()
        offer = UnsolicitedOffer(rfq=rfq, seller=third, title="t", price=1, message="m")
        offer.status, offer.submitted_at = OfferStatus.ACCEPTED, platform_time.now()
        offer.save()
        RfqInvitation.objects.create(rfq=rfq, seller=third, invited_at=platform_time.now())
    assert send(row).unchanged == 1
    assert invited() == {"cn1001", "cn2002", "cn3003"}
    assert send(row | {"invited": "cn2002"}).updated == 1
    assert invited() == {"cn2002", "cn3003"}


# --- Early access -------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-4", "K-4")
@pytest.mark.parametrize(
    ("posted_at", "opens_at"),
    [
        # Wednesday, inside the working day; and past its end into Thursday.
        ("2022-08-03T09:00:00+08:00", "2022-08-03T15:00:00+08:00"),
        ("2022-08-03T14:00:00+08:00", "2022-08-04T11:00:00+08:00"),
        # Friday evening: all of it on Monday.
        ("2022-08-05T18:00:00+08:00", "2022-08-08T15:00:00+08:00"),
        # National Day 2022-10-01…07 off, 10-08 and 10-09 (Saturday, Sunday) are worked.
        ("2022-09-30T15:00:00+08:00", "2022-10-08T12:00:00+08:00"),
        ("2022-10-08T15:00:00+08:00", "2022-10-09T12:00:00+08:00"),
        # The Pacific clock goes back that night; working time does not care.
        ("2022-11-06T00:30:00-07:00", "2022-11-07T15:00:00+08:00"),
        ("2022-03-13T01:30:00-08:00", "2022-03-14T15:00:00+08:00"),
    ],
)
def test_silver_opens_to_all_after_six_working_hours(posted_at: str, opens_at: str) -> None:
    send(ROW | {"grade": "silver", "posted_at": posted_at, "expires_at": ""})
    assert Rfq.objects.get().opens_to_all_at == platform_time.parse_instant(opens_at)


@pytest.mark.rule("RFQ-4")
def test_another_grade_opens_anew() -> None:
    send(ROW | {"grade": "silver"})
    assert Rfq.objects.get().opens_to_all_at > Rfq.objects.get().posted_at
    send(ROW | {"grade": "gold"})
    assert Rfq.objects.get().opens_to_all_at == Rfq.objects.get().posted_at


def test_history_from_before_the_first_rulebook_is_taken() -> None:
    old = ROW | {"posted_at": "2019-05-01T00:00:00Z", "expires_at": "", "grade": "silver"}
    assert send(old).created == 1
    assert Rfq.objects.get().expires_at == datetime(2019, 5, 31, tzinfo=UTC)


def test_what_is_posted_later_is_listed_then() -> None:
    send(ROW | {"posted_at": "2022-08-10T00:00:00Z"})
    assert Rfq.objects.get().listed_at == datetime(2022, 8, 10, tzinfo=UTC)


def test_a_chunk_costs_the_same_whatever_its_rows(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(25):
        report = send(
            *(ROW | {"rfq_id": f"R-{n}", "invited": "cn1001|cn2002", "grade": "pro"}
              for n in range(300))
        )  # fmt: skip
    assert report.created == 300


# --- Staff and time -----------------------------------------------------------------------------


@pytest.fixture
def rfq(categories: Any, clock: Any) -> Rfq:
    send(ROW)
    return Rfq.objects.get()


def test_staff_remove_it_for_good(staff: User, rfq: Rfq) -> None:
    rfq_set_status(actor=staff, rfq=rfq, status="removed", reason="Phishing")
    assert words() == set()
    entry = LogEntry.objects.get(additional_data__action="rfq.status")
    assert entry.changes == {"status": ["open", "removed"]}
    assert entry.additional_data["reason"] == "Phishing"
    for row in (ROW, ROW | {"status": "open"}, ROW | {"expires_at": "2022-12-01T00:00:00Z"}):
        send(row)
        assert Rfq.objects.get().status == "removed"
        assert words() == set()
    with pytest.raises(Refusal, match="cannot get that status"):
        rfq_set_status(actor=staff, rfq=rfq, status="open", reason="Oops")


def test_a_closed_one_may_open_again_while_it_lasts(
    staff: User, rfq: Rfq, clock: Callable[[str], None]
) -> None:
    rfq_set_status(actor=staff, rfq=rfq, status="closed", reason="Asked by the buyer")
    assert words() == set()
    rfq_set_status(actor=staff, rfq=rfq, status="open", reason="Again")
    assert "kit" in words()
    rfq_set_status(actor=staff, rfq=rfq, status="closed", reason="Asked by the buyer")
    clock("2022-09-01T10:00:00-07:00")
    with pytest.raises(Refusal) as refused:
        rfq_set_status(actor=staff, rfq=rfq, status="open", reason="Too late")
    assert refused.value.code == "no_such_change"


def test_it_takes_a_reason_a_permission_and_a_known_move(staff: User, rfq: Rfq) -> None:
    with pytest.raises(InvalidInput):
        rfq_set_status(actor=staff, rfq=rfq, status="closed", reason=" ")
    with pytest.raises(Refusal):
        rfq_set_status(actor=staff, rfq=rfq, status="expired", reason="No")
    plain = factories.user_create("plain", is_staff=True)
    with pytest.raises(NotAllowed):
        rfq_set_status(actor=plain, rfq=rfq, status="closed", reason="Mine")
    assert Rfq.objects.get().status == "open"
    assert not LogEntry.objects.filter(additional_data__action="rfq.status").exists()


@pytest.mark.parametrize(("at", "expired"), [("09:59:59", 0), ("10:00:00", 1)])
def test_time_expires_it_at_its_end(rfq: Rfq, at: str, expired: int) -> None:
    now = platform_time.parse_instant(f"2022-09-01T{at}-07:00")
    assert rfqs_expire(now=now) == expired
    assert rfqs_expire(now=now) == 0
    assert Rfq.objects.get().status == ("expired" if expired else "open")
    assert bool(words()) is not expired


def test_an_expired_one_lives_again_when_its_end_is_moved(rfq: Rfq, clock: Any) -> None:
    clock("2022-09-02T00:00:00Z")
    rfqs_expire(now=platform_time.parse_instant("2022-09-02T00:00:00Z"))
    assert send(ROW | {"status": "open"}).unchanged == 1
    send(ROW | {"expires_at": "2022-10-01T00:00:00Z"})
    assert Rfq.objects.get().status == "open"
    assert "kit" in words()


def test_the_demo_s_clock_may_go_back(rfq: Rfq, settings: Any) -> None:
    late = platform_time.parse_instant("2022-10-01T00:00:00Z")
    rfq_create(rfq_id="closed", status="closed")
    rfqs_expire(now=late)
    assert rfqs_expire(now=platform_time.now()) == 0
    settings.DEMO = True
    assert rfqs_expire(now=platform_time.now()) == 1
    assert dict(Rfq.objects.values_list("rfq_id", "status")) == {"R-1": "open", "closed": "closed"}
    assert "kit" in words()
