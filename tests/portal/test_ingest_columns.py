"""Cells: each gives a clean value or a sentence, never an exception (K-15)."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.choices import TradeKind
from portal.ingest.columns import (
    Bool,
    CellError,
    Choice,
    Code,
    Column,
    Country,
    Day,
    Instant,
    Int,
    Json,
    Money,
    Secret,
    Text,
    TextList,
)
from portal.ingest.kinds import ModelKind, all_kinds

pytestmark = pytest.mark.rule("K-15")

ANY_COLUMN: list[Column] = [
    Text("c", optional=True),
    Code("c"),
    Secret("c"),
    Choice("c", choices=TradeKind.values),
    Country("c"),
    Int("c"),
    Money("c"),
    Bool("c"),
    Day("c"),
    Instant("c"),
    TextList("c"),
    Json("c"),
    Json("c", shape=list),
]


@pytest.mark.parametrize(
    ("column", "raw", "clean"),
    [
        (Text("c"), "  Suzhou  ", "Suzhou"),
        (Text("c", optional=True), "   ", ""),
        (Text("c"), 1001.0, "1001"),
        (Code("c", max_length=4), "abcd", "abcd"),
        (Secret("c"), "  spaces count ", "  spaces count "),
        (Choice("c", choices=TradeKind.values), "RTS", "rts"),
        (Country("c"), "us", "US"),
        (Int("c"), "12", 12),
        (Int("c"), 12.0, 12),
        (Money("c"), "12.5", Decimal("12.50")),
        (Money("c"), "12.500", Decimal("12.50")),
        (Money("c"), 0.1 + 0.2, Decimal("0.30")),
        (Money("c", optional=True), "", None),
        (Money("c"), "999999999999.99", Decimal("999999999999.99")),
        (Bool("c"), "是", True),
        (Bool("c"), 0, False),
        (Bool("c", optional=True), None, False),
        (Day("c"), "2022-07-09", date(2022, 7, 9)),
        (Day("c"), "2022/7/9", date(2022, 7, 9)),
        (Day("c"), datetime(2022, 7, 9, tzinfo=UTC), date(2022, 7, 9)),
        (Instant("c"), "2022-07-19T18:00:00-07:00", datetime(2022, 7, 20, 1, tzinfo=UTC)),
        (Instant("c"), "2022-07-20T01:00:00Z", datetime(2022, 7, 20, 1, tzinfo=UTC)),
        (TextList("c"), "a| b ||a", ["a", "b"]),
        (TextList("c"), ["a", "b"], ["a", "b"]),
        (TextList("c", optional=True), "", []),
        (Json("c"), '{"a": [1]}', {"a": [1]}),
        (Json("c"), {"a": 1}, {"a": 1}),
        (Json("c", shape=list, optional=True), "", []),
    ],
)
def test_it_reads(column: Column, raw: Any, clean: Any) -> None:
    value = column.clean(raw)
    assert value == clean
    assert type(value) is type(clean)


@pytest.mark.parametrize(
    ("column", "raw"),
    [
        (Text("c"), ""),
        (Text("c"), "a\x00b"),
        (Text("c"), "\ud800"),
        (Text("c"), "#REF!"),
        (Text("c"), ["a"]),
        (Text("c"), True),
        (Text("c"), float("nan")),
        (Code("c", max_length=4), "abcde"),
        (Code("c"), "two\nlines"),
        (Choice("c", choices=TradeKind.values), "rtz"),
        (Country("c"), "XX"),
        (Int("c"), "-1"),
        (Int("c"), "2147483648"),
        (Int("c"), "1.5"),
        pytest.param(Int("c"), 10**5000, id="Int-huge"),
        pytest.param(Day("c"), 10**5000, id="Day-huge"),
        (Money("c"), "12.345"),
        (Money("c"), "1000000000000"),
        (Money("c"), "1,250.00"),
        (Money("c"), "1e5"),
        (Money("c"), "NaN"),
        (Money("c"), "Infinity"),
        (Money("c"), "1e999999999"),
        (Money("c"), "１２"),
        (Money("c"), float("inf")),
        (Money("c"), "-0.01"),
        (Money("c"), True),
        (Bool("c"), "maybe"),
        (Bool("c"), [1]),
        (Day("c"), "2022-02-30"),
        (Day("c"), "0000-01-01"),
        (Day("c"), "10000-01-01"),
        (Day("c"), "0999-01-01"),
        (Day("c"), "07/19/2022"),
        (Day("c"), 44761),
        (Instant("c"), "2022-07-19T18:00:00"),
        (Instant("c"), "0001-01-01T00:00:00+14:00"),
        (Instant("c"), "9999-12-31T23:59:59-14:00"),
        (Instant("c"), datetime(2022, 7, 19, 18)),  # noqa: DTZ001  as a spreadsheet gives it
        (TextList("c", max_items=2), "a|b|c"),
        (TextList("c", choices=("a", "b")), "a|c"),
        (TextList("c"), [["a"]]),
        (Json("c"), "[]"),
        (Json("c"), '{"a": NaN}'),
        (Json("c"), '{"a": 1e999}'),
        (Json("c"), '{"a": "\\u0000"}'),
        (Json("c"), '{"\\ud800": 1}'),
        pytest.param(Json("c", shape=list), "[" * 90_000, id="Json-deep"),
        (Json("c", shape=list), "[" * 20 + "]" * 20),
        (Json("c"), '{"a":'),
    ],
)
def test_it_refuses_in_words(column: Column, raw: Any) -> None:
    with pytest.raises(CellError, match=r".{6}") as refusal:
        column.clean(raw)
    assert len(str(refusal.value)) < 400


def test_a_password_is_never_repeated() -> None:
    with pytest.raises(CellError) as refusal:
        Secret("password").clean("hunter2\x00")
    assert "hunter2" not in str(refusal.value)


def test_a_wrong_word_brings_the_nearest_right_one() -> None:
    with pytest.raises(CellError, match="customization”"):
        Choice("kind", choices=TradeKind.values).clean("customisation")


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=300),
    st.sampled_from(["1e400", "-", "+1", "0x1", "2022-13-01", "|||", "[[", "{}", "\x00", "１"]),
    st.dates(),
    st.datetimes(),
    st.recursive(
        st.one_of(st.none(), st.floats(), st.text(max_size=5)),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
    ),
)


@settings(max_examples=400, deadline=None)
@given(cell=CELLS)
def test_no_cell_ever_raises_anything_else(cell: Any) -> None:
    for column in ANY_COLUMN:
        with suppress(CellError):
            column.clean(cell)


@settings(max_examples=200, deadline=None)
@given(cell=st.text(max_size=80))
def test_no_text_in_a_column_of_any_kind_raises_anything_else(cell: str) -> None:
    for kind in all_kinds():
        for column in kind.columns:
            with suppress(CellError):
                column.clean(cell)


def test_columns_fit_the_fields_they_are_stored_in() -> None:
    checked = 0
    for kind in all_kinds():
        if not issubclass(kind, ModelKind):
            continue
        for column in kind.columns:
            field = next(
                field
                for field in kind.model._meta.concrete_fields
                if field.attname == kind.attribute(column.name)
            )
            assert not column.may_be_empty or column.empty_value() is not None or field.null
            if isinstance(column, Money):
                assert column.places == field.decimal_places
                assert column.max_digits <= field.max_digits
            elif isinstance(column, Text) and not field.is_relation:
                assert column.max_length <= field.max_length
            elif isinstance(column, Choice):
                assert set(column.choices) == {value for value, _label in field.choices}
            checked += 1
    assert checked > 50


def test_every_template_row_can_be_read_back() -> None:
    assert apps.ready
    for kind in all_kinds():
        for column in kind.columns:
            assert column.example or column.may_be_empty, (kind.name, column.name)
            column.clean(column.example)
