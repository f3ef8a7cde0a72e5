"""Themes keep the catalogue's spelling of a value, the very text before a likely one (LST-3)."""

from __future__ import annotations

import pytest

from listings.services.theme_checks import Catalogue
from portal.choices import AttributeType
from portal.models import Category
from tests import factories


@pytest.mark.django_db
@pytest.mark.rule("LST-3")
@pytest.mark.parametrize("order", [["No", "no"], ["no", "No"]])
def test_two_spellings_of_the_catalogue_stay_two_values(
    categories: dict[str, Category], order: list[str]
) -> None:
    for code, value in zip(["e-bike-kits", "e-bike-parts"], order, strict=True):
        factories.attribute_create(categories[code], "compass", AttributeType.SELECT, [value])
    allowed = Catalogue.of(["e-bike-parts"], ["compass"]).offered["e-bike-parts", "compass"]
    assert (allowed["No"], allowed["no"]) == ("No", "no")
