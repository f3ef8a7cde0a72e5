"""Numbers beside points: what is written must be what earned them (GRO-12)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from growth.stars.texts import goal_text, value_text

pytestmark = pytest.mark.rule("GRO-12")


@pytest.mark.parametrize(
    ("metric", "value", "shown"),
    [
        ("portal.inquiries_30d", "29", "29"),
        ("growth.online_amount_90d", "1999.9999", "US$1,999.99"),
        ("growth.payment_conversion_90d", "29.9999", "29.99%"),
        # What upstream counts is in whole numbers or not, as upstream has it.
        ("ext.potential_products", "49", "49"),
        ("ext.service_level", "69.99", "69.99"),
        ("ext.service_level", "69.9999", "69.99"),
    ],
)
def test_a_value_is_written_no_better_than_it_is(metric: str, value: str, shown: str) -> None:
    assert value_text(metric, Decimal(value)) == shown


def test_what_is_missing_is_written_no_smaller_than_it_is() -> None:
    assert goal_text("portal.inquiries_30d", Decimal("12.5")) == "13"
    assert goal_text("ext.service_level", Decimal("12.501")) == "12.51"
