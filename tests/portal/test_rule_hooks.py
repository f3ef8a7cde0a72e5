"""What modules tell the kernel: tiles of the home page, what rules change, whom a draft touches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from portal import home_tiles, platform_time, rule_changes
from portal.choices import RulebookStatus
from portal.home_tiles import HomeTile, register_home_tiles
from portal.models import Bulletin, Rulebook, Seller
from portal.rule_changes import ChangeRow, ChangeTable, RuleChange, register_rule_change

pytestmark = pytest.mark.django_db

MODULE = "portal.buyer_labels"
DAY = date(2022, 8, 1)


@pytest.fixture(autouse=True)
def _registries(clock: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test register its own."""
    monkeypatch.setattr(rule_changes, "_providers", {})
    monkeypatch.setattr(home_tiles, "_providers", [])


def bulletin(rulebook: Rulebook | None = None) -> Bulletin:
    return Bulletin.objects.create(
        slug="august",
        title_en="August",
        body_en="New rules.",
        rulebook=rulebook,
        published_at=platform_time.now() - timedelta(hours=1),
    )


def rulebook() -> Rulebook:
    return Rulebook.objects.get(module=MODULE, version="2022-08")


def change(seller: Seller, rules: Rulebook) -> RuleChange:
    row = ChangeRow("Replies", "12 points", "24 points", direction=1, note="30 % of 10")
    total = ChangeRow("Score", "60", "72", direction=1)
    return RuleChange(
        before="old",
        after=rules.version,
        starts_on=rules.effective_from,
        as_of=DAY,
        summary=f"{seller.name_en} gains 12 points.",
        tables=(ChangeTable("Factor", (row,), total),),
    )


@pytest.mark.rule("K-17")
def test_a_bulletin_shows_what_its_rules_change_for_the_reader(
    shop: Seller, owner_client: Client, stranger_client: Client, owner_api: APIClient
) -> None:
    bulletin(rulebook())
    register_rule_change(MODULE, change)
    page = owner_client.get("/bulletins/august/").content.decode()
    for text in ("What changes for you", f"{shop.name_en} gains", "24 points", "Rules 2022-08"):
        assert text in page
    assert "Data as of" in page
    assert shop.name_en not in stranger_client.get("/bulletins/august/").content.decode()
    told = owner_api.get("/api/v1/bulletins/august/change").json()["change"]
    assert told["tables"][0]["rows"][0]["after"] == "24 points"
    assert (told["before"], told["after"], told["as_of"]) == ("old", "2022-08", "2022-08-01")


@pytest.mark.rule("K-17")
def test_nothing_is_told_without_rules_without_a_provider_or_for_a_draft(
    owner_client: Client, owner_api: APIClient
) -> None:
    asked: list[Rulebook] = []
    bulletin()
    register_rule_change(MODULE, lambda _seller, rules: asked.append(rules))
    assert "what-changes" not in owner_client.get("/bulletins/august/").content.decode()
    rules = rulebook()
    Rulebook.objects.filter(pk=rules.pk).update(status=RulebookStatus.DRAFT)
    Bulletin.objects.update(rulebook=rules)
    assert owner_api.get("/api/v1/bulletins/august/change").json() == {"change": None}
    assert asked == []
    Rulebook.objects.filter(pk=rules.pk).update(status=RulebookStatus.PUBLISHED)
    assert owner_api.get("/api/v1/bulletins/august/change").json() == {"change": None}
    assert asked == [rules]
    assert owner_api.get("/api/v1/bulletins/other/change").status_code == 404


@pytest.mark.rule("K-17")
def test_a_provider_that_fails_does_not_hide_the_bulletin(owner_client: Client) -> None:
    def broken(seller: Seller, rules: Rulebook) -> RuleChange:
        raise ValueError("broken")

    bulletin(rulebook())
    register_rule_change(MODULE, broken)
    page = owner_client.get("/bulletins/august/")
    assert page.status_code == 200
    assert page.context["change"] is None
    with pytest.raises(ValueError, match="twice"):
        register_rule_change(MODULE, change)


@pytest.mark.rule("UI-2")
def test_modules_bring_tiles_to_the_home_page(owner_client: Client) -> None:
    @register_home_tiles
    def broken(*_args: Any) -> Iterator[HomeTile]:
        raise ValueError("broken")

    @register_home_tiles
    def score(seller: Seller, *_args: Any) -> Iterator[HomeTile]:
        yield HomeTile("RFQ score", "72", "/rfq/score/", hint=f"of {seller.member_id}")

    page = owner_client.get("/")
    assert [tile.value for tile in page.context["tiles"]] == ["72"]
    text = page.content.decode()
    assert '<a href="/rfq/score/">RFQ score</a>' in text
    assert "of cn1001" in text
    assert "Your first numbers are on their way" in text
