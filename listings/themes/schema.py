"""Typed content of the rulebooks of benefits: `listings.benefits` (LST-9, K-16)."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self

from django.utils.translation import pgettext_lazy
from pydantic import Field, model_validator

from portal.rulebook_schemas import (
    RulebookContent,
    register_rulebook_module,
    register_rulebook_words,
)

BENEFITS = "listings.benefits"


class Benefit(RulebookContent):
    """One resource that matched products get, and from which Pacific day on (LST-9).

    Without `live_on` it was live before the rulebook took effect. `expected` marks a day the
    platform announced as expected, not as certain; `ends_on` is the last day.
    """

    key: str
    group: Literal["search", "home", "promotion"]
    name_en: str
    name_zh: str
    channels: list[Literal["pc", "app"]] = Field(min_length=1)
    ordinary: bool
    national: bool
    live_on: date | None = None
    ends_on: date | None = None
    expected: bool = False

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        if self.live_on and self.ends_on and self.ends_on < self.live_on:
            raise ValueError("ends_on lies before live_on")
        return self


class PromotionCondition(RulebookContent):
    """What a shop or product needs for the promotion.

    `flag`: the seller flag `flag` is in force; `national_match`: at least one product in a national
    theme; `product_score`: the product's score is at least `at_least`.
    """

    kind: Literal["flag", "national_match", "product_score"]
    text_en: str
    text_zh: str
    flag: str = ""
    at_least: int | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "flag" and not self.flag:
            raise ValueError("a flag condition names its flag")
        if self.kind == "product_score" and self.at_least is None:
            raise ValueError("a score condition says at_least what")
        return self


class Promotion(RulebookContent):
    """A promotion that puts matched products in front, with its conditions."""

    benefit: str
    name_en: str
    name_zh: str
    conditions: list[PromotionCondition] = Field(min_length=1)


class Benefits(RulebookContent):
    """The benefits table of targeted themes (LST-9)."""

    benefits: list[Benefit] = Field(min_length=1)
    promotions: list[Promotion] = []

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        keys = [benefit.key for benefit in self.benefits]
        if len(set(keys)) < len(keys):
            raise ValueError("two benefits have the same key")
        unknown = {promotion.benefit for promotion in self.promotions} - set(keys)
        if unknown:
            raise ValueError(f"no benefit is called {', '.join(sorted(unknown))}")
        return self


register_rulebook_module(BENEFITS, Benefits)
register_rulebook_words(
    {
        "benefits": pgettext_lazy("rulebook", "Benefits"),
        "key": pgettext_lazy("rulebook", "Key"),
        "group": pgettext_lazy("rulebook", "Group"),
        "search": pgettext_lazy("rulebook", "Search"),
        "home": pgettext_lazy("rulebook", "Home page"),
        "promotion": pgettext_lazy("rulebook", "Promotion"),
        "name": pgettext_lazy("rulebook", "Name"),
        "channels": pgettext_lazy("rulebook", "Channels"),
        "pc": pgettext_lazy("rulebook", "PC"),
        "app": pgettext_lazy("rulebook", "App"),
        "ordinary": pgettext_lazy("rulebook", "Ordinary"),
        "national": pgettext_lazy("rulebook", "National"),
        "live_on": pgettext_lazy("rulebook", "Live on"),
        "ends_on": pgettext_lazy("rulebook", "Ends on"),
        "expected": pgettext_lazy("rulebook", "Expected"),
        "promotions": pgettext_lazy("rulebook", "Promotions"),
        "benefit": pgettext_lazy("rulebook", "Benefit"),
        "conditions": pgettext_lazy("rulebook", "Conditions"),
        "kind": pgettext_lazy("rulebook", "Kind"),
        "text": pgettext_lazy("rulebook", "Text"),
        "national_match": pgettext_lazy("rulebook", "Product in a national theme"),
        "product_score": pgettext_lazy("rulebook", "Product score"),
        "at_least": pgettext_lazy("rulebook", "At least"),
    }
)
