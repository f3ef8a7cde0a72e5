"""The statement of the night decides every pair as the plain loop does (LST-3, LST-4, NGT-7)."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from listings.choices import SERVICES
from listings.matching.countries import BITS, COUNTRIES, SERVICE_CODES, country_masks
from listings.matching.text import signature, token_hash, value_hash
from listings.models import MatchProjection, MatchTouch, Product, ProductRevision, Theme
from listings.services.projection import SINCE_EVER, projections_rebuild
from listings.services.themes import themes_recompile, themes_write
from portal.choices import AttributeType
from portal.models import Attribute, CategoryAttribute
from portal.scoping import unscoped
from portal.text import normalise, pattern
from tests import factories
from tests.listings.match_world import (
    content_of,
    instant,
    pairs_by_loop,
    pairs_by_sql,
    put_theme,
    revise,
    theme_row,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

DAY = date(2022, 7, 19)
CODES = ["a", "b", "c", "d", "e", "f"]
SLOW = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@pytest.fixture
def wide_catalogue(categories):
    """Six attributes offered everywhere; a theme may ask for more than four."""
    for code in CODES:
        factories.attribute_create(categories["sports"], code, AttributeType.TEXT)
        CategoryAttribute.objects.create(
            category=categories["home"], attribute=Attribute.objects.get(code=code)
        )
    return categories


# --- Text and masks -----------------------------------------------------------------------------


@pytest.mark.rule("LST-3")
@given(st.text())
def test_normalising_twice_changes_nothing(text):
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.rule("LST-3")
@given(st.text(), st.text(), st.text())
def test_a_keyword_between_signs_is_always_found(before, keyword, after):
    title = f" {normalise(f'{before}! {keyword} ,{after}')} "
    assert pattern(keyword) in title


@pytest.mark.rule("LST-4")
def test_hashes_have_one_width_and_signatures_fit():
    hashes = [value_hash("size", number) for number in range(500)]
    hashes += [token_hash(f"w{number}") for number in range(500)]
    assert len(set(hashes)) == 1000
    assert {len(str(value)) for value in hashes} == {19}
    assert all(0 <= value < 2**63 for value in hashes)
    assert 0 < signature(hashes) < 2**63


@pytest.mark.rule("LST-4")
def test_every_country_has_a_bit_of_its_own_over_four_masks():
    masks = {country_masks([code]) for code in COUNTRIES}
    assert len(masks) == len(COUNTRIES) > 3 * BITS
    assert {sum(bool(part) for part in mask) for mask in masks} == {1}
    assert all(part < 2**63 for mask in masks for part in mask)


def test_every_named_service_has_a_bit():
    assert set(SERVICES) <= set(SERVICE_CODES)


# --- Boundaries in the database -----------------------------------------------------------------


@pytest.mark.rule("LST-4")
@pytest.mark.parametrize(
    ("asks", "content"),
    [
        ({"price_min": Decimal("499.99")}, {"price_min": "499.99", "price_max": "800.00"}),
        ({"price_max": Decimal("800")}, {"price_min": "1.00", "price_max": "800.00"}),
        ({"category": "sports"}, {"category": "helmets"}),
        ({"kind": "customization"}, {"kind": "customization"}),
        ({"services": ["sample", "24h"]}, {"services": ["24h", "x", "sample"]}),
        ({"countries": ["AD", "ZW", "XK"]}, {"target_countries": ["XK", "US"]}),
        ({"keywords": ["灯带"]}, {"title": "LED灯带 5m"}),
        ({"keywords": ["led"]}, {"title": "LED灯带 5m"}),
        ({"keywords": ["x", "conversion kit"]}, {"title": "E-Bike/Conversion-Kit"}),
        (
            {"keywords": ["kit", "e bike"], "keyword_mode": "all"},
            {"title": "Kit for your e-bike"},
        ),
        ({"attributes": {"a": ["Round Neck"]}}, {"attributes": {"a": ["Round Neck"]}}),
        ({"attributes": {code: ["1", "2"] for code in CODES}},
         {"attributes": {code: ["2", "3"] for code in CODES}}),
        ({"starts_on": DAY, "ends_on": DAY}, {}),
    ],
)  # fmt: skip
def test_a_pair_on_the_inside_of_a_boundary_matches(wide_catalogue, shop, asks, content):
    put_theme(**asks)
    revise(shop, "p1", instant(DAY), content_of(**content))
    assert pairs_by_sql(DAY) == pairs_by_loop(DAY) == {("t1", "p1")}


@pytest.mark.rule("LST-4")
@pytest.mark.parametrize(
    ("asks", "content"),
    [
        ({"price_min": Decimal("500")}, {"price_min": "499.99", "price_max": "800.00"}),
        ({"price_max": Decimal("800")}, {"price_min": "1.00", "price_max": "800.01"}),
        ({"price_max": Decimal("800")}, {"price_min": None, "price_max": None}),
        ({"category": "e-bike-parts"}, {"category": "helmets"}),
        ({"category": "e-bike-kits"}, {"category": "e-bike-parts"}),
        ({"kind": "customization"}, {"kind": "rts"}),
        ({"services": ["sample", "24h"]}, {"services": ["sample"]}),
        ({"services": ["sample", "24h"]}, {"services": ["24h"]}),
        ({"services": ["24h"]}, {"attributes": {"service": ["24h"]}}),
        ({"countries": ["AD", "ZW", "XK"]}, {"target_countries": ["US", "ZM"]}),
        ({"keywords": ["灯带"]}, {"title": "灯 带"}),
        ({"keywords": ["led"]}, {"title": "OLED灯带"}),
        ({"keywords": ["x", "conversion kit"]}, {"title": "kit conversion"}),
        ({"keywords": ["kit", "e bike"], "keyword_mode": "all"}, {"title": "bike e kit"}),
        ({"attributes": {"a": ["10.5"]}}, {"attributes": {"b": ["10.5"]}}),
        ({"attributes": {"a": ["10.5"]}}, {"custom_attributes": {"a": "10.5"}}),
        ({"attributes": {code: ["1", "2"] for code in CODES}},
         {"attributes": {code: ["2"] for code in CODES[:5]}}),
        ({"starts_on": DAY + timedelta(days=1)}, {}),
        ({"ends_on": DAY - timedelta(days=1)}, {}),
        ({}, {"status": "off_shelf"}),
        ({}, {"deleted_at": "2022-07-18T00:00:00+00:00"}),
    ],
)  # fmt: skip
def test_a_pair_on_the_outside_of_a_boundary_does_not(wide_catalogue, shop, asks, content):
    put_theme(**asks)
    revise(shop, "p1", instant(DAY), content_of(**content))
    assert pairs_by_sql(DAY) == pairs_by_loop(DAY) == set()


# --- As of a day --------------------------------------------------------------------------------


@pytest.mark.rule("LST-8", "K-2", "NGT-4")
def test_a_product_edited_the_day_after_is_matched_with_its_old_content(category, shop):
    put_theme(keywords=["kit"])
    revise(shop, "p1", instant(DAY), content_of(title="A kit"))
    revise(shop, "p1", instant(DAY + timedelta(days=1), hour=0), content_of(title="A motor"))
    assert pairs_by_sql(DAY - timedelta(days=1)) == set()
    assert pairs_by_sql(DAY) == {("t1", "p1")}
    assert pairs_by_sql(DAY + timedelta(days=1)) == set()


@pytest.mark.rule("LST-4")
def test_a_late_edit_between_two_known_ones_lasts_until_the_next(category, shop):
    put_theme(keywords=["kit"])
    days = [DAY + timedelta(days=number) for number in range(4)]
    revise(shop, "p1", instant(days[0]), content_of(title="A kit"))
    # Says the same as before: no projection of its own, and yet it ends what comes in between.
    revise(shop, "p1", instant(days[2]), content_of(title="A kit", brand="New"))
    assert MatchProjection.objects.count() == 1
    revise(shop, "p1", instant(days[1]), content_of(title="A motor"))
    assert [pairs_by_sql(day) == {("t1", "p1")} for day in days] == [True, False, True, True]
    # Replaced at the same instant: as if the motor had never been.
    revise(shop, "p1", instant(days[1]), content_of(title="A kit"))
    assert [pairs_by_sql(day) == {("t1", "p1")} for day in days] == [True] * 4
    assert MatchProjection.objects.count() == 1


@pytest.mark.rule("NGT-5")
def test_what_no_theme_asks_about_leaves_neither_row_nor_touch(category, shop):
    revise(shop, "p1", SINCE_EVER, content_of())
    MatchTouch.objects.all().delete()
    revise(shop, "p1", instant(DAY), content_of(brand="X", description="Y", moq=5))
    assert (MatchProjection.objects.count(), MatchTouch.objects.count()) == (1, 0)


@pytest.mark.rule("NGT-7")
def test_projections_and_themes_are_written_with_constant_statements(
    wide_catalogue, shop, django_assert_max_num_queries
):
    with django_assert_max_num_queries(25):
        themes_write(rows=[theme_row(f"t{n}", attributes={"a": [str(n)]}) for n in range(200)])
    with django_assert_max_num_queries(25):
        outcomes = themes_write(rows=[theme_row(f"t{n}", keywords=["k"]) for n in range(200)])
    assert {outcome.state for outcome in outcomes} == {"updated"}
    assert Theme.objects.get(theme_id="t7").attributes == {"a": ["7"]}


@pytest.mark.rule("LST-4")
def test_rebuilding_restores_every_projection_and_theme(wide_catalogue, shop):
    put_theme(attributes={"a": ["1"]}, keywords=["kit"])
    revise(shop, "p1", instant(DAY), content_of(attributes={"a": ["1"]}, title="Kit"))
    revise(shop, "p1", instant(DAY + timedelta(days=2)), content_of(attributes={"a": ["2"]}))
    rows = list(
        MatchProjection.objects.order_by("valid_from").values_list("valid_from", "value_ids")
    )
    MatchProjection.objects.update(value_ids=[], title_norm="", valid_to=instant(DAY))
    Theme.objects.update(group_1=None, patterns=[])
    assert (projections_rebuild(), themes_recompile()) == (1, 1)
    assert rows == list(
        MatchProjection.objects.order_by("valid_from").values_list("valid_from", "value_ids")
    )
    assert pairs_by_sql(DAY) == {("t1", "p1")}


# --- Random worlds ------------------------------------------------------------------------------

WORDS = [
    "led",
    "LED",
    "lamp",
    "e-bike",
    "kit",
    "灯带",
    "灯",
    "户外灯",
    "ＬＥＤ",
    "10.5",
    "Ah",
    "new",
]
SIGNS = [" ", "-", ", ", "", "（", "/", "  "]
titles = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from(SIGNS)).map("".join), min_size=1, max_size=6
).map("".join)
values = st.lists(st.sampled_from(["1", "1.0", "2", "Red", "RED ", "红"]), min_size=1, max_size=3)
attributes = st.one_of(
    st.dictionaries(st.sampled_from(CODES), values, max_size=3),
    st.fixed_dictionaries(dict.fromkeys(CODES, values)),
)
services = st.lists(st.sampled_from([*SERVICES, "24h", "gift", "repair"]), max_size=6, unique=True)
few_services = st.lists(st.sampled_from([*SERVICES, "24h", "gift"]), max_size=2, unique=True)
# From all four masks.
countries = st.lists(
    st.sampled_from(["AD", "US", "CA", "MY", "ID", "ZW", "XK"]), max_size=4, unique=True
)
places = st.sampled_from(["e-bike-kits", "e-bike-batteries", "helmets", "vacuum-flasks"])
subtrees = st.sampled_from(["sports", "sports", "bicycles", "e-bike-parts", "e-bike-kits", "home"])
prices = st.sampled_from([None, "5.00", "9.99", "10.00", "10.01"])


@st.composite
def contents(draw):
    low, high = draw(prices), draw(prices)
    if low is None or high is None:
        low = high = None
    elif Decimal(low) > Decimal(high):
        low, high = high, low
    return content_of(
        category=draw(places),
        title=draw(titles),
        kind=draw(st.sampled_from(["rts", "customization"])),
        status=draw(st.sampled_from(["live", "live", "live", "off_shelf"])),
        price_min=low,
        price_max=high,
        attributes=draw(attributes),
        custom_attributes=draw(st.dictionaries(st.sampled_from(CODES), st.just("1"), max_size=2)),
        services=draw(services),
        target_countries=draw(countries),
    )


@st.composite
def price_bounds(draw):
    low, high = draw(prices), draw(prices)
    if low and high and Decimal(low) > Decimal(high):
        low, high = high, low
    return {"price_min": low, "price_max": high}


def asking(**strategies):
    """Return a strategy of one requirement's fields."""
    return st.fixed_dictionaries(strategies)


# At most three at a time: with all of them at once hardly any pair would match.
requirements = st.lists(
    st.one_of(
        asking(
            keywords=st.lists(titles.filter(pattern), max_size=3),
            keyword_mode=st.sampled_from(["any", "all"]),
        ),
        asking(
            keywords=st.lists(st.sampled_from(WORDS), max_size=3),
            keyword_mode=st.sampled_from(["any", "all"]),
        ),
        asking(kind=st.sampled_from(["", "rts", "customization"])),
        asking(attributes=attributes),
        asking(
            attributes=st.fixed_dictionaries({code: st.just(["1", "2", "red"]) for code in CODES})
        ),
        asking(services=few_services),
        asking(countries=countries),
        price_bounds(),
        asking(
            starts_on=st.sampled_from([DAY, DAY + timedelta(days=1)]),
            ends_on=st.sampled_from([None, DAY + timedelta(days=1)]),
        ),
    ),
    max_size=3,
)
themes = st.tuples(subtrees, requirements).map(
    lambda drawn: {"category": drawn[0], **{k: v for asked in drawn[1] for k, v in asked.items()}}
)


def clear() -> None:
    """Forget products and themes; the catalogue and the shop stay."""
    with unscoped():
        MatchProjection.objects.all().delete()
        ProductRevision.objects.all().delete()
        Product.objects.all().delete()
    Theme.objects.all().delete()


@pytest.mark.rule("LST-3", "LST-4", "NGT-7")
@settings(max_examples=60, **SLOW)
@given(
    products=st.lists(contents(), min_size=1, max_size=8),
    asked=st.lists(themes, min_size=1, max_size=6),
)
def test_the_statement_equals_the_loop_over_all_pairs(wide_catalogue, shop, products, asked):
    clear()
    outcomes = themes_write(rows=[theme_row(f"t{n}", **asks) for n, asks in enumerate(asked)])
    assert not [outcome for outcome in outcomes if outcome.errors]
    for number, content in enumerate(products):
        revise(shop, f"p{number}", instant(DAY), content)
    assert pairs_by_sql(DAY) == pairs_by_loop(DAY)


@pytest.mark.rule("LST-4", "NGT-4")
@settings(max_examples=40, **SLOW)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from([0, 12, 23]), titles),
        min_size=1,
        max_size=10,
    )
)
def test_projections_tell_every_past_day_in_whatever_order_edits_come(category, shop, edits):
    clear()
    put_theme(keywords=["led"])
    put_theme("t2", keywords=["灯"])
    for day, product, hour, title in edits:
        revise(
            shop, f"p{product}", instant(DAY + timedelta(days=day), hour), content_of(title=title)
        )
    for number in range(-1, 5):
        day = DAY + timedelta(days=number)
        assert pairs_by_sql(day) == pairs_by_loop(day)
    rows = list(MatchProjection.objects.order_by("product", "valid_from"))
    for before, after in itertools.pairwise(rows):
        if before.product_id == after.product_id:
            assert before.valid_to == after.valid_from
            assert before.title_norm != after.title_norm
        else:
            assert before.valid_to is None
