"""One pair at a time: what a theme asks, and what is said when it is not met (LST-3, LST-4, LST-7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from listings.themes.rules import ProductFacts, Requirement, ThemeSpec, evaluate, matches

DAY = date(2022, 7, 19)

EBIKE_THEME = ThemeSpec(
    category="e-bike-kits",
    category_name="sports>>bicycles>>e-bike parts>>e-bike kits",
    starts_on=date(2022, 7, 1),
    ends_on=date(2022, 7, 31),
    kind="rts",
    attributes={
        "power": ["LEAD-ACID BATTERY"],
        "capacity": ["10.5 AH"],
        "motor": ["Brush Gear Hub Motor"],
    },
    services=["overseas_after_sales", "linked_certificate"],
    countries=["ID", "MY"],
    price_min=Decimal(1200),
    price_max=Decimal(2500),
)
EBIKE = ProductFacts(
    category_path=["sports", "bicycles", "e-bike-parts", "e-bike-kits"],
    title="Electric bike conversion kit 48V",
    kind="rts",
    status="live",
    price_min=Decimal("1200.00"),
    price_max=Decimal("2500.00"),
    attributes={
        "power": ["LEAD-ACID BATTERY"],
        "capacity": ["10.5 AH"],
        "motor": ["Brush Gear Hub Motor"],
    },
    services=["sample", "overseas_after_sales", "linked_certificate"],
    countries=["MY"],
)
TRAMPOLINE_THEME = ThemeSpec(
    category="trampolines",
    starts_on=date(2022, 7, 1),
    attributes={"size": ["10FT"]},
    countries=["CA", "US"],
)
TRAMPOLINE = ProductFacts(
    category_path=["sports", "fitness", "aerobic", "trampolines"],
    title="Indoor trampoline for kids",
    kind="customization",
    status="live",
    attributes={"size": ["8FT", "10FT"]},
    countries=["US", "DE"],
)


def failing(theme: ThemeSpec, facts: ProductFacts, day: date = DAY) -> list[str]:
    """Return the keys that are not met."""
    return [found.key for found in evaluate(theme, facts, day) if not found.met]


def one(theme: ThemeSpec, facts: ProductFacts, key: str) -> Requirement:
    """Return the requirement with a key."""
    return next(found for found in evaluate(theme, facts, DAY) if found.key == key)


# --- The two worked examples --------------------------------------------------------------------


@pytest.mark.rule("LST-4", "LST-8")
def test_the_ebike_kit_of_the_briefing_matches():
    assert failing(EBIKE_THEME, EBIKE) == []
    assert [found.key for found in evaluate(EBIKE_THEME, EBIKE, DAY)] == [
        "category", "kind", "attribute:power", "attribute:capacity", "attribute:motor",
        "services", "price", "countries", "status", "window",
    ]  # fmt: skip


@pytest.mark.rule("LST-4", "LST-8")
@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"category_path": ["sports", "bicycles", "e-bike-parts", "batteries"]}, "category"),
        ({"kind": "customization"}, "kind"),
        ({"attributes": {**EBIKE.attributes, "power": ["Lithium"]}}, "attribute:power"),
        ({"attributes": {**EBIKE.attributes, "capacity": ["10 AH"]}}, "attribute:capacity"),
        ({"attributes": {**EBIKE.attributes, "motor": []}}, "attribute:motor"),
        ({"services": ["overseas_after_sales"]}, "services"),
        ({"services": ["linked_certificate", "sample"]}, "services"),
        ({"price_min": Decimal("1199.99")}, "price"),
        ({"price_max": Decimal("2500.01")}, "price"),
        ({"price_min": None, "price_max": None}, "price"),
        ({"countries": ["US", "SG"]}, "countries"),
        ({"countries": []}, "countries"),
        ({"status": "off_shelf"}, "status"),
        ({"status": "draft"}, "status"),
        ({"deleted": True}, "status"),
    ],
)
def test_the_ebike_kit_fails_exactly_what_is_violated(change, key):
    assert failing(EBIKE_THEME, replace(EBIKE, **change)) == [key]


@pytest.mark.rule("LST-4", "LST-8")
@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"category_path": ["sports", "fitness", "aerobic"]}, "category"),
        ({"attributes": {"size": ["8FT"]}}, "attribute:size"),
        ({"countries": ["DE"]}, "countries"),
        ({"status": "removed"}, "status"),
    ],
)
def test_the_trampoline_fails_exactly_what_is_violated(change, key):
    assert failing(TRAMPOLINE_THEME, TRAMPOLINE) == []
    assert failing(TRAMPOLINE_THEME, replace(TRAMPOLINE, **change)) == [key]


@pytest.mark.rule("LST-4")
@pytest.mark.parametrize(
    ("day", "met"),
    [
        (date(2022, 6, 30), False),
        (date(2022, 7, 1), True),
        (date(2022, 7, 31), True),
        (date(2022, 8, 1), False),
    ],
)
def test_the_window_includes_both_ends(day, met):
    assert matches(EBIKE_THEME, EBIKE, day) is met
    assert failing(EBIKE_THEME, EBIKE, day) == ([] if met else ["window"])


@pytest.mark.rule("LST-3")
def test_only_what_a_theme_asks_is_listed():
    bare = ThemeSpec(category="e-bike-kits", starts_on=DAY)
    assert [found.key for found in evaluate(bare, EBIKE, DAY)] == ["category", "status", "window"]


# --- Keywords -----------------------------------------------------------------------------------


@pytest.mark.rule("LST-3")
@pytest.mark.parametrize(
    ("keyword", "title", "met"),
    [
        ("led", "LED Lamp", True),
        ("led", "Ledger for lamps", False),
        ("led", "Tangled lamp", False),
        ("LED lamp", "Best led-lamp 2022", True),
        ("LED lamp", "Best led, lamp", True),
        ("led lamp", "led desk lamp", False),
        ("led-lamp", "LED  LAMP", True),
        ("ＬＥＤ", "led lamp", True),
        ("led", "ＬＥＤ lamp", True),
        ("灯带", "户外灯带防水", True),
        ("灯带", "灯 带", False),
        ("灯", "LED灯带", True),
        ("LED", "高亮LED灯带", True),
        ("LED", "高亮OLED灯带", False),
        ("LED灯", "防水led灯带", True),
        ("LED灯", "防水OLED灯带", False),
        ("灯led", "红灯LED", True),
        ("10.5 AH", "Battery 10.5Ah", False),
        ("10.5 AH", "Battery 10.5 Ah", True),
        ("10.5", "Battery 10-5", True),
        ("nike", "Nike™ shoes", True),
        ("café", "CAFÉ table", True),
        ("straße", "STRASSE", True),
        ("women's", "Women’s bike", True),
        ("e bike", "E-Bike", True),
        ("bike", "bikes", False),
    ],
)
def test_latin_words_match_whole_and_chinese_as_substring(keyword, title, met):
    theme = ThemeSpec(category="c", starts_on=DAY, keywords=[keyword])
    facts = ProductFacts(category_path=["c"], title=title, status="live")
    assert one(theme, facts, "keywords").met is met


@pytest.mark.rule("LST-3")
@pytest.mark.parametrize(
    ("mode", "title", "met"),
    [
        ("any", "electric bike", True),
        ("any", "conversion kit", True),
        ("any", "scooter", False),
        ("all", "electric bike", False),
        ("all", "conversion kit for electric bike", True),
    ],
)
def test_any_keyword_or_every_keyword(mode, title, met):
    theme = ThemeSpec(
        category="c", starts_on=DAY, keywords=["electric bike", "kit"], keyword_mode=mode
    )
    facts = ProductFacts(category_path=["c"], title=title, status="live")
    assert one(theme, facts, "keywords").met is met


# --- Attributes ---------------------------------------------------------------------------------


@pytest.mark.rule("LST-4", "LST-7")
def test_a_custom_attribute_with_the_same_text_does_not_count():
    theme = replace(EBIKE_THEME, attribute_names={"motor": "Motor type"})
    without = {code: EBIKE.attributes[code] for code in ("power", "capacity")}
    for custom in (
        {"motor": "brushless"},
        {"Motor Type": "Brush Gear Hub Motor"},
        {"Drive": "brush gear hub motor"},
    ):
        found = one(
            theme, replace(EBIKE, attributes=without, custom_attributes=custom), "attribute:motor"
        )
        assert not found.met
        assert found.reason == "Motor type is a custom value: pick a system value"
    missing = one(theme, replace(EBIKE, attributes=without), "attribute:motor")
    assert missing.reason == "Motor type is missing; accepted: Brush Gear Hub Motor"


@pytest.mark.rule("LST-3")
@pytest.mark.parametrize(
    ("accepted", "value", "met"),
    [
        ("10.5", "10.5", True),
        ("10.5", 10.5, True),
        ("10", "100", False),
        ("Round Neck", " Round Neck ", True),
        ("Round Neck", "Round neck", False),
        ("红", "红", True),
        ("红", "红色", False),
    ],
)
def test_values_are_compared_as_the_catalogue_spells_them(accepted, value, met):
    theme = ThemeSpec(category="c", starts_on=DAY, attributes={"a": [accepted]})
    facts = ProductFacts(category_path=["c"], status="live", attributes={"a": value})
    assert one(theme, facts, "attribute:a").met is met


# --- The check of a draft -----------------------------------------------------------------------


@pytest.mark.rule("LST-7")
def test_a_draft_that_is_being_written_counts_as_once_published():
    found = one(EBIKE_THEME, replace(EBIKE, status=None), "status")
    assert (found.met, found.reason) == (True, "Counts once published")


@pytest.mark.rule("LST-7")
def test_an_empty_draft_gets_a_reason_for_everything():
    found = evaluate(EBIKE_THEME, ProductFacts(), DAY)
    assert all(requirement.reason for requirement in found)
    assert {requirement.key for requirement in found if requirement.met} == {"status", "window"}


@pytest.mark.rule("LST-7")
@pytest.mark.parametrize(
    ("low", "high", "facts", "reason"),
    [
        (None, 10, ("1", "11"), "The highest price, 11.00 USD, is outside up to 10.00 USD"),
        (5, None, ("1", "11"), "The lowest price, 1.00 USD, is outside from 5.00 USD"),
        (5, 10, ("1", "11"), "The prices 1.00 to 11.00 USD reach beyond 5.00 to 10.00 USD"),
        (5, 10, ("5", "10"), "All prices are inside 5.00 to 10.00 USD"),
    ],
)
def test_a_price_outside_says_which_end(low, high, facts, reason):
    theme = ThemeSpec(
        category="c",
        starts_on=DAY,
        price_min=None if low is None else Decimal(low),
        price_max=None if high is None else Decimal(high),
    )
    product = ProductFacts(price_min=Decimal(facts[0]), price_max=Decimal(facts[1]))
    assert one(theme, product, "price").reason == reason
