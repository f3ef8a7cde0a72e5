"""Writing products: what is accepted, what is refused, what history says (LST-1, K-2)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from listings.choices import PriceMode, ProductStatus
from listings.models import MatchProjection, MatchTouch, Product, ProductRevision
from listings.services.products import ProductRow, product_save, products_write
from listings.services.projection import SINCE_EVER
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Category, Member, Seller
from portal.platform_time import end_of, parse_day
from portal.scoping import unscoped

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

KIT: dict[str, Any] = {
    "category": "e-bike-kits",
    "title": "E-bike kit",
    "kind": "rts",
    "status": "live",
    "tiers": [[10, "199.50"], [100, "180"]],
    "attributes": {"voltage": ["48V"]},
    "services": ["sample"],
    "target_countries": ["US", "DE"],
}


@pytest.fixture(autouse=True)
def _unscoped(clock: Any) -> Any:
    with unscoped():
        yield


def save(member: Member, **fields: Any) -> Product:
    return product_save(actor=member, seller=member.seller, data={**KIT, **fields}, origin="form")


def feed(seller: Seller, product_id: str = "kit", at: str = "", **fields: Any) -> str:
    """Feed one row as upstream does; return what became of it."""
    row = ProductRow(
        product_id=product_id,
        seller_id=seller.pk,
        given={**KIT, **fields},
        changed_at=datetime.fromisoformat(at) if at else None,
    )
    return products_write([row], origin="ingest")[0].state


def titles() -> list[str]:
    """What the only product was called, oldest first."""
    return [one.content["title"] for one in ProductRevision.objects.order_by("at")]


def live_title(day: str) -> str | None:
    """The normalised title matching sees as of the end of a day."""
    end = end_of(parse_day(day))
    rows = MatchProjection.objects.filter(valid_from__lt=end).order_by("valid_from")
    held = [row for row in rows if row.valid_to is None or end <= row.valid_to]
    assert len(held) <= 1
    return held[0].title_norm.strip() if held else None


@pytest.mark.rule("LST-1")
def test_it_saves_content_revision_projection_and_touch(owner: Member) -> None:
    product = save(owner)
    assert product.product_id
    assert product.owner == owner
    assert product.version == 1
    product = Product.objects.get()
    assert product.price_mode == PriceMode.TIERS
    assert (product.price_min, product.price_max) == (Decimal("180"), Decimal("199.5"))
    assert ProductRevision.objects.get().by == "owner"
    assert MatchProjection.objects.get().live
    assert MatchTouch.objects.filter(product=product).exists()


REFUSED = {
    "title of 301": ({"title": "x" * 301}, "title"),
    "no title": ({"title": " "}, "title"),
    "control character": ({"title": "a\x00b"}, "title"),
    "five tiers": ({"tiers": [[n, "1"] for n in range(1, 6)]}, "tiers"),
    "tiers that do not rise": ({"tiers": [[10, "2"], [10, "1"]]}, "tiers"),
    "free of charge": ({"tiers": [[10, "0"]]}, "tiers"),
    "three decimals": ({"tiers": [[10, "1.005"]]}, "tiers"),
    "tier of three": ({"tiers": [[1, 2, 3]]}, "tiers"),
    "range upside down": ({"tiers": [], "price_min": "5", "price_max": "4.99"}, "price_max"),
    "range from zero": ({"tiers": [], "price_min": "0", "price_max": "4"}, "price_min"),
    "moq of none": ({"moq": 0}, "moq"),
    "unknown kind": ({"kind": "rental"}, "kind"),
    "unknown country": ({"target_countries": ["UK"]}, "target_countries"),
    "odd service": ({"services": ["_x"]}, "services"),
    "service of 41": ({"services": ["x" * 41]}, "services"),
    "category unknown": ({"category": "e-bike-kit"}, "category"),
    "category with children": ({"category": "e-bike-parts", "attributes": {}}, "category"),
    "value not allowed": ({"attributes": {"voltage": ["47V"]}}, "attributes"),
    "two values of a select": ({"attributes": {"voltage": ["48V", "36V"]}}, "attributes"),
    "attribute not offered": ({"attributes": {"volts": ["48V"]}}, "attributes"),
    "number that is none": ({"attributes": {"power_w": ["strong"]}}, "attributes"),
    "cas": ({"cas": "7664"}, "cas"),
    "dispatch too late": ({"dispatch_days": 366}, "dispatch_days"),
    "foreign owner": ({"owner": 999_999}, "owner"),
    "unknown field": ({"colour": "red"}, "colour"),
}


@pytest.mark.rule("LST-1")
@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses_and_changes_nothing(case: str, owner: Member) -> None:
    fields, name = REFUSED[case]
    product = save(owner)
    with pytest.raises(InvalidInput) as refused:
        product_save(
            actor=owner, seller=owner.seller, data={**KIT, **fields}, product=product, origin="form"
        )
    assert {field for field, _text in refused.value.fields} == {name}
    product.refresh_from_db()
    assert (product.version, product.title) == (1, "E-bike kit")
    assert ProductRevision.objects.count() == 1


ACCEPTED = {
    "title of 300": {"title": "x" * 300},
    "four tiers": {"tiers": [[n, "1"] for n in range(1, 5)]},
    "one cent": {"tiers": [[1, "0.01"]]},
    "equal prices": {"tiers": [], "price_min": "5", "price_max": "5"},
    "service of 40": {"services": ["x" * 40]},
    "several values of a multi": {"attributes": {"features": ["Quiet", "Foldable"]}},
    "number": {"attributes": {"power_w": ["250.5"]}},
    "specifications": {
        "tiers": [],
        "skus": [{"name": "S", "price": "3"}, {"name": "M", "price": 4}],
    },
}


@pytest.mark.rule("LST-1")
@pytest.mark.parametrize("case", ACCEPTED)
def test_it_accepts_the_last_allowed(case: str, owner: Member) -> None:
    save(owner, **ACCEPTED[case])
    assert Product.objects.count() == 1


@pytest.mark.rule("LST-1")
def test_it_writes_as_the_catalogue_does(owner: Member) -> None:
    product = save(
        owner,
        attributes={"voltage": " 48v "},
        services=["Overseas-After sales"],
        target_countries=["us", "US"],
    )
    assert product.attributes == {"voltage": ["48V"]}
    assert product.services == ["overseas_after_sales"]
    assert product.target_countries == ["US"]


@pytest.mark.rule("LST-1")
def test_it_names_the_nearest_known(owner: Member) -> None:
    with pytest.raises(InvalidInput) as refused:
        save(owner, category="e-bike-kit")
    assert "e-bike-kits" in refused.value.fields[0][1]
    with pytest.raises(InvalidInput) as refused:
        save(owner, attributes={"voltage": "48 volt"})
    assert "48V" in refused.value.fields[0][1]


@pytest.mark.rule("LST-1")
def test_it_does_not_judge_again_what_is_not_edited(owner: Member, category: Category) -> None:
    product = save(owner)
    offered = category.parent.category_attributes.get(attribute__code="voltage")
    offered.values = ["36V"]
    offered.save()
    product_save(
        actor=owner,
        seller=owner.seller,
        data={"title": "New", "attributes": {"voltage": ["48V"]}},
        product=product,
        origin="form",
    )
    product.refresh_from_db()
    assert (product.title, product.attributes) == ("New", {"voltage": ["48V"]})


@pytest.mark.rule("LST-1")
def test_viewers_and_strangers_are_refused(viewer: Member, stranger: Member, shop: Seller) -> None:
    for member in (viewer, stranger):
        with pytest.raises(NotAllowed):
            product_save(actor=member, seller=shop, data=KIT, origin="form")
    assert not Product.objects.exists()


@pytest.mark.rule("LST-1")
def test_a_stale_version_is_refused(owner: Member, colleague: Member) -> None:
    product = save(owner)
    newer = product_save(
        actor=colleague, seller=owner.seller, data={"title": "Theirs"}, product=product, version=1,
        origin="form",
    )  # fmt: skip
    assert newer.version == 2
    with pytest.raises(Refusal) as refused:
        product_save(
            actor=owner, seller=owner.seller, data={"title": "Mine"}, product=product, version=1,
            origin="form",
        )  # fmt: skip
    assert refused.value.code == "stale"
    assert Product.objects.get().title == "Theirs"


@pytest.mark.rule("LST-1")
def test_saving_the_same_again_changes_nothing(owner: Member, clock: Any) -> None:
    product = save(owner)
    clock.advance(hours=1)
    again = product_save(
        actor=owner, seller=owner.seller, data=KIT, product=product, version=1, origin="form"
    )
    assert (again.version, again.changed_at) == (1, product.changed_at)
    assert ProductRevision.objects.count() == 1


@pytest.mark.rule("LST-1", "K-8")
def test_a_taken_id_answers_alike_whoever_has_it(owner: Member, stranger: Member) -> None:
    for member, product_id in ((owner, "own"), (stranger, "foreign")):
        product_save(
            actor=member, seller=member.seller, data=KIT, product_id=product_id, origin="api"
        )
    said = []
    for product_id in ("own", "foreign"):
        with pytest.raises(Refusal) as refused:
            product_save(
                actor=owner, seller=owner.seller, data={**KIT, "title": "Other"},
                product_id=product_id, origin="api",
            )  # fmt: skip
        said.append((refused.value.code, str(refused.value)))
    assert said[0] == said[1]
    assert said[0][0] == "product_id_taken"
    assert set(Product.objects.values_list("title", flat=True)) == {"E-bike kit"}


@pytest.mark.rule("LST-1", "K-12")
def test_nothing_is_published_in_a_closed_category(owner: Member, category: Category) -> None:
    category.suspended_from, category.suspended_to = (
        parse_day("2022-08-03"),
        parse_day("2022-08-04"),
    )
    category.save()
    with pytest.raises(InvalidInput) as refused:
        save(owner)
    assert refused.value.fields[0][0] == "category"
    assert not Product.objects.exists()


@pytest.mark.rule("LST-1", "K-12")
@pytest.mark.parametrize("day", ["2022-08-02", "2022-08-05"])
def test_it_is_published_before_and_after_the_suspension(
    day: str, owner: Member, category: Category, clock: Any
) -> None:
    category.suspended_from, category.suspended_to = (
        parse_day("2022-08-03"),
        parse_day("2022-08-04"),
    )
    category.save()
    clock.noon(parse_day(day))
    assert save(owner).status == ProductStatus.LIVE


# --- History --------------------------------------------------------------------------------------


@pytest.mark.rule("K-2", "LST-8")
def test_a_product_fed_without_an_instant_holds_since_ever(shop: Seller, clock: Any) -> None:
    assert feed(shop) == "created"
    assert MatchProjection.objects.get().valid_from == SINCE_EVER
    clock.advance(hours=1)
    assert feed(shop) == "unchanged"
    assert feed(shop, title="New") == "updated"
    assert live_title("2022-08-02") == "e bike kit"
    assert live_title("2022-08-03") == "new"


@pytest.mark.rule("K-2")
def test_the_order_of_arrival_does_not_matter(shop: Seller) -> None:
    facts = [
        ("2022-07-01T00:00:00+00:00", "A"),
        ("2022-07-10T00:00:00+00:00", "B"),
        ("2022-07-20T00:00:00+00:00", "A"),
    ]
    for position, order in enumerate([(0, 1, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0), (1, 0, 2)]):
        name = f"kit-{position}"
        for fact in order:
            at, title = facts[fact]
            feed(shop, name, at, title=title)
            assert feed(shop, name, at, title=title) == "unchanged"
        product = Product.objects.get(product_id=name)
        assert product.title == "A"
        assert product.changed_at == datetime(2022, 7, 20, tzinfo=UTC)
        spans = MatchProjection.objects.filter(product=product).order_by("valid_from")
        assert [
            (row.title_norm.strip(), row.valid_from.day, row.valid_to.day if row.valid_to else None)
            for row in spans
        ] == [("a", 1, 10), ("b", 10, 20), ("a", 20, None)]


@pytest.mark.rule("K-2")
def test_an_older_row_goes_into_history_only(shop: Seller) -> None:
    feed(shop, at="2022-07-20T00:00:00+00:00", title="Head")
    assert feed(shop, at="2022-07-10T00:00:00+00:00", title="Before") == "updated"
    product = Product.objects.get()
    assert (product.title, product.version) == ("Head", 1)
    assert titles() == ["Before", "Head"]
    assert live_title("2022-07-15") == "before"
    assert live_title("2022-07-05") is None


@pytest.mark.rule("K-2")
def test_the_same_instant_with_other_content_replaces_it(shop: Seller) -> None:
    feed(shop, at="2022-07-10T00:00:00+00:00", title="Wrong")
    feed(shop, at="2022-07-20T00:00:00+00:00", title="Head")
    assert feed(shop, at="2022-07-10T00:00:00+00:00", title="Right") == "updated"
    assert titles() == ["Right", "Head"]
    assert feed(shop, at="2022-07-20T00:00:00+00:00", title="Better head") == "updated"
    assert Product.objects.get().title == "Better head"


@pytest.mark.rule("K-15")
def test_several_rows_of_one_product_come_at_once(shop: Seller) -> None:
    rows = [
        ProductRow("kit", shop.pk, {**KIT, "title": title}, datetime.fromisoformat(at))
        for at, title in (
            ("2022-07-20T00:00:00+00:00", "Head"),
            ("2022-07-10T00:00:00+00:00", "Before"),
            ("2022-07-20T00:00:00+00:00", "Head"),
        )
    ]
    results = products_write(rows, origin="ingest")
    assert [result.state for result in results] == ["created", "updated", "unchanged"]
    assert titles() == ["Before", "Head"]


@pytest.mark.rule("K-15")
def test_all_or_nothing_and_dry_runs_leave_no_trace(shop: Seller) -> None:
    good = ProductRow("good", shop.pk, dict(KIT))
    bad = ProductRow("bad", shop.pk, {**KIT, "title": ""})
    for how in ({"all_or_nothing": True}, {"dry_run": True}):
        results = products_write([good, bad], origin="ingest", **how)
        assert [result.state for result in results] == ["created", "rejected"]
        assert not Product.objects.exists()
    products_write([good, bad], origin="ingest")
    assert Product.objects.get().product_id == "good"
    products_write([good], origin="ingest", all_or_nothing=True)
    assert ProductRevision.objects.count() == 1


@pytest.mark.rule("LST-2", "K-15")
def test_the_number_of_statements_does_not_grow(shop: Seller) -> None:
    def statements(count: int, title: str) -> int:
        rows = [
            ProductRow(f"n{count}-{n}", shop.pk, {**KIT, "title": f"{title} {n}"})
            for n in range(count)
        ]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            products_write(rows, origin="ingest")
        return len(queries)

    statements(1, "first")  # reads what is to be screened for
    # From 50 rows on (`portal.ingest.bulk`) they are copied in a savepoint.
    assert statements(60, "new") == statements(400, "new")
    assert statements(60, "changed") == statements(400, "changed")
