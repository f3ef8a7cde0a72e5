"""The self-check of a quote reads like a quick buyer, in English and Chinese (RFQ-25)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from rfq.quotes.self_check import (
    ELEMENTS,
    Answered,
    Asked,
    AttributeWords,
    details_asked,
    measures_of,
    self_check,
)

pytestmark = [pytest.mark.rule("RFQ-25"), pytest.mark.once]

VOLTAGE = AttributeWords(("Voltage", "电压"), ("36V", "48V"))
ASKED = Asked(Decimal(500), "set", "48V e-bike kits\nColour: black", Decimal("120"), (VOLTAGE,))


def met(key: str, asked: Asked = ASKED, **said: Any) -> bool:
    item = self_check(asked, Answered(**said)).item(key)
    assert item is not None
    return item.met


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"moq": 500}, True),
        ({"moq": 501}, False),
        ({}, False),
        ({"moq": 1000, "message": "For 500 sets we charge 5 % more."}, True),
        ({"moq": 1000, "message": "For 1,500 sets we charge less."}, False),
        ({"message": "５００台没问题"}, True),
    ],
)
def test_the_quantity_is_answered_by_the_minimum_order_or_by_a_word(
    said: dict[str, Any], expected: bool
) -> None:
    assert met("quantity", **said) is expected


def test_a_quantity_with_thousands_is_recognised_however_it_is_written() -> None:
    asked = Asked(Decimal("12000.000"), "piece", "")
    assert met("quantity", asked, message="12,000 pieces are no problem")
    assert met("quantity", asked, message="12000 pieces")
    assert not met("quantity", asked, message="12 pieces in a box of 000")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"unit_price": Decimal("120")}, True),
        ({"unit_price": Decimal("120.01")}, False),
        ({"unit_price": Decimal("100"), "currency": "EUR"}, False),
        ({"unit_price": Decimal("150"), "message": "Best price: 5 % discount from 1,000"}, True),
        ({"unit_price": Decimal("150"), "message": "出厂价，性价比高"}, True),
        ({"message": "The price is 150"}, False),
    ],
)
def test_the_price_fits_the_target_or_its_advantage_is_said(
    said: dict[str, Any], expected: bool
) -> None:
    assert met("price", **said) is expected


def test_details_are_the_attributes_lines_and_measures_an_rfq_names() -> None:
    asked = Asked(
        Decimal(1), "set", "Kit 48V, 1,000 W\n- Colour: black\nQuantity: 500\n材质：铝合金", None, (VOLTAGE,)
    )  # fmt: skip
    assert [one.name for one in details_asked(asked)] == ["48V", "Colour", "材质", "1000w"]
    assert details_asked(Asked(Decimal(1), "set", "Please quote your best kit.")) == []


def test_the_details_line_says_which_are_missing() -> None:
    item = self_check(ASKED, Answered(message="We have 48 V kits.")).item("attributes")
    assert item is not None
    assert not item.met
    assert item.advice == "Not mentioned yet: Colour."
    assert met("attributes", message="48V, in black")
    assert met("attributes", message="The voltage is as asked, colour of your choice")
    assert not met("attributes", message="36V in black")


def test_an_rfq_that_names_no_detail_has_no_such_line() -> None:
    assert (
        self_check(Asked(Decimal(5), "set", "Kits wanted"), Answered()).item("attributes") is None
    )


def test_measures_are_compared_without_spaces_and_whole() -> None:
    assert measures_of("48 V, 10.5Ah, ４８ｖ") == {"48v", "10.5ah"}
    assert measures_of("model X48V2, 48 Volt") == frozenset()


@pytest.mark.parametrize(
    ("element", "english", "chinese"),
    [
        ("years", "15 years of production experience", "我们有15年生产经验"),
        ("output", "Annual output: 200,000 sets", "年产量20万套"),
        ("capacity", "4 production lines", "产能充足，每天500套"),
        ("customization", "OEM/ODM welcome", "支持定制"),
        ("brands", "We supply brands such as Giant", "服务品牌有捷安特"),
        ("certificates", "ISO9001 and CE certified", "通过ISO认证"),
    ],
)
def test_each_element_of_the_introduction_is_found_in_both_languages_and_alone(
    element: str, english: str, chinese: str
) -> None:
    for message in (english, chinese):
        check = self_check(ASKED, Answered(message=message))
        found = {key for key in ELEMENTS if check.item(f"intro_{key}").met}  # type: ignore[union-attr]
        assert found == {element}, message


@pytest.mark.parametrize(
    "message",
    [
        "2 years warranty",
        "We are your trusted partner",
        "Price is negotiable, nice surface",
        "保修2年",
    ],
)
def test_what_sounds_alike_is_no_introduction(message: str) -> None:
    check = self_check(ASKED, Answered(message=message))
    assert not any(check.item(f"intro_{key}").met for key in ELEMENTS)  # type: ignore[union-attr]


def test_terms_are_met_when_given() -> None:
    empty, full = (
        self_check(ASKED, answered)
        for answered in (
            Answered(),
            Answered(sample_offered=True, lead_time_days=0, has_validity=True),
        )
    )
    for key in ("sample", "lead_time", "validity"):
        assert not empty.item(key).met  # type: ignore[union-attr]
        assert full.item(key).met  # type: ignore[union-attr]
    assert full.met == empty.met + 3
    assert met("sample", message="可以寄样")
