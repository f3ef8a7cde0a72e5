"""When declarations are due and until when to register: from the rulebook as shipped (EPR-9)."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest
from django.utils import translation

import compliance
from compliance.epr.schema import EprRules, Requirement
from compliance.obligations.dues import (
    DueDay,
    dues_between,
    dues_under,
    period_text,
    register_before,
)
from portal.services.rulebooks import RulebookInForce

pytestmark = pytest.mark.rule("EPR-9")

SHIPPED = Path(compliance.__file__).parent / "rulebooks/epr/2022.toml"
RULES = EprRules.model_validate(tomllib.loads(SHIPPED.read_text())["content"])


def requirement(country: str, category: str) -> Requirement:
    found = RULES.requirement(country, category)
    assert found is not None
    return found


def year_of(country: str, category: str, year: int = 2023) -> list[tuple[str, str, str]]:
    dues = dues_between(requirement(country, category), date(year, 1, 1), date(year, 12, 31))
    return [tuple(map(str, (due.due_on, due.period_start, due.period_end))) for due in dues]  # type: ignore[misc]


@pytest.mark.parametrize("category", ["electrical", "battery"])
def test_german_electrical_and_batteries_are_declared_twelve_times_a_year(category: str) -> None:
    dues = year_of("DE", category)
    assert len(dues) == 12
    assert dues[0] == ("2023-01-15", "2022-12-01", "2022-12-31")
    assert dues[2] == ("2023-03-15", "2023-02-01", "2023-02-28")
    assert dues[11] == ("2023-12-15", "2023-11-01", "2023-11-30")


def test_german_packaging_is_declared_and_planned() -> None:
    assert year_of("DE", "packaging") == [
        ("2023-05-15", "2022-01-01", "2022-12-31"),
        ("2023-12-31", "2024-01-01", "2024-12-31"),
    ]


def test_french_electrical_is_declared_by_half_years() -> None:
    assert year_of("FR", "electrical") == [
        ("2023-01-31", "2022-07-01", "2022-12-31"),
        ("2023-07-31", "2023-01-01", "2023-06-30"),
    ]


@pytest.mark.parametrize(
    "category", ["packaging", "battery", "furniture", "tyre", "paper", "textile"]
)
def test_other_french_categories_are_declared_once_a_year(category: str) -> None:
    assert year_of("FR", category) == [("2023-01-31", "2022-01-01", "2022-12-31")]


def test_both_ends_of_a_range_belong_to_it() -> None:
    monthly = requirement("DE", "battery")
    first, last = date(2022, 8, 15), date(2022, 9, 15)
    assert [due.due_on for due in dues_between(monthly, first, last)] == [first, last]
    assert dues_between(monthly, date(2022, 8, 16), date(2022, 9, 14)) == []


def test_a_due_follows_the_rulebook_of_its_day() -> None:
    yearly = RULES.model_copy(
        update={
            "requirements": [
                requirement("DE", "battery").model_copy(
                    update={"dues": requirement("FR", "battery").dues}
                )
            ]
        }
    )
    books = [
        RulebookInForce(1, "m", "a", date(2022, 1, 1), date(2022, 12, 31), "", RULES),
        RulebookInForce(2, "m", "b", date(2023, 1, 1), None, "", yearly),
    ]
    dues = dues_under(books, "DE", "battery", date(2022, 11, 1), date(2023, 4, 1))
    assert [str(due.due_on) for due in dues] == ["2022-11-15", "2022-12-15", "2023-01-31"]


@pytest.mark.parametrize(
    ("country", "category", "by"),
    [
        ("DE", "electrical", "2022-10-04"),
        ("DE", "battery", "2022-10-04"),
        ("DE", "packaging", "2022-12-13"),
        ("FR", "electrical", "2022-11-29"),
    ],
)
def test_lead_times_are_counted_back_from_the_interruption(
    country: str, category: str, by: str
) -> None:
    assert str(register_before(requirement(country, category))) == by


def test_what_is_never_interrupted_has_no_such_day() -> None:
    assert (
        register_before(requirement("DE", "battery").model_copy(update={"interrupts_on": None}))
        is None
    )


def test_periods_in_words() -> None:
    month, half, year, plan = (
        DueDay(date(2022, 9, 15), date(2022, 8, 1), date(2022, 8, 31)),
        DueDay(date(2022, 7, 31), date(2022, 1, 1), date(2022, 6, 30)),
        DueDay(date(2023, 1, 31), date(2022, 1, 1), date(2022, 12, 31)),
        DueDay(date(2022, 12, 31), date(2023, 1, 1), date(2023, 12, 31)),
    )
    assert [period_text(due) for due in (month, half, year, plan)] == [
        "August 2022",
        "January–June 2022",
        "the year 2022",
        "planned amounts of 2023",
    ]
    with translation.override("zh-hans"):
        assert period_text(month) == "2022年8月"
