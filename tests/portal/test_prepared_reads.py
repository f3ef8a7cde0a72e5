"""Statements written once answer as the queries they stand for, and never for another shop (P-3, K-8)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Count, F, Max, Q, QuerySet, Value
from django_scopes.exceptions import ScopeError

from portal import platform_time, prepared_reads
from portal.models import Bulletin, BulletinRead, Buyer, Member, Order
from portal.prepared_reads import number_of, prepared, relate, totals
from portal.scoping import seller_scope, unscoped
from tests.portal.page_rows import NOW, bulletin_create, buyer_create, order_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("P-3")]

WRITTEN: list[str] = []
"""Names of the reads below whose statements were written out."""


@prepared
def paid(since: datetime, buyers: Collection[int], *, fake: bool) -> QuerySet[Order, Any]:
    WRITTEN.append("paid")
    orders = Order.objects.filter(paid_at__gte=since, buyer__in=buyers, fake=fake)
    return orders.order_by("order_id").values_list("order_id", flat=True)


@prepared
def due(day: date, text: str) -> QuerySet[Order]:
    orders = Order.objects.filter(Q(ship_by__lte=day) | Q(order_id=text)).select_related("buyer")
    return orders.annotate(one=Value(1)).order_by("order_id")


@prepared
def of_all(until: datetime) -> QuerySet[Order, Any]:
    return totals(
        Order.objects.filter(paid_at__lte=until), number=Count("pk"), last=Max("order_id")
    )


@pytest.fixture
def orders(owner: Member, stranger: Member) -> Iterator[list[Buyer]]:
    """Orders of two shops from three buyers each: paid at noon, an hour later, …; the buyers."""
    buyers = [buyer_create(number) for number in range(3)]
    with unscoped():
        for shop, name in ((owner.seller, "ours"), (stranger.seller, "theirs")):
            for number, buyer in enumerate(buyers):
                at = NOW + timedelta(hours=number)
                order_create(
                    shop, buyer, f"{name}-{number}", paid_at=at, ship_by=platform_time.day_of(at)
                )
    yield buyers
    WRITTEN.clear()


def test_what_is_given_by_position_is_a_value_and_by_keyword_another_statement(
    owner: Member, orders: list[Buyer], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (buyer.pk for buyer in orders)
    with seller_scope(owner.seller):
        assert paid(NOW, {first, second, third}, fake=False) == ["ours-0", "ours-1", "ours-2"]
        monkeypatch.setattr(prepared_reads, "checked", False)
        WRITTEN.clear()
        # The instant itself is inside, and nothing before it.
        assert paid(NOW + timedelta(hours=1), [third, first, second, second], fake=False) == [
            "ours-1", "ours-2",
        ]  # fmt: skip
        assert paid(
            NOW + timedelta(hours=1, microseconds=1), (first, second, third), fake=False
        ) == ["ours-2"]
        assert WRITTEN == [], "three and four of something share a statement"
        assert paid(NOW, [second], fake=False) == ["ours-1"]
        assert paid(NOW, [], fake=False) == []
        assert paid(NOW, [first], fake=True) == []
        assert len(WRITTEN) == 3
        assert paid(NOW, [third], fake=False) == ["ours-2"]
        assert paid(NOW, [], fake=False) == []
        assert len(WRITTEN) == 3


@pytest.mark.rule("K-8")
def test_the_shop_in_scope_is_asked_for_each_time(
    owner: Member, stranger: Member, orders: list[Buyer]
) -> None:
    buyers = [buyer.pk for buyer in orders]
    for _turn in range(2):
        for member, name in ((owner, "ours"), (stranger, "theirs")):
            with seller_scope(member.seller):
                assert paid(NOW, buyers, fake=False) == [f"{name}-{n}" for n in range(3)]
        with pytest.raises(ScopeError):
            paid(NOW, buyers, fake=False)
        with unscoped():
            assert len(paid(NOW, buyers, fake=False)) == 6


def test_rows_are_what_the_query_set_yields(owner: Member, orders: list[Buyer]) -> None:
    with seller_scope(owner.seller):
        found: list[Any] = due(platform_time.day_of(NOW), "ours-2")
        same = Order.objects.filter(order_id__in=[one.order_id for one in found])
        assert [(one, one.one, one.paid_at) for one in found] == [
            (one, 1, one.paid_at) for one in same.order_by("order_id")
        ]
        assert {one.buyer.company for one in found} <= {buyer.company for buyer in orders}
        assert not due(platform_time.day_of(NOW) - timedelta(days=1), "no such")
        assert of_all(NOW + timedelta(hours=1)) == [(2, "ours-1")]
        assert of_all(NOW - timedelta(hours=1)) == [(0, None)], "totals of nothing are a row, too"


def test_relations_are_given_as_prefetched(owner: Member, django_assert_num_queries: Any) -> None:
    bulletins = [bulletin_create(f"b{number}") for number in range(2)]
    with unscoped():
        BulletinRead.objects.create(bulletin=bulletins[1], member=owner)
        rows = list(BulletinRead.objects.all())
    relate(bulletins, "reads", rows, by="bulletin_id")
    with django_assert_num_queries(0), unscoped():
        assert [list(one.reads.all()) for one in bulletins] == [[], rows]


def test_what_cannot_be_a_value_is_refused(owner: Member, orders: list[Buyer]) -> None:
    @prepared
    def late(day: date) -> QuerySet[Order]:
        return Order.objects.filter(ship_by__lt=day - timedelta(days=1))

    @prepared
    def with_more() -> QuerySet[Bulletin]:
        return Bulletin.objects.prefetch_related("reads")

    with seller_scope(owner.seller):
        for value in (None, True, 1.5):
            with pytest.raises(TypeError, match="no value"):
                due(value, "x")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="before they are given"):
            late(NOW.date())
        with pytest.raises(TypeError, match="relate"):
            with_more()


def test_a_read_that_depends_on_more_than_its_values_is_found_out(
    clock: Any, owner: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    @prepared
    def until_now(first: int) -> QuerySet[Order, Any]:
        return number_of(Order.objects.filter(pk__gt=first, paid_at__lte=platform_time.now()))

    with seller_scope(owner.seller):
        assert until_now(0) == [(0,)]
        clock.noon(date(2022, 8, 4))
        with pytest.raises(AssertionError, match="until_now"):
            until_now(0)
        monkeypatch.setattr(prepared_reads, "checked", False)
        assert until_now(0) == [(0,)], "the control: unchecked, nobody would notice"


def test_statements_are_bounded(owner: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared_reads, "MOST_PLANS", 3)

    @prepared
    def beyond(pk: int, *, column: str) -> QuerySet[Order, Any]:
        return number_of(Order.objects.filter(pk__gt=pk).exclude(order_id=F(column)))

    with seller_scope(owner.seller):
        for column in ("order_id", "channel", "kind", "order_id", "channel") * 2:
            assert beyond(0, column=column) == [(0,)]
