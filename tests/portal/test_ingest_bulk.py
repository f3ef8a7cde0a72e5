"""Many rows at once: what is read back is what was given, by whichever way it went in (K-15, P-4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from portal.ingest import bulk
from portal.models import Buyer, Notice, Order, Seller, User
from portal.scoping import unscoped
from portal.text import normalise
from tests.portal.ingest_tools import buyer, send

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("K-15")]

TRICKY = [
    "",
    "\\N",
    "NULL",
    "null",
    "\\",
    "\\.",
    "a\tb",
    "a\nb\r\n",
    '"',
    '\\"',
    "{1,2}",
    ",",
    "'",
    "电 '\"\\ 池",
]
"""Texts that mean something to `COPY`, to array literals or to SQL."""
TEXT = st.sampled_from(TRICKY) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
AT = st.datetimes(datetime(1970, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ROW = st.fixed_dictionaries(
    {
        "amount": st.decimals(0, Decimal("999999999999.99"), places=2),
        "created_at": AT,
        "paid_at": st.none() | AT,
        "received": st.none() | st.decimals(0, 10_000, places=2),
        "ship_by": st.none() | st.dates(),
        "carrier": TEXT,
        "fake": st.booleans(),
        "after_sales": st.lists(TEXT, max_size=3),
    }
)


@pytest.fixture(autouse=True)
def _unscoped() -> Any:
    with unscoped():
        yield


@pytest.fixture(params=[1, 10**9], ids=["copied", "inserted"])
def way(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every row be copied, or none where that can be chosen."""
    monkeypatch.setattr(bulk, "COPY_FROM_ROWS", request.param)


@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=st.lists(ROW, min_size=1, max_size=5))
def test_values_come_back_as_they_were_given(shop: Seller, rows: list[dict[str, Any]]) -> None:
    """Inserted at once, upserted, updated: the ORM reads the same values."""
    from portal.ingest.upsert import upsert

    with transaction.atomic():
        someone = Buyer.objects.create(buyer_id="B-bulk", country="US")
        shared = {
            "seller_id": shop.pk,
            "buyer_id": someone.pk,
            "channel": "e_collect",
            "kind": "rts",
        }
        wanted = [{**row, **shared, "order_id": f"bulk-{n}"} for n, row in enumerate(rows)]

        def stored() -> list[dict[str, Any]]:
            found = Order.objects.filter(order_id__startswith="bulk-").order_by("order_id")
            return list(found.values(*wanted[0]))

        bulk.insert_rows(Order, wanted)
        assert stored() == wanted
        assert upsert(Order, key=("order_id",), rows=wanted).unchanged == [*range(len(rows))]
        keys = Order.objects.filter(order_id__startswith="bulk-").order_by("-order_id")
        names = [*rows[0]]
        turned = dict(zip(keys.values_list("pk", flat=True), rows, strict=True))
        values = {pk: [row[name] for name in names] for pk, row in turned.items()}
        bulk.update_rows(Order, names, values)
        assert [{name: row[name] for name in names} for row in stored()] == rows[::-1]
        Order.objects.all().delete()
        assert len(upsert(Order, key=("order_id",), rows=wanted).created) == len(rows)
        assert stored() == wanted
        transaction.set_rollback(True)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(params=st.lists(st.dictionaries(TEXT, JSON, max_size=3), min_size=1, max_size=4))
def test_json_comes_back_as_it_was_given(params: list[dict[str, Any]]) -> None:
    with transaction.atomic():
        user = User.objects.create_user("json", password="x")
        rows = [
            {"user_id": user.pk, "kind": "k", "key": f"n{n}", "params": one}
            for n, one in enumerate(params)
        ]
        bulk.insert_rows(Notice, rows)
        found = Notice.objects.filter(user=user).order_by("key").values_list("params", flat=True)
        assert list(found) == params
        transaction.set_rollback(True)


@pytest.mark.usefixtures("way")
def test_rows_that_exist_are_left_alone_where_that_is_asked_for() -> None:
    kept = buyer("B1", company="Kept")
    rows = [{"buyer_id": f"B{n}", "country": "DE", "tier": "L1"} for n in range(3)]
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert_rows(Buyer, [{**row, "tier_since": kept.tier_since} for row in rows])
    assert Buyer.objects.count() == 1
    bulk.insert_rows(
        Buyer, [{**row, "tier_since": kept.tier_since} for row in rows], ignore_conflicts=True
    )
    found = Buyer.objects.order_by("buyer_id").values_list("buyer_id", "company", "country")
    assert list(found) == [("B0", "", "DE"), ("B1", "Kept", "US"), ("B2", "", "DE")]


@pytest.mark.usefixtures("way")
def test_a_broken_rule_is_not_taken_for_a_conflict() -> None:
    """Leaving what exists alone must not hide a row that may not be: a missing value, a text too long."""
    kept = buyer("B1")
    good = {"buyer_id": "B2", "country": "DE", "tier": "L1", "tier_since": kept.tier_since}
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert_rows(Buyer, [good, {**good, "buyer_id": None}], ignore_conflicts=True)
    if connection.vendor == "postgresql":  # SQLite knows no lengths
        with pytest.raises(DataError), transaction.atomic():
            bulk.insert_rows(Buyer, [good, {**good, "buyer_id": "B" * 65}], ignore_conflicts=True)
    assert Buyer.objects.count() == 1


SENT = st.fixed_dictionaries(
    {
        "dispute_id": st.sampled_from([f"D{n}" for n in range(6)]),
        "order": st.sampled_from(["O1", "O2", "nowhere"]),
        "reason": st.sampled_from(["quality", "not a reason"]),
        "opened_at": st.sampled_from(["2022-07-19T18:00:00-07:00", "2022-07-20", ""]),
        "outcome": st.sampled_from(["", "refund", "x" * 41]),
    }
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=st.lists(SENT, max_size=6), second=st.lists(SENT, min_size=1, max_size=6))
def test_copied_and_inserted_rows_bring_the_same_report(
    shop: Seller, first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    """Two batches, of which the second finds some of its rows stored: counts, messages and rows."""
    from portal.models import Dispute

    def told() -> Any:
        with transaction.atomic():
            someone = Buyer.objects.create(buyer_id="B-two", country="US")
            for order_id in ("O1", "O2"):
                Order.objects.create(
                    order_id=order_id, seller=shop, buyer=someone, channel="e_collect", kind="rts",
                    amount=1, created_at=datetime(2022, 7, 1, tzinfo=UTC),
                )  # fmt: skip
            reports = [send("disputes", *rows) for rows in (first, second, second)]
            rows = list(
                Dispute.objects.order_by("dispute_id").values_list(
                    "dispute_id", "order__order_id", "reason", "opened_at", "outcome"
                )
            )
            transaction.set_rollback(True)
        return [(one.summary(), one.rejections) for one in reports], rows

    before = bulk.COPY_FROM_ROWS
    try:
        bulk.COPY_FROM_ROWS = 1
        copied = told()
        bulk.COPY_FROM_ROWS = 10**9
        assert told() == copied
    finally:
        bulk.COPY_FROM_ROWS = before


# --- Looking up many ------------------------------------------------------------------------------


def test_among_finds_what_in_finds() -> None:
    someone = [buyer(code) for code in ("B1", "b'2", 'B"3', "B\\4", "{5}", "NULL")]
    codes = [one.buyer_id for one in someone]
    for wanted in (
        [],
        codes,
        codes[:1],
        [None, codes[2]],
        ["nobody"],
        {*codes[2:]},
        [*codes, *codes],
    ):
        by_code = Buyer.objects.order_by("pk")
        assert list(by_code.filter(buyer_id__among=wanted)) == list(
            by_code.filter(buyer_id__in=wanted)
        )
        assert list(by_code.exclude(buyer_id__among=wanted)) == list(
            by_code.exclude(buyer_id__in=[one for one in wanted if one is not None])
        )
    keys = [one.pk for one in someone]
    assert Buyer.objects.filter(pk__among=keys[:2]).count() == 2
    assert Order.objects.filter(buyer_id__among=keys).count() == 0


def test_among_follows_foreign_keys(shop: Seller, other_shop: Seller) -> None:
    someone = buyer()
    at = datetime(2022, 7, 1, tzinfo=UTC)
    for n, seller in enumerate((shop, other_shop, shop)):
        Order.objects.create(
            order_id=f"O{n}", seller=seller, buyer=someone, channel="e_collect", kind="rts", amount=1,
            created_at=at + timedelta(days=n),
        )  # fmt: skip
    found = Order.objects.order_by("order_id").filter(seller_id__among={shop.pk})
    assert [one.order_id for one in found] == ["O0", "O2"]
    assert Order.objects.filter(seller__among=[other_shop.pk]).get().order_id == "O1"


def test_plain_letters_are_folded_like_all_others() -> None:
    """Texts without foreign characters take a shorter way."""
    for sign in map(chr, range(128)):
        text = f"Ab{sign}c {sign}"
        assert normalise(f"{text} 灯") == f"{normalise(text)} 灯"
