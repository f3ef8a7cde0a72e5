"""RFQs end, rights that are about to end are spoken of, the ledger is proved (RFQ-1, RFQ-9, K-18)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from portal.models import Notice
from portal.nightly import ledger
from portal.nightly.engine import run_inline
from portal.platform_time import end_of, now, start_of
from portal.scoping import unscoped
from rfq.models import Rfq, RightLot
from tests.rfq.world import lot_create, rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

TODAY = date(2022, 8, 3)


@pytest.fixture(autouse=True)
def _unscoped(clock) -> Iterator[None]:
    with unscoped():
        yield


def expiry(as_of: date = TODAY - timedelta(days=2)) -> None:
    """Run the job alone: its needs count as published."""
    run = ledger.night_start(as_of=as_of, jobs=["rfq.expiry"])
    run.jobs.exclude(job="rfq.expiry").update(state="complete")
    assert run_inline(run_id=run.pk).state == "complete"


@pytest.mark.rule("RFQ-1")
def test_rfqs_whose_time_is_over_are_expired(categories, clock):
    over = rfq_create(expires_at=now(), posted_at=now() - timedelta(days=1))
    running = rfq_create(expires_at=now() + timedelta(seconds=1))
    closed = rfq_create(expires_at=now(), posted_at=now() - timedelta(days=1), status="closed")
    expiry()
    expiry()
    assert dict(Rfq.objects.values_list("pk", "status")) == {
        over.pk: "expired",
        running.pk: "open",
        closed.pk: "closed",
    }


@pytest.mark.rule("RFQ-9", "K-18")
@pytest.mark.parametrize(
    ("days", "told"), [(8, False), (7, True), (6, False), (1, True), (0, False)]
)
def test_rights_are_spoken_of_7_days_and_1_day_before_their_last_day(
    shop, owner, clock, days, told
):
    lot_create(seller=shop, amount=4, expires_at=end_of(TODAY + timedelta(days=days)))
    expiry()
    expiry()
    notices = list(Notice.objects.all())
    assert bool(notices) is told
    if told:
        [notice] = notices
        assert notice.params["rights"]["en"] == "4 × Quote right"
        assert notice.params["days"] == days
        assert notice.params["day"] == {"day": (TODAY + timedelta(days=days)).isoformat()}


@pytest.mark.rule("RFQ-9", "K-18")
def test_what_is_used_up_or_unlimited_is_not_spoken_of_and_kinds_share_a_notice(
    shop, owner, stranger, other_shop, clock
):
    ends = start_of(TODAY + timedelta(days=2))
    lot_create(seller=shop, amount=4, left=0, expires_at=ends)
    lot_create(seller=shop, amount=None, kind="gold", expires_at=ends)
    lot_create(seller=shop, amount=3, kind="pin", expires_at=ends)
    lot_create(seller=shop, amount=2, kind="quote", expires_at=ends)
    lot_create(seller=shop, amount=2, kind="pin", expires_at=ends)
    lot_create(seller=other_shop, amount=4, left=0, expires_at=ends)
    expiry()
    [notice] = Notice.objects.filter(kind="entitlement_expiring")
    assert notice.user == owner.user
    assert notice.params["rights"]["en"] == "2 × Quote right, 5 × Pin right"


@pytest.mark.rule("RFQ-9", "NGT-4")
def test_a_late_night_speaks_of_today(shop, owner, clock):
    lot_create(seller=shop, amount=4, expires_at=end_of(TODAY + timedelta(days=1)))
    expiry(date(2022, 7, 20))
    [notice] = Notice.objects.all()
    assert notice.params["days"] == 1


@pytest.mark.rule("RFQ-9", "K-18")
def test_nights_that_were_missed_leave_no_end_of_rights_untold(shop, owner, clock):
    expiry(TODAY - timedelta(days=6))
    assert not Notice.objects.exists()
    for days in (8, 5, 3, 0):
        lot_create(seller=shop, amount=4, expires_at=end_of(TODAY + timedelta(days=days)))
    expiry()
    expiry()
    assert {notice.params["days"] for notice in Notice.objects.all()} == {0, 5}
    assert Notice.objects.count() == 2


@pytest.mark.rule("RFQ-9")
def test_operators_hear_once_a_day_of_lots_the_ledger_does_not_explain(shop, staff, clock):
    lot = lot_create(seller=shop, amount=4)
    expiry()
    assert not Notice.objects.exists()
    RightLot.objects.filter(pk=lot.pk).update(left=3)
    expiry()
    expiry()
    [notice] = Notice.objects.all()
    assert (notice.user, notice.kind) == (staff, "rights_mismatch")
    assert notice.params["count"] == 1
    assert lot.key in notice.params["first"]
