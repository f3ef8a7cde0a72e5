"""Closed lists of task packs: who is on them, whoever closes them (GRO-10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from auditlog.models import LogEntry

from growth.models import Pack, PackListing
from growth.nightly.rewards import REWARDS
from growth.packs.reading import pack_reading
from growth.services.packs import pack_claim, pack_list_close
from portal.errors import Refusal
from portal.metrics import metric_job
from portal.models import Seller, SellerFlag
from portal.platform_time import start_of
from portal.scoping import unscoped
from portal.services.shops import STAR_FROM_UPSTREAM
from tests import factories
from tests.growth.pack_world import OPENS, VERIFIED, pack_create
from tests.growth.world import night, told
from tests.portal.ingest_tools import counts, send

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

ONE = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _unscoped(clock) -> Iterator[None]:
    clock.noon(OPENS)
    Pack.objects.all().delete()  # those every portal has
    with unscoped():
        yield


def state(seller: Seller) -> str:
    seller.refresh_from_db()  # as a page has it, which reads the shop with the member
    found = pack_reading(seller, "pack")
    assert found is not None
    return found.state.value


STARLESS = [
    VERIFIED,
    {"field": "assessed_star", "op": "eq", "value": 0},
    {"field": "days_open", "op": "gt", "value": 90},
]


@pytest.fixture
def crowd(category, shop, other_shop) -> dict[str, Seller]:
    """Shops of all kinds on the day of the list; `cn1001` and `cn2002` are on it.

    `star` has its star from upstream; that of `losing` ends when stars are assessed on the 5th.
    """
    opened = OPENS - 91 * ONE
    Seller.objects.update(opened_on=opened, assessed_star=0)
    star = factories.seller_create(category, opened_on=opened, assessed_star=1)
    SellerFlag.objects.create(seller=star, code=STAR_FROM_UPSTREAM, since=opened)
    return {
        "in": shop,
        "also": other_shop,
        "basic": factories.seller_create(category, opened_on=opened, membership="basic"),
        "star": star,
        "losing": factories.seller_create(
            category, opened_on=opened, assessed_star=1, member_id="losing"
        ),
        "young": factories.seller_create(category, opened_on=opened + ONE),
    }


def listed() -> set[str]:
    return set(PackListing.objects.values_list("seller__member_id", flat=True))


@pytest.mark.rule("GRO-10")
def test_the_list_is_closed_by_the_night_of_its_day_and_stays(crowd, owner, clock):
    pack = pack_create(audience=STARLESS, frozen_on=OPENS)
    clock.noon(OPENS - ONE)
    night(OPENS - 3 * ONE, REWARDS)
    assert not listed()
    # The day before, days open are those of the list's day already.
    assert (state(crowd["in"]), state(crowd["young"])) == ("not_open", "not_eligible")
    clock((start_of(OPENS) + timedelta(hours=1)).isoformat())
    night(OPENS - 2 * ONE, REWARDS)
    assert listed() == {"cn1001", "cn2002", "losing"}
    # Who leaves the audience stays on the list; who comes into it does not join.
    Seller.objects.filter(pk=crowd["in"].pk).update(assessed_star=1)
    Seller.objects.filter(pk=crowd["basic"].pk).update(membership="verified")
    Seller.objects.filter(pk=crowd["star"].pk).update(assessed_star=0)
    clock.noon(OPENS + 9 * ONE)
    night(OPENS + 7 * ONE, REWARDS)
    assert state(crowd["in"]) == "open"
    assert {state(crowd[name]) for name in ("basic", "star", "young")} == {"not_eligible"}
    pack_claim(member=owner, pack=pack)
    assert pack_list_close(pack=pack) == 0


@pytest.mark.rule("GRO-10")
def test_without_a_night_the_first_reader_after_noon_closes_the_list(crowd, owner, clock):
    pack = pack_create(audience=STARLESS, frozen_on=OPENS)
    noon = start_of(OPENS) + timedelta(hours=12)
    clock((noon - SECOND).isoformat())
    # Until then the audience is judged live.
    assert (state(crowd["in"]), state(crowd["basic"])) == ("open", "not_eligible")
    Seller.objects.filter(pk=crowd["basic"].pk).update(membership="verified")
    assert state(crowd["basic"]) == "open"
    assert not listed()
    clock(noon.isoformat())
    Seller.objects.filter(pk=crowd["in"].pk).update(status="closed")
    assert state(crowd["basic"]) == "open"
    assert listed() == {"cn2002", crowd["basic"].member_id}
    [row] = LogEntry.objects.filter(additional_data__action="pack.list_close")
    assert row.changes == {"shops": [None, "2"]}
    with pytest.raises(Refusal) as refusal:
        pack_claim(member=owner, pack=pack)
    assert refusal.value.code == "not_eligible"


@pytest.mark.rule("GRO-10")
def test_a_list_closed_late_counts_the_days_open_of_its_day(crowd, clock):
    pack_create(audience=STARLESS, frozen_on=OPENS)
    clock.noon(OPENS + 3 * ONE)
    assert state(crowd["young"]) == "not_eligible"
    assert listed() == {"cn1001", "cn2002"}


@pytest.mark.rule("GRO-10")
@pytest.mark.parametrize(("hour", "joins"), [(11, True), (12, False)])
def test_what_upstream_says_after_the_list_fell_due_comes_too_late(crowd, clock, hour, joins):
    """Neither a night nor a reader came between the day of the list and the upgrade."""
    pack_create(audience=STARLESS, frozen_on=OPENS)
    clock((start_of(OPENS) + timedelta(hours=hour)).isoformat())
    row = {"company_type": "trader", "main_category": crowd["basic"].main_category.code}
    send("sellers", {**row, "member_id": "new", "name_en": "New", "membership": "verified"})
    assert not Pack.objects.get().listed_at  # who is added changes nothing about the others
    for name, membership in (("basic", "verified"), ("in", "basic")):
        shop = crowd[name]
        named = {**row, "member_id": shop.member_id, "name_en": shop.name_en}
        report = send("sellers", {**named, "membership": membership})
        assert counts(report) == (0, 1, 0, 0)
    clock.noon(OPENS + ONE)
    found = {name: state(crowd[name]) == "open" for name in ("basic", "in")}
    assert found == {"basic": joins, "in": not joins}


@pytest.mark.rule("GRO-10")
def test_a_list_closed_late_reads_the_numbers_of_its_day(crowd, clock):
    pack_create(audience=[{"metric": "ext.area", "op": "gte", "value": 100}], frozen_on=OPENS)
    told(crowd["in"], "ext.area", d2022_08_01=100)
    told(crowd["also"], "ext.area", d2022_08_06=100)
    clock.noon(OPENS + 4 * ONE)
    for day in (OPENS - 3 * ONE, OPENS + 2 * ONE):
        night(day, metric_job("ext.area"))
    assert (state(crowd["in"]), state(crowd["also"])) == ("open", "not_eligible")


@pytest.mark.rule("GRO-10")
def test_a_list_that_falls_due_on_the_last_day_is_closed_on_it(crowd, clock):
    pack_create(audience=STARLESS, frozen_on=OPENS, closes_on=OPENS)
    clock.noon(OPENS)
    shop = crowd["basic"]
    row = {"member_id": shop.member_id, "name_en": shop.name_en, "company_type": "trader"}
    row |= {"main_category": shop.main_category.code, "membership": "verified"}
    assert counts(send("sellers", row)) == (0, 1, 0, 0)
    assert listed() == {"cn1001", "cn2002"}
