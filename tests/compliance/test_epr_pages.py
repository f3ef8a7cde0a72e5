"""Pages of EPR as a shop sees them: matrix, lists, impact, blocked trades, home (EPR-11, EPR-12, UI-2)."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from compliance.choices import CertificateStatus
from compliance.epr.overview_page import matrix
from compliance.epr.shop_overview import shop_overview
from compliance.epr.tiles import epr_tile
from compliance.gate import gate_many
from compliance.models import Certificate, GateBlock
from portal import platform_time
from portal.models import Category, Member, Seller
from portal.next_actions import next_actions_for
from portal.platform_time import end_of, parse_instant
from portal.scoping import seller_scope, unscoped
from tests.compliance.world import certificate_create, product_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-11")]

BATTERY = ["packaging", "battery"]
AT_INTERRUPTION, BEFORE_IT = "2022-12-27T00:00:00-08:00", "2022-12-26T23:59:59-08:00"


@pytest.fixture(autouse=True)
def _noon(clock: Any) -> None:
    """2022-08-03."""


def text_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return " ".join(response.content.decode().split())


# --- Overview -------------------------------------------------------------------------------------


def test_the_matrix_shows_each_cell_with_its_ways_on(shop: Seller, owner_client: Client) -> None:
    for _number in range(3):
        product_create(seller=shop, epr_traits=BATTERY)
    certificate_create(seller=shop)
    certificate_create(
        seller=shop, country="FR", category="packaging", status=CertificateStatus.SUBMITTED
    )
    page = text_of(owner_client, "/compliance/")
    assert "3 of 3 products" in page  # German packaging is covered,
    assert "?type=epr&amp;country=DE&amp;category=battery" in page  # the battery number is not,
    assert 'register before <time datetime="2022-10-04">' in page  # and takes 6 to 12 weeks.
    assert "/compliance/products/?country=DE&amp;category=battery&amp;state=missing" in page
    assert "145 days left" in page
    assert "no live product needs it" in page
    # What waits for review is nothing to upload again.
    assert "?type=epr&amp;country=FR&amp;category=packaging" not in page


def test_an_approval_shows_at_once_and_an_end_too(
    shop: Seller, owner_client: Client, clock: Any
) -> None:
    product_create(seller=shop)
    waiting = certificate_create(seller=shop, status=CertificateStatus.SUBMITTED)
    cell = ("DE", "packaging")

    def state() -> str:
        with seller_scope(shop):
            return shop_overview(shop).cells[cell].state

    assert state() == "in_review"
    with unscoped():
        Certificate.objects.filter(pk=waiting.pk).update(
            status=CertificateStatus.VERIFIED,
            valid_from=platform_time.now(),
            valid_until=end_of(date(2022, 12, 31)),
        )
    assert state() == "covered"
    clock("2022-12-31T23:59:59-08:00")
    assert state() == "covered"
    clock("2023-01-01T00:00:00-08:00")
    assert state() == "expired"
    assert "is blocked for Germany since Dec 27, 2022" in text_of(owner_client, "/compliance/")


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        (BEFORE_IT, "Until trade without the numbers is interrupted"),
        (AT_INTERRUPTION, "Trade without the numbers is interrupted since"),
    ],
)
def test_both_sides_of_the_interruption(
    shop: Seller, owner_client: Client, clock: Any, instant: str, said: str
) -> None:
    product_create(seller=shop)
    clock(instant)
    assert said in text_of(owner_client, "/compliance/")


@pytest.mark.rule("EPR-9")
def test_the_last_day_to_begin_registering_counts_whole(
    shop: Seller, owner_client: Client, clock: Any
) -> None:
    product_create(seller=shop, epr_traits=["battery"], countries=("DE",))
    clock("2022-10-04T23:59:59-07:00")
    assert "Register before Oct 4, 2022" in text_of(owner_client, "/compliance/")
    clock("2022-10-05T00:00:00-07:00")
    assert "should have begun before Oct 4, 2022" in text_of(owner_client, "/compliance/")


def test_a_viewer_reads_and_uploads_nothing(shop: Seller, viewer_client: Client) -> None:
    product_create(seller=shop)
    page = text_of(viewer_client, "/compliance/")
    assert "0 of 1 product" in page
    assert "certificates/new" not in page


def test_columns_follow_the_rulebook(shop: Seller) -> None:
    with seller_scope(shop):
        rows = matrix(shop_overview(shop))
    assert [len(row.cells) for row in rows] == [2] * 7
    furniture = next(row for row in rows if row.category == "furniture")
    assert [view is None for _country, view in furniture.cells] == [True, False]


# --- Lists ----------------------------------------------------------------------------------------


def test_lists_show_a_cell_a_country_and_only_own_products(
    shop: Seller, other_shop: Seller, owner_client: Client
) -> None:
    product_create(seller=shop, product_id="covered-1", countries=("DE",))
    product_create(seller=shop, product_id="lacks-2", epr_traits=BATTERY)
    product_create(seller=shop, product_id="not-there-3", epr_traits=BATTERY, countries=("US",))
    product_create(seller=other_shop, product_id="foreign-4", epr_traits=BATTERY)
    certificate_create(seller=shop)
    shown = {
        "/compliance/products/": {"covered-1", "lacks-2", "not-there-3"},
        "/compliance/products/?country=DE&category=battery": {"lacks-2"},
        "/compliance/products/?country=DE&category=packaging&state=covered": {"covered-1", "lacks-2"},
        "/compliance/products/?country=DE&category=packaging&state=missing": set(),
        "/compliance/products/?country=DE&stopping=1": {"lacks-2"},
        "/compliance/products/?country=DE&category=furniture": set(),
        "/compliance/products/?q=LACKS-2": {"lacks-2"},
        "/compliance/products/?q=%00&country=XX&state=none&page=99": {
            "covered-1", "lacks-2", "not-there-3",
        },
    }  # fmt: skip
    for path, wanted in shown.items():
        page = text_of(owner_client, path)
        for one in ("covered-1", "lacks-2", "not-there-3", "foreign-4"):
            assert (f"/listings/product/{one}/" in page) == (one in wanted), (path, one)


# --- Impact ---------------------------------------------------------------------------------------


@pytest.mark.rule("EPR-12")
def test_the_impact_names_what_ends_and_what_stops(shop: Seller, owner_client: Client) -> None:
    product_create(seller=shop, product_id="kit", countries=("DE",))
    certificate = certificate_create(seller=shop, valid_until=end_of(date(2023, 1, 31)))
    page = text_of(owner_client, "/compliance/impact/")
    assert "Nothing that still sells stops then" in page  # At the interruption it is covered,
    assert "1 live product stops selling." in page  # at the end it is not.
    one = text_of(owner_client, f"/compliance/certificates/{certificate.pk}/impact/")
    assert "1 of the 1 live products it covers has no other number then." in one
    assert "/listings/product/kit/" in one
    certificate_create(seller=shop)
    again = text_of(owner_client, f"/compliance/certificates/{certificate.pk}/impact/")
    assert "No live product depends on it alone" in again


@pytest.mark.rule("UI-2")
@pytest.mark.parametrize(("days", "told"), [(60, True), (61, False)])
def test_the_overview_tells_of_a_number_that_ends_soon(
    shop: Seller, owner_client: Client, days: int, told: bool
) -> None:
    product_create(seller=shop, countries=("DE",))
    certificate_create(seller=shop, valid_until=platform_time.now() + timedelta(days=days))
    assert ("Renew the number" in text_of(owner_client, "/compliance/")) is told
    certificate_create(seller=shop)
    assert "Renew the number" not in text_of(owner_client, "/compliance/")


def test_foreign_certificates_and_drafts_have_no_impact(
    shop: Seller, other_shop: Seller, owner_client: Client
) -> None:
    foreign = certificate_create(seller=other_shop)
    draft = certificate_create(seller=shop, status=CertificateStatus.DRAFT)
    other = certificate_create(seller=shop, type="patent", country="", category="")
    for certificate in (foreign, draft, other):
        path = f"/compliance/certificates/{certificate.pk}/impact/"
        assert owner_client.get(path).status_code == 404


# --- Blocked trades -------------------------------------------------------------------------------


def test_blocked_trades_are_explained_and_exported(
    shop: Seller, other_shop: Seller, owner_client: Client, clock: Any
) -> None:
    clock("2022-12-28T12:00:00-08:00")
    product_create(seller=shop, product_id="mine", title="=1+1")
    product_create(seller=other_shop, product_id="theirs")
    gate_many([("mine", "DE"), ("theirs", "DE")])
    gate_many([("mine", "FR")])
    page = text_of(owner_client, "/compliance/blocked/")
    assert "No number for Packaging in Germany" in page
    assert "theirs" not in page
    only = text_of(owner_client, "/compliance/blocked/?country=FR")
    assert "in Germany" not in only
    sheet = b"".join(owner_client.get("/compliance/blocked/export/"))  # type: ignore[call-overload]
    rows = list(csv.DictReader(io.StringIO(sheet.decode("utf-8-sig"))))
    assert [(row["product_id"], row["country"]) for row in rows] == [("mine", "FR"), ("mine", "DE")]
    assert rows[0]["title"] == "'=1+1"


def test_blocked_trades_turn_pages_behind_the_last_row(
    shop: Seller, owner_client: Client, owner: Member
) -> None:
    start = parse_instant("2022-12-28T12:00:00-08:00")
    with unscoped():
        GateBlock.objects.bulk_create(
            GateBlock(
                product_id=f"p{number:03d}",
                seller=shop,
                country="DE",
                day=platform_time.day_of(start),
                reasons=[{"code": "epr_missing", "category": "packaging"}],
                reasons_key="x",
                first_at=start,
                last_at=start,  # All the same instant: the key decides.
            )
            for number in range(120)
        )
    seen: list[str] = []
    path = "/compliance/blocked/"
    for _page in range(3):
        response = owner_client.get(path)
        seen += [one.block.product_id for one in response.context["blocks"]]
        path = f"/compliance/blocked/?after={response.context['next_after']}"
    assert seen == [f"p{number:03d}" for number in reversed(range(120))]
    assert owner_client.get("/compliance/blocked/?after=nonsense").status_code == 200
    assert owner_client.get("/compliance/blocked/?after=WyJ4IiwgInkiXQ").status_code == 200


# --- Home and the product page --------------------------------------------------------------------


@pytest.mark.rule("UI-2")
def test_home_says_what_to_do_and_by_when(
    shop: Seller, owner: Member, viewer: Member, clock: Any
) -> None:
    product_create(seller=shop, epr_traits=["battery"], countries=("DE",))

    def found(member: Member) -> list[Any]:
        today = platform_time.today()
        with seller_scope(shop):
            return [
                one
                for one in next_actions_for(shop, member, today)
                if one.icon in ("recycle", "calendar-x") and "/compliance/cert" in one.url
            ]

    (action,) = found(owner)
    assert action.due == end_of(date(2022, 10, 4))
    assert "stops selling to Germany on Dec 27, 2022" in str(action.loses)
    assert found(viewer) == []
    clock("2022-10-05T00:00:00-07:00")
    assert found(owner)[0].due == parse_instant(AT_INTERRUPTION)
    certificate_create(
        seller=shop, category="battery", valid_until=platform_time.now() + timedelta(days=60)
    )
    (renew,) = found(owner)
    assert "Renew the number" in str(renew.title)
    with unscoped():
        Certificate.objects.update(valid_until=platform_time.now() + timedelta(days=60, seconds=1))
    assert found(owner) == []


def test_the_tile_counts_down_then_counts_what_is_blocked(
    shop: Seller, owner: Member, clock: Any
) -> None:
    product_create(seller=shop)

    def tile() -> Any:
        with seller_scope(shop):
            return next(iter(epr_tile(shop, owner, platform_time.today())), None)

    assert tile().value == "145 days"
    clock(BEFORE_IT)
    assert tile().value == "0 minutes"
    clock(AT_INTERRUPTION)
    assert tile().value == "1"


def test_the_product_page_says_what_the_gate_says_and_logs_nothing(
    shop: Seller, owner_client: Client, clock: Any, category: Category
) -> None:
    from listings.services.products import ORIGIN_INGEST, ProductRow, products_write

    products_write(
        [ProductRow("kit", shop.pk, {"category": category.code, "title": "Kit", "kind": "rts",
                                     "status": "live", "price_min": "1", "epr_traits": BATTERY})],
        origin=ORIGIN_INGEST,
    )  # fmt: skip
    certificate_create(seller=shop)
    page = text_of(owner_client, "/listings/product/kit/")
    assert "EPR and the trade gate" in page
    assert "Allowed for now" in page
    clock(AT_INTERRUPTION)
    assert "Blocked" in text_of(owner_client, "/listings/product/kit/")
    with unscoped():
        assert not GateBlock.objects.exists()


# --- Queries --------------------------------------------------------------------------------------

PATHS = [
    "/compliance/",
    "/compliance/products/",
    "/compliance/products/?country=DE&category=packaging",
    "/compliance/products/?country=FR&stopping=1",
    "/compliance/impact/",
    "/compliance/traits/",
    "/compliance/blocked/",
    "/",
]


@pytest.mark.rule("K-8")
def test_queries_do_not_grow_with_products_and_categories(
    shop: Seller, owner_client: Client, categories: dict[str, Category], clock: Any
) -> None:
    def counts() -> dict[str, int]:
        found = {}
        for path in PATHS:
            owner_client.get(path)
            with CaptureQueriesContext(connection) as queries:
                assert owner_client.get(path).status_code == 200
            found[path] = len(queries)
        return found

    clock("2022-12-28T12:00:00-08:00")
    codes = ["e-bike-kits", "e-bike-batteries", "helmets", "vacuum-flasks"]
    products = [
        product_create(seller=shop, epr_traits=None, category=categories[code])
        for code in codes[1:]
    ]
    certificate_create(seller=shop, products=products[:1])
    certificate_create(seller=shop, country="FR", categories=[categories["bicycles"]])
    gate_many([(product.product_id, "DE") for product in products])
    few = counts()
    for number in range(57):
        product = product_create(
            seller=shop,
            category=categories[codes[number % 4]],
            epr_traits=[BATTERY, None][number % 2],
        )
        gate_many([(product.product_id, "DE")])
        if not number % 9:
            certificate_create(seller=shop, products=[product])
    assert counts() == few
