"""The table of requirements is data: a country or a category more needs a rulebook alone (EPR-1)."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from compliance.choices import EprCategory
from compliance.epr.schema import EPR
from listings.choices import EprTrait
from portal.models import Rulebook, Seller, User
from portal.services.rulebooks import rulebook_draft_save, rulebook_publish
from tests.compliance.test_epr_traits_pages import answers, gated, listed

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-1")]

FROM = date(2022, 9, 1)


@pytest.fixture
def longer_table(staff: User, clock: Any) -> None:
    """Publish, in August, a table that asks for Spanish packaging and French toys from September."""
    now = Rulebook.objects.get(module=EPR)
    content = copy.deepcopy(now.content)
    later = {"law_from": "2022-09-01", "interrupts_on": "2022-10-01", "weeks": [1, 2]}
    content["requirements"] += [
        {"country": "ES", "category": "packaging", **later},
        {"country": "FR", "category": "toy", **later},
    ]
    content["numbers"].append(
        {"country": "ES", "name_en": "ENV number", "name_zh": "ENV 号", "pattern": r"^ENV\d{13}$",
         "example": "ENV2022000000001"}
    )  # fmt: skip
    draft = rulebook_draft_save(
        actor=staff, module=EPR, version="2022-09", effective_from=FROM, content=content
    )
    rulebook_publish(actor=staff, rulebook=draft, supersedes=now)


def test_a_new_country_and_category_are_asked_for_from_their_day(
    longer_table: None, shop: Seller, owner_client: Client, staff_api: APIClient, clock: Any
) -> None:
    listed(shop, "kit", epr_traits=["packaging", "garden"])
    pairs = [["kit", "ES"], ["kit", "FR"]]

    def said(at: str) -> list[tuple[str, list[str]]]:
        rows = staff_api.post("/api/v1/trade-gate", {"pairs": pairs, "at": at}).json()
        return [(row["decision"], [one["category"] for one in row["reasons"]]) for row in rows]

    clock("2022-09-01T00:00:00-07:00")
    page = owner_client.get("/compliance/traits/kit/")
    assert "toy" in page.context["form"].fields
    sent = answers("kit", packaging="yes", toy="yes")
    assert owner_client.post("/compliance/traits/kit/", sent).status_code == 302
    held = gated("kit").traits
    assert held == sum(EprCategory(one).bit for one in ("packaging", "toy", "garden")), (
        "the wizard does not ask about garden tools and leaves what was said of them"
    )
    assert said("2022-08-31T23:59:59-07:00") == [("allowed", []), ("warn", ["packaging"])]
    assert said("2022-09-01T00:00:00-07:00")[0] == ("warn", ["packaging"])
    assert said("2022-09-30T23:59:59-07:00")[1] == ("warn", ["packaging", "toy"])
    assert said("2022-10-01T00:00:00-07:00") == [("blocked", ["packaging"]), ("blocked", ["toy"])]


def test_the_product_form_offers_what_a_table_asks_for(
    shop: Seller, owner_client: Client, request: pytest.FixtureRequest
) -> None:
    listed(shop, "kit", epr_traits=["garden"])

    def offered() -> list[str]:
        form = owner_client.get("/listings/product/kit/edit/").context["form"]
        return [code for code, _label in form.fields["epr_traits"].choices]

    assert set(EprTrait.values) == set(EprCategory.values)
    assert "garden" in offered(), "what it says already"
    assert "toy" not in offered()
    request.getfixturevalue("longer_table")
    assert "toy" in offered(), "announced"
