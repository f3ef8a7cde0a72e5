"""A month's score is fixed on the 3rd and brings the month's rights, once (RFQ-10, RFQ-18, RFQ-20 … RFQ-22)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.models import Notice, Seller
from portal.models.standings import FOREVER
from portal.nightly import ledger
from portal.nightly.export import standing_lines
from portal.platform_time import end_of, start_of
from portal.scoping import unscoped
from rfq.models import Assessment, RightEntry, RightLot, ServiceScore
from rfq.nightly.assess import month_to_fix, newest_month_end
from rfq.score.rules import rewards_for
from rfq.services.rights_check import rights_reconcile
from tests import factories
from tests.rfq.score_books import BOOKS
from tests.rfq.score_world import night
from tests.rfq.world import assessment_create, quote_create, rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

JULY_31, AUGUST_1 = date(2022, 7, 31), date(2022, 8, 1)


@pytest.fixture(autouse=True)
def _unscoped(clock) -> Iterator[None]:
    with unscoped():
        yield


def score_create(seller: Seller, total: int, **over) -> ServiceScore:
    """Write a standing as the night would."""
    counts = dict.fromkeys(
        ("login_days", "quotes", "quotes_in_time", "quoted_30d", "replied_30d", "quotes_peers",
         "response_peers", "bonus", "free_granted", "free_used", "marketing_bonus"), 0,
    )  # fmt: skip
    fields = {
        **counts, "rulebook": "2022-01", "gmv": 0, "bonus_forfeited": False, "total": total,
        "valid_from": JULY_31, "valid_to": FOREVER, **over,
    }  # fmt: skip
    return ServiceScore.objects.create(seller=seller, **fields)


def amounts(seller: Seller) -> dict[str, list[int | None]]:
    """Return what was granted by kind, in the order of granting."""
    found: dict[str, list[int | None]] = {}
    for lot in RightLot.objects.filter(seller=seller, source="service_score").order_by("key"):
        found.setdefault(lot.kind, []).append(lot.amount)
    return found


# --- Fixing -------------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-18")
def test_the_score_of_the_last_day_is_fixed_on_the_3rd_and_no_earlier(shop, clock):
    clock.noon(date(2022, 8, 2))
    night(JULY_31, "rfq.assess")
    assert not Assessment.objects.exists()
    clock.noon(date(2022, 8, 3))
    night(AUGUST_1, "rfq.assess")
    [row] = Assessment.objects.all()
    score = ServiceScore.objects.as_of(JULY_31).get(seller=shop)
    assert (row.as_of, row.rulebook, row.total) == (JULY_31, "2022-01", score.total)
    assert row.fixed_at == start_of(date(2022, 8, 3)) + timedelta(hours=12)


@pytest.mark.rule("RFQ-18")
def test_without_scores_of_the_last_day_nothing_is_fixed(shop, clock):
    night(AUGUST_1, "rfq.assess")
    assert not Assessment.objects.exists()
    night(JULY_31)
    night(AUGUST_1, "rfq.assess")
    assert Assessment.objects.count() == 1


@pytest.mark.rule("RFQ-18")
def test_a_month_before_the_first_rules_is_not_fixed_and_stops_no_night(shop, clock):
    clock.noon(date(2021, 9, 3))
    night(date(2021, 8, 31), "rfq.assess")
    night(date(2021, 9, 1), "rfq.grants")
    assert not Assessment.objects.exists()
    assert ledger.published("rfq.grants").filter(as_of=date(2021, 9, 1)).exists()


@pytest.mark.rule("RFQ-18")
def test_an_assessment_is_never_changed_even_when_its_day_is_computed_again(shop, clock):
    night(JULY_31)
    night(AUGUST_1, "rfq.assess")
    [before] = Assessment.objects.values()
    quote_create(seller=shop, rfq=rfq_create(posted_at=start_of(JULY_31)))
    Seller.objects.filter(pk=shop.pk).update(membership="basic")
    clock.advance(hours=30)
    for day in (JULY_31, AUGUST_1):
        night(day, "rfq.score", "rfq.assess")
    assert ServiceScore.objects.as_of(JULY_31).get(seller=shop).total != before["total"]
    assert list(Assessment.objects.values()) == [before]


@pytest.mark.rule("RFQ-18", "NGT-4")
def test_a_night_caught_up_late_fixes_its_month_and_an_old_one_its_own(shop, clock):
    """The nights of 31 July and 31 August were lost; on 10 September they are caught up."""
    clock.noon(date(2022, 9, 10))
    august_31 = date(2022, 8, 31)
    night(august_31, "rfq.assess")
    assert [row.as_of for row in Assessment.objects.all()] == [august_31]
    night(JULY_31, "rfq.assess")
    assert {row.as_of: row.rulebook for row in Assessment.objects.all()} == {
        JULY_31: "2022-01",
        august_31: "2022-08",
    }


@pytest.mark.rule("RFQ-18")
def test_month_ends():
    assert newest_month_end(date(2022, 7, 31)) == JULY_31
    assert newest_month_end(date(2022, 8, 30)) == JULY_31
    assert newest_month_end(date(2022, 3, 30)) == date(2022, 2, 28)


@pytest.mark.rule("RFQ-18")
def test_two_nights_of_one_month_fix_it_once(shop, other_shop, clock):
    clock.noon(date(2022, 8, 5))
    night(JULY_31)
    for day in (AUGUST_1, date(2022, 8, 2), date(2022, 8, 3)):
        assert month_to_fix(day) == JULY_31
        night(day, "rfq.assess")
    assert Assessment.objects.count() == 2


@pytest.mark.rule("RFQ-20", "RFQ-21", "RFQ-22", "RFQ-5")
@pytest.mark.parametrize(
    ("month_end", "version"),
    [(date(2021, 9, 30), "2021-09"), (JULY_31, "2022-01"), (date(2022, 8, 31), "2022-08")],
)
def test_rights_of_every_total_are_those_of_the_rules(category, clock, month_end, version):
    clock.noon(month_end + timedelta(days=3))
    expected = {}
    ledger_of(month_end)
    for total in (0, 39, 40, 59, 60, 69, 70, 79, 80, 89, 90, 120):
        for membership, star in (("verified", 0), ("basic", 2), ("basic", 3)):
            for quotes in (0, 30, 64, 101):
                seller = factories.seller_create(
                    category, membership=membership, assessed_star=star
                )
                score_create(seller, total, quotes=quotes, rulebook=version, valid_from=month_end)
                expected[seller.pk] = rewards_for(BOOKS[version], total, membership, star, quotes)
    night(month_end + timedelta(days=1), "rfq.assess")
    rows = {row.seller_id: row for row in Assessment.objects.all()}
    assert rows.keys() == expected.keys()
    for seller, rewards in expected.items():
        assert rows[seller].rights() == rewards.amounts()
        assert rows[seller].early_access == rewards.early_access


def ledger_of(day: date) -> None:
    """Say that the scores of the day and of the one after are published."""
    for each in (day, day + timedelta(days=1)):
        run = ledger.night_start(as_of=each, jobs=["rfq.score"])
        run.jobs.update(state="complete")
        run.state = "complete"
        run.save()


# --- Granting -----------------------------------------------------------------------------------


def grant(as_of: date) -> None:
    """Run the job of grants alone: its needs count as published."""
    run = ledger.night_start(as_of=as_of, jobs=["rfq.grants"])
    run.jobs.exclude(job="rfq.grants").update(state="complete")
    from portal.nightly.engine import run_inline

    assert run_inline(run_id=run.pk).state == "complete"


RIGHTS = {"quote_rights": 15, "gold_rights": 5, "fast_lane_rights": None, "pin_rights": 0}


@pytest.mark.rule("RFQ-10")
def test_halves_come_on_the_3rd_and_the_15th_the_larger_first(shop, clock):
    assessment_create(seller=shop, **RIGHTS)
    clock.noon(date(2022, 8, 2))
    grant(JULY_31)
    assert amounts(shop) == {}
    clock.noon(date(2022, 8, 3))
    grant(AUGUST_1)
    assert amounts(shop) == {"quote": [8], "gold": [3], "fast_lane": [None]}
    clock.noon(date(2022, 8, 14))
    grant(date(2022, 8, 12))
    assert amounts(shop) == {"quote": [8], "gold": [3], "fast_lane": [None]}
    clock.noon(date(2022, 8, 15))
    grant(date(2022, 8, 13))
    assert amounts(shop) == {"quote": [8, 7], "gold": [3, 2], "fast_lane": [None]}
    first = RightLot.objects.get(key="score:cn1001:2022-08:quote:1")
    assert (first.left, first.expires_at) == (8, start_of(date(2022, 9, 1)))
    assert first.granted_at == start_of(date(2022, 8, 3)) + timedelta(hours=12)
    assert rights_reconcile() == []
    assert RightEntry.objects.count() == RightLot.objects.count() == 5


@pytest.mark.rule("RFQ-10", "RFQ-22")
def test_from_august_2022_on_rights_come_whole_on_the_3rd(shop, clock):
    assessment_create(
        seller=shop, as_of=date(2022, 8, 31), rulebook="2022-08", gold_rights=15, pin_rights=5
    )
    clock.noon(date(2022, 9, 3))
    grant(date(2022, 9, 1))
    clock.noon(date(2022, 9, 15))
    grant(date(2022, 9, 13))
    assert amounts(shop) == {"gold": [15], "pin": [5]}


@pytest.mark.rule("RFQ-10")
def test_again_late_and_out_of_order_grants_nothing_twice(shop, other_shop, clock):
    assessment_create(seller=shop, **RIGHTS)
    clock.noon(date(2022, 8, 20))
    for day in (date(2022, 8, 18), date(2022, 8, 5), AUGUST_1, date(2022, 8, 18)):
        clock.advance(minutes=1)
        grant(day)
    assert amounts(shop) == {"quote": [8, 7], "gold": [3, 2], "fast_lane": [None]}
    assert amounts(other_shop) == {}
    assert RightEntry.objects.count() == 5


@pytest.mark.rule("RFQ-10")
def test_rights_of_a_month_that_is_over_are_not_made_up(shop, clock):
    assessment_create(seller=shop, **RIGHTS)
    clock.noon(date(2022, 9, 3))
    grant(date(2022, 8, 18))
    assert amounts(shop) == {}


@pytest.mark.rule("RFQ-10")
def test_a_closed_shop_is_granted_nothing(shop, clock):
    assessment_create(seller=shop, **RIGHTS)
    Seller.objects.filter(pk=shop.pk).update(status="closed")
    grant(AUGUST_1)
    assert amounts(shop) == {}


@pytest.mark.rule("RFQ-10", "K-18")
def test_a_shop_is_told_once_per_grant_day_what_it_got(shop, owner, clock):
    assessment_create(seller=shop, **RIGHTS)
    grant(AUGUST_1)
    grant(AUGUST_1)
    clock.noon(date(2022, 8, 15))
    grant(date(2022, 8, 13))
    first, second = Notice.objects.order_by("pk")
    assert first.params["rights"]["en"] == (
        "8 × Quote right, 3 × Gold-opportunity right, unlimited × Fast-lane pass"
    )
    assert first.params["expires"] == {"day": "2022-08-31"}
    assert second.params["rights"]["en"] == "7 × Quote right, 2 × Gold-opportunity right"


@pytest.mark.rule("RFQ-10", "RFQ-18")
def test_a_whole_night_on_the_3rd_fixes_and_grants(shop, clock):
    posted = start_of(date(2022, 7, 20))
    for _ in range(3):
        rfq = rfq_create(posted_at=posted)
        quote_create(rfq=rfq, seller=shop, replied_at=posted + timedelta(hours=2))
    night(JULY_31)
    night(AUGUST_1, "rfq.grants")
    [row] = Assessment.objects.all()
    # 20 quotes + 20 response + 15 replies + 20 verified
    assert (row.total, row.quotes, row.gmv) == (75, 3, Decimal(0))
    assert amounts(shop) == {"quote": [10], "gold": [8], "fast_lane": [5]}
    lines = list(standing_lines(AUGUST_1, "rfq.assessments"))
    assert len(lines) == 1
    assert '"month":"2022-07"' in lines[0]
    assert end_of(date(2022, 8, 31)) == RightLot.objects.first().expires_at
