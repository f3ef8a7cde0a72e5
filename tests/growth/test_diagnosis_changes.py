"""What announced rules of the diagnosis change for a shop (GRO-11, K-17)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from growth.choices import Stage
from growth.diagnosis.schema import DIAGNOSIS
from growth.models import GrowthBenchmark, GrowthScore, StageStanding
from growth.nightly.diagnosis import JOB
from growth.nightly.stages import STAGES
from portal import platform_time
from portal.choices import RulebookStatus
from portal.metrics import DERIVED, PLAIN
from portal.models import Category, Rulebook, Seller
from portal.rule_changes import rule_change_for
from portal.scoping import seller_scope, unscoped
from portal.services.rulebooks import content_digest
from tests import factories
from tests.growth.diagnosis_world import DAY, book, item, peers, published, stage, value
from tests.growth.world import night

pytestmark = [pytest.mark.django_db, pytest.mark.rule("GRO-11", "K-17")]

API = "/api/v1/growth/diagnosis/outlook"
INQUIRIES, ORDERS, LOGINS = "portal.inquiries_30d", "portal.orders_30d", "portal.login_days_30d"
STARTS = DAY + timedelta(days=20)


def announced(*items: dict[str, Any], starts: date = STARTS) -> Rulebook:
    """Publish rules that follow those in force."""
    Rulebook.objects.filter(module=DIAGNOSIS).update(effective_to=starts - timedelta(days=1))
    content = {"items": list(items)}
    return Rulebook.objects.create(
        module=DIAGNOSIS,
        version="next",
        effective_from=starts,
        status=RulebookStatus.PUBLISHED,
        published_at=platform_time.now(),
        content=content,
        digest=content_digest(content),
    )


@pytest.fixture
def shops(category: Category, clock: Any) -> list[Seller]:
    """Five shops: inquiries 10 … 50, login days 4 each, orders 5 … 1; judged by the first two."""
    book(item(INQUIRIES, weight=2, title_en="Inquiries"), item(LOGINS, title_en="Login days"))
    found = peers(category, INQUIRIES, [10, 20, 30, 40, 50])
    for number, shop in enumerate(found):
        value(shop, ORDERS, 5 - number)
        value(shop, LOGINS, 4)
        stage(shop)
    published(DAY, jobs=[PLAIN, DERIVED, STAGES])
    return found


def change_for(shop: Seller) -> dict[str, Any] | None:
    member = factories.member_create(shop)
    answer: dict[str, Any] = factories.api_client(member.user).get(API).json()
    return answer["change"]


@pytest.mark.both_databases
def test_announced_rules_are_told_item_by_item(shops: list[Seller]) -> None:
    announced(item(ORDERS, title_en="Orders"), item(INQUIRIES, title_en="Inquiries"))
    night(DAY, JOB)
    change = change_for(shops[0])
    assert change is not None
    assert (change["before"], change["after"], change["as_of"]) == ("test", "next", "2022-08-01")
    assert change["starts_on"] == "2022-08-21"
    (table,) = change["tables"]
    # Now (2 × 10/30 + 1 × 4/4) / 3; then orders, 5 of 3, and inquiries, 10 of 30, by 2.
    assert (table["total"]["before"], table["total"]["after"]) == ("55.56", "66.67")
    assert table["total"]["direction"] == 1
    assert [(row["label"], row["before"], row["after"], row["note"]) for row in table["rows"]] == [
        ("Orders", "not judged", "100%, weight 1", "5, benchmark 3"),
        ("Inquiries", "33.33%, weight 2", "33.33%, weight 1", "10, benchmark 30"),
        ("Login days", "100%, weight 1", "not judged", "4, benchmark 4"),
    ]
    # What is above the mean and counts more, or below it and counts less, is better for a shop.
    assert [row["direction"] for row in table["rows"]] == [1, 1, -1]
    assert change["summary"] == (
        "Under the rules from Aug 21, 2022 on, your growth score is 66.67 instead of 55.56."
    )


@pytest.mark.both_databases
def test_what_comes_weighs_nothing_before_it_holds(shops: list[Seller]) -> None:
    night(DAY, JOB)
    with unscoped():
        before = list(GrowthScore.objects.order_by("seller").values_list("seller", "score"))
    announced(item(ORDERS), item("ext.answer_hours", lower_is_better=True))
    night(DAY, JOB)
    with unscoped():
        rows = GrowthScore.objects.as_of(DAY).order_by("seller")
        assert list(rows.values_list("seller", "score")) == before
        assert set(rows.values_list("rulebook", flat=True)) == {"test"}
    benchmarks = GrowthBenchmark.objects.as_of(DAY).values_list("metric", flat=True)
    assert set(benchmarks) == {INQUIRIES, LOGINS, ORDERS}


@pytest.mark.both_databases
def test_a_shop_with_nothing_but_what_comes_has_no_score(shops: list[Seller]) -> None:
    book(item("ext.odm"))
    announced(item(ORDERS))
    night(DAY, JOB)
    with unscoped():
        assert set(GrowthScore.objects.as_of(DAY).values_list("score", flat=True)) == {None}
    change = change_for(shops[4])
    assert change is not None
    # One order where the benchmark is three.
    assert (change["tables"][0]["total"]["before"], change["tables"][0]["total"]["after"]) == (
        "–", "33.33",
    )  # fmt: skip


def test_what_counts_under_neither_rules_is_not_told(shops: list[Seller]) -> None:
    announced(item(ORDERS, title_en="Orders"), item("ext.odm"))
    night(DAY, JOB)
    change = change_for(shops[0])
    assert change is not None
    labels = [row["label"] for row in change["tables"][0]["rows"]]
    assert labels == ["Orders", "Inquiries", "Login days"]
    book(item("ext.odm"))
    announced(item("ext.odm", weight=2))
    night(DAY, JOB)
    assert change_for(shops[1]) is None, "nothing of the shop can be compared"


def test_nothing_is_told_until_a_night_has_taken_the_new_benchmarks(shops: list[Seller]) -> None:
    night(DAY, JOB)
    rules = announced(item(INQUIRIES), item(ORDERS))
    assert change_for(shops[0]) is None
    Rulebook.objects.filter(pk=rules.pk).update(content={"items": [item(INQUIRIES)]}, digest="x")
    assert change_for(shops[1]) is not None, "what is compared already needs no night"


@pytest.mark.parametrize(("days", "told"), [(47, True), (48, False)])
def test_rules_are_told_of_from_45_days_before(shops: list[Seller], days: int, told: bool) -> None:
    announced(item(INQUIRIES), starts=DAY + timedelta(days=days))
    night(DAY, JOB)
    assert (change_for(shops[0]) is not None) == told


def test_the_page_and_the_bulletin_show_it_to_shops_that_see_their_diagnosis(
    shops: list[Seller],
) -> None:
    rules = announced(item(INQUIRIES, title_en="Inquiries"))
    night(DAY, JOB)
    client = Client()
    client.force_login(factories.member_create(shops[0]).user)
    page = client.get(reverse("growth:diagnosis")).content.decode()
    assert "your figures under them" in page
    assert "33.33%, weight 2" in page
    with seller_scope(shops[0]):
        change = rule_change_for(shops[0], rules)
        assert change is not None
        assert change.after == "next"
    with seller_scope(shops[1]):
        StageStanding.objects.update(stage=Stage.NOVICE_30)
        assert rule_change_for(shops[1], rules) is None
