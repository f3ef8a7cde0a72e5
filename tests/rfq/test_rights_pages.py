"""Balances and statement as sellers see them: page, CSV and API (RFQ-9)."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from portal import platform_time
from portal.models import Seller
from rfq.models import Quote
from rfq.rights.statement import next_grant_day
from rfq.services.rights import Balances, balances_of, month_end, right_spend, rights_refund
from tests.rfq.world import lot_create, quote_create, rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("RFQ-9")]

PAGE = "/rfq/rights/"
CSV = "/rfq/rights/statement.csv"
BALANCES = "/api/v1/rfq/balances"
LEDGER = "/api/v1/rfq/ledger"


def spend(quote: Quote, *kinds: str) -> None:
    """Use rights on a quote."""
    with transaction.atomic():
        for kind in kinds:
            right_spend(seller=quote.seller, kind=kind, key=f"use:{kind}:{quote.pk}", quote=quote)


@pytest.fixture
def quotes(shop: Seller, other_shop: Seller, clock: Any) -> list[Quote]:
    """A shop that used rights of every kind, of grants of several ends, and got some back."""
    now = platform_time.now()
    lot_create(seller=shop, amount=2, source="activity", expires_at=now + timedelta(hours=3))
    lot_create(seller=shop, amount=30, source="service_score", expires_at=month_end(now))
    lot_create(seller=shop, amount=7, source="=paid()", expires_at=None)
    lot_create(seller=shop, kind="gold", amount=None, source="service_score")
    lot_create(seller=shop, kind="fast_lane", amount=2)
    lot_create(seller=shop, kind="pin", amount=1, granted_at=now + timedelta(days=1))
    lot_create(seller=other_shop, amount=50, source="of the neighbour")
    rfqs = [rfq_create(rfq_id=f"RFQ-{number}") for number in range(4)]
    made = [quote_create(seller=shop, rfq=rfq) for rfq in rfqs]
    for quote in made:
        clock.advance(minutes=1)
        spend(quote, "quote", "gold")
    spend(made[3], "fast_lane")
    spend(quote_create(seller=other_shop, rfq=rfqs[0]), "quote")
    clock.advance(hours=4)
    rights_refund(quotes=made[:1], reason_key="spam")
    return made


# --- API ----------------------------------------------------------------------------------------


def ledger(client: APIClient, **query: Any) -> list[dict[str, Any]]:
    """All rows over all pages of three."""
    rows: list[dict[str, Any]] = []
    url: str | None = LEDGER
    query["page_size"] = 3
    while url:
        answer = client.get(url, query)
        assert answer.status_code == 200, answer.data
        rows += answer.json()["results"]
        url, query = answer.json()["next"], {}
    return rows


def sums(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Kind → sum of the amounts."""
    found: dict[str, int] = {}
    for row in rows:
        found[row["kind"]] = found.get(row["kind"], 0) + (row["amount"] or 0)
    return found


@pytest.mark.both_databases
@pytest.mark.usefixtures("quotes")
def test_live_rows_of_the_ledger_sum_to_the_balances(
    shop: Seller, owner_api: APIClient, clock: Any
) -> None:
    for day in range(0, 40, 4):
        balances = owner_api.get(BALANCES).json()
        assert balances == balances_of(seller=shop).as_dict()
        live = sums(ledger(owner_api, live="true"))
        for kind, left in balances.items():
            assert left is None or left == live.get(kind, 0), (day, kind)
        clock.advance(days=4)
    assert balances_of(seller=shop) == Balances(quote=7)


@pytest.mark.usefixtures("quotes")
def test_a_row_of_the_ledger_says_what_happened(quotes: list[Quote], owner_api: APIClient) -> None:
    rows = ledger(owner_api)
    assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)
    assert "pin" not in sums(rows), "granted tomorrow"
    first = [row for row in rows if row["quote"] == quotes[0].pk]
    assert [(row["what"], row["kind"], row["amount"], row["source"]) for row in first] == [
        ("refund", "quote", 1, "refund"),
        ("refund", "gold", 1, "service_score"),
        ("use", "gold", -1, "service_score"),
        ("use", "quote", -1, "activity"),
    ]
    assert {row["rfq"] for row in first} == {"RFQ-0"}
    (unlimited,) = ledger(owner_api, kind="gold", source="service_score", live="true")[-1:]
    assert (unlimited["what"], unlimited["amount"], unlimited["rfq"]) == ("grant", None, None)


@pytest.mark.usefixtures("quotes")
@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 16),
        ({"kind": "gold"}, 6),
        ({"source": "activity"}, 3),
        ({"live": "false"}, 3),
        ({"live": "true", "kind": "quote"}, 5),
        ({"since": "2022-08-03"}, 11),
        ({"until": "2022-08-02"}, 5),
        ({"kind": "pin"}, 0),
    ],
)
def test_the_ledger_can_be_narrowed(
    owner_api: APIClient, query: dict[str, str], count: int
) -> None:
    assert len(ledger(owner_api, **query)) == count


@pytest.mark.parametrize("query", [{"kind": "silver"}, {"since": "soon"}, {"cursor": "x"}])
def test_what_makes_no_sense_is_a_bad_request(owner_api: APIClient, query: Any) -> None:
    assert owner_api.get(LEDGER, query).status_code == 400


@pytest.mark.usefixtures("quotes")
def test_rights_of_another_shop_are_nobody_s_business(
    owner_api: APIClient, stranger_api: APIClient, owner_client: Client, anonymous_api: APIClient
) -> None:
    assert [row["source"] for row in ledger(stranger_api)] == ["of the neighbour"] * 2
    assert stranger_api.get(BALANCES).json()["quote"] == 49
    assert "of the neighbour" not in {row["source"] for row in ledger(owner_api)}
    assert ledger(owner_api, source="of the neighbour") == []
    for address in (PAGE, CSV):
        assert "neighbour" not in owner_client.get(address).getvalue().decode()
    for address in (BALANCES, LEDGER):
        assert anonymous_api.get(address).status_code == 401


@pytest.mark.usefixtures("quotes")
def test_the_ledger_takes_a_constant_number_of_queries(
    owner_api: APIClient, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(5):
        assert len(owner_api.get(LEDGER).json()["results"]) == 16


# --- Page and CSV -------------------------------------------------------------------------------


@pytest.mark.usefixtures("quotes")
def test_the_page_says_what_is_left_and_why(viewer_client: Client, quotes: list[Quote]) -> None:
    text = viewer_client.get(PAGE).content.decode()
    for words in (
        "36",
        "29 of them only through Aug 31, 2022.",
        "Through Sep 2, 2022.",
        "None left.",
        "Used because",
        "is a gold RFQ",
        "Given back: the quote on",
        "Sep 3, 2022",
    ):
        assert words in text, words
    assert "RFQ-3" in text


@pytest.mark.usefixtures("quotes")
def test_the_page_s_filters_narrow_the_statement_alone(owner_client: Client) -> None:
    page = owner_client.get(PAGE, {"kind": "fast_lane", "live": "true", "source": "staff"})
    assert [entry.delta for entry in page.context["page_obj"]] == [-1, 2]
    assert len(page.context["tiles"]) == 4
    nothing = owner_client.get(PAGE, {"kind": "pin"}).content.decode()
    assert "No entry matches these filters" in nothing
    assert owner_client.get(PAGE, {"since": "soon", "source": "\0"}).status_code == 200


@pytest.mark.usefixtures("quotes")
def test_the_page_takes_a_constant_number_of_queries(
    shop: Seller, owner_client: Client, django_assert_num_queries: Any
) -> None:
    owner_client.get(PAGE)
    with CaptureQueriesContext(connection) as queries:
        owner_client.get(PAGE)
    for number in range(10):
        lot_create(seller=shop, source=f"source {number}")
        spend(quote_create(seller=shop), "quote")
    with django_assert_num_queries(len(queries)):
        owner_client.get(PAGE)


def test_without_any_right_the_page_says_how_to_get_some(owner_client: Client, clock: Any) -> None:
    assert "No rights yet" in owner_client.get(PAGE).content.decode()


@pytest.mark.usefixtures("quotes")
def test_the_csv_holds_every_row_the_filters_keep_and_no_formula(owner_client: Client) -> None:
    answer = owner_client.get(CSV, {"kind": "quote"})
    assert answer.streaming
    assert answer["Content-Disposition"] == 'attachment; filename="rights-2022-08-03.csv"'
    text = answer.getvalue().decode()
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(rows) == 8
    assert sum(int(row["amount"]) for row in rows if row["live"] == "yes") == 36
    assert {row["source"] for row in rows} == {
        "Activity", "Service score reward", "Refund", "'=paid()",
    }  # fmt: skip
    use = next(row for row in rows if row["rfq"] == "RFQ-2")
    assert (use["what"], use["at"]) == ("Used for the quote on RFQ-2", "2022-08-03T12:03:00-07:00")


# --- When the next rights come ------------------------------------------------------------------


@pytest.mark.rule("RFQ-10")
@pytest.mark.parametrize(
    ("today", "following"),
    [
        # The table of 2022-01 grants on the 3rd and the 15th, and still decides August's rights.
        ("2022-07-03", "2022-07-15"),
        ("2022-07-15", "2022-08-03"),
        ("2022-08-03", "2022-08-15"),
        ("2022-08-15", "2022-09-03"),
        ("2022-09-03", "2022-10-03"),
        ("2022-12-31", "2023-01-03"),
        # Nothing is known before the first rulebook.
        ("2021-06-30", None),
    ],
)
def test_the_next_grant_follows_from_the_table_of_the_month_before(
    db: None, today: str, following: str | None
) -> None:
    day = next_grant_day(platform_time.parse_day(today))
    assert day == (platform_time.parse_day(following) if following else None)
