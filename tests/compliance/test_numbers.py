"""Numbers of registrations: one spelling, and each usual mistake by its name (EPR-5)."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

import compliance
from compliance.certificates.numbers import check_number, check_other_number, normalised_number
from compliance.epr.schema import EprRules

pytestmark = pytest.mark.rule("EPR-5")
TABLE = Path(compliance.__file__).parent / "rulebooks/epr/2022.toml"
RULES = EprRules.model_validate(tomllib.loads(TABLE.read_text())["content"])
DAY = date(2022, 5, 1)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        (" de 2755-5530.72093 ", "DE2755553072093"),
        ("ＤＥ１２３４５６７８", "DE12345678"),
        ("DE\u00a01234\u20115678", "DE12345678"),
        ("DE–1234—5678\u200b", "DE12345678"),
        ("fr006076＿05nnp3", "FR006076_05NNP3"),
        ("DE٠١٢٣٤٥٦٧", "DE01234567"),
        ("粤江安经（2022）0001号", "粤江安经(2022)0001号"),
        ("ZL 2020 1 0123456.7", "ZL2020101234567"),
        ("a/b·c", "A/BC"),
        ("", ""),
    ],
)
def test_one_spelling(typed: str, number: str) -> None:
    assert normalised_number(typed) == number
    assert normalised_number(number) == number


@pytest.mark.parametrize(
    ("country", "category", "typed"),
    [
        ("DE", "packaging", "DE2755553072093"),
        ("DE", "electrical", "DE 1234 5678"),
        ("DE", "battery", "de-12345678"),
        ("FR", "electrical", "FR006076_05NNP3"),
        ("FR", "battery", "FR002491_06F8EN"),
        ("FR", "packaging", "FR002491_01F8EN"),
        ("FR", "furniture", "fr002491_10f8en"),
        ("FR", "textile", "FR002491_11F8EN"),
        ("FR", "tyre", "FR002491_16F8EN"),
        ("FR", "paper", "FR002491_03F8EN"),
    ],
)
def test_good_numbers(country: str, category: str, typed: str) -> None:
    assert check_number(RULES, country, category, typed, DAY).problem is None


@pytest.mark.parametrize(
    ("country", "category", "typed", "hint"),
    [
        ("DE", "packaging", "DE123456789", "VAT number"),
        ("DE", "electrical", "DE123456789", "VAT number"),
        ("DE", "packaging", "12/345/67890", "Steuernummer"),
        ("DE", "electrical", "151/815/08156", "Steuernummer"),
        ("DE", "packaging", "1234567890123", "Steuernummer"),
        ("DE", "packaging", "12 345 67890", "Steuernummer"),
        ("DE", "packaging", "DE12345678", "13 digits"),
        ("DE", "battery", "DE2755553072093", "8 digits"),
        ("DE", "electrical", "DE1234567", None),
        ("DE", "packaging", "DE275555307209", None),
        ("DE", "packaging", "DE27555530720931", None),
        ("DE", "packaging", "FR002491_01F8EN", "French number"),
        ("DE", "electrical", "WEEE-Reg.-Nr. DE 12345678", "Give the number alone: DE12345678"),
        ("FR", "packaging", "DE2755553072093", "German number"),
        ("FR", "electrical", "FR00607605NNP3", "underscore"),
        ("FR", "electrical", "FR006076-05NNP3", "underscore"),
        ("FR", "electrical", "FRXX123456789", "French VAT"),
        ("FR", "electrical", "12345678901234", "SIRET"),
        ("FR", "electrical", "FR006076_05NNP", None),
        ("FR", "electrical", "FR006076_05NNP33", None),
        ("FR", "electrical", "IDU FR006076_05NNP3", "Give the number alone: FR006076_05NNP3"),
        ("DE", "packaging", "", None),
    ],
)
def test_each_mistake_is_named(country: str, category: str, typed: str, hint: str | None) -> None:
    problem = check_number(RULES, country, category, typed, DAY).problem
    assert problem is not None
    example = RULES.number_format(country, category)
    assert example is not None
    assert example.example in problem.message
    if hint is None:
        assert problem.hints == ()
    else:
        assert any(hint in one for one in problem.hints), problem.hints


@pytest.mark.parametrize("category", ["battery", "packaging", "textile", "tyre", "paper"])
def test_a_sure_code_of_another_category_is_an_error(category: str) -> None:
    problem = check_number(RULES, "FR", category, "FR006076_05NNP3", DAY).problem
    assert problem is not None
    assert "05" in problem.message
    assert "Electrical" in problem.message


@pytest.mark.parametrize(
    ("category", "code", "issued", "problem", "warned"),
    [
        # Paper was 03 until the end of 2023, and is 01 since 2024.
        ("paper", "03", date(2023, 12, 31), False, False),
        ("paper", "03", date(2024, 1, 1), False, True),
        ("paper", "01", date(2023, 12, 31), True, False),
        ("paper", "01", date(2024, 1, 1), False, False),
        ("packaging", "01", date(2024, 1, 1), False, False),
        ("packaging", "02", DAY, False, False),
        ("packaging", "03", DAY, False, True),
        ("tyre", "15", DAY, False, True),
        ("tyre", "13", DAY, True, False),
        ("tyre", "99", DAY, False, True),
        ("tyre", "04", DAY, False, True),
        ("paper", "01", None, False, False),
    ],
)
def test_an_unsure_code_is_for_the_reviewer(
    category: str, code: str, issued: date | None, problem: bool, warned: bool
) -> None:
    checked = check_number(RULES, "FR", category, f"FR006076_{code}NNP3", issued)
    assert (checked.problem is not None, bool(checked.warnings)) == (problem, warned)


def test_numbers_that_look_alike_are_told_to_the_reviewer() -> None:
    (warning,) = check_number(RULES, "DE", "electrical", "DE12345678", DAY).warnings
    assert "Battery" in warning
    (warning,) = check_number(RULES, "DE", "battery", "DE12345678", DAY).warnings
    assert "WEEE" in warning
    assert check_number(RULES, "DE", "packaging", "DE2755553072093", DAY).warnings == ()


def test_a_country_the_table_does_not_know() -> None:
    assert check_number(RULES, "ES", "packaging", "ENV123", DAY).problem is not None


@pytest.mark.parametrize(
    ("typed", "fine"),
    [("A1", True), ("1", False), ("x" * 63 + "1", True), ("x" * 64 + "1", False), ("none", False)],
)
def test_other_numbers_can_be_one(typed: str, fine: bool) -> None:
    assert (check_other_number(typed).problem is None) is fine
