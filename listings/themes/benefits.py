"""What matched products get on a day, and what is still to come (LST-9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext_lazy as _

from listings.themes.queries import match_totals, themes_day
from listings.themes.schema import BENEFITS, Benefit, PromotionCondition
from portal.bilingual import in_language
from portal.models import Seller
from portal.services.rulebooks import RulebookInForce, RulebookMissing, rulebook_for
from portal.shop_flags import flags_of

GROUPS = {
    "search": _("Exposure in search"),
    "home": _("Exposure on the home page"),
    "promotion": _("Exposure in promotions"),
}
CHANNELS = {"pc": _("PC"), "app": _("App")}

LIVE, UPCOMING, ENDED = "live", "upcoming", "ended"


@dataclass(frozen=True)
class BenefitRow:
    """A line of the table as it stands on a day."""

    benefit: Benefit
    state: str
    """`live`, `upcoming` or `ended`."""

    @property
    def name(self) -> str:
        """Name in the active language."""
        return in_language(self.benefit.name_en, self.benefit.name_zh)

    @property
    def group(self) -> str:
        """Kind of exposure."""
        return str(GROUPS[self.benefit.group])

    @property
    def channels(self) -> str:
        """Where it shows: "PC + App"."""
        return " + ".join(str(CHANNELS[channel]) for channel in self.benefit.channels)


@dataclass(frozen=True)
class ConditionRow:
    """A condition of a promotion for one shop; `met` is None when the portal cannot know."""

    kind: str
    text: str
    met: bool | None
    number: int | None = None
    """Own products in national themes, for that condition."""


@dataclass(frozen=True)
class PromotionRow:
    """A promotion with its conditions for one shop."""

    name: str
    row: BenefitRow
    conditions: list[ConditionRow]


@dataclass(frozen=True)
class BenefitTable:
    """The page: which rules, on which day, and the lines."""

    day: date
    rulebook: RulebookInForce
    rows: list[BenefitRow]
    promotions: list[PromotionRow]


def benefit_state(benefit: Benefit, day: date) -> str:
    """Return `live`, `upcoming` or `ended` for a Pacific day; both end days count as live (LST-9)."""
    if benefit.live_on is not None and day < benefit.live_on:
        return UPCOMING
    if benefit.ends_on is not None and day > benefit.ends_on:
        return ENDED
    return LIVE


def benefits_for(seller: Seller, day: date) -> BenefitTable | None:
    """Return the benefits under the rules in force on a Pacific day; none when there are no rules.

    A constant number of queries.
    """
    try:
        rulebook = rulebook_for(BENEFITS, day)
    except RulebookMissing:
        return None
    rows = [BenefitRow(one, benefit_state(one, day)) for one in rulebook.content.benefits]
    by_key = {row.benefit.key: row for row in rows}
    facts = _Facts(seller, day)
    promotions = [
        PromotionRow(
            in_language(promotion.name_en, promotion.name_zh),
            by_key[promotion.benefit],
            [facts.check(condition) for condition in promotion.conditions],
        )
        for promotion in rulebook.content.promotions
    ]
    return BenefitTable(day, rulebook, rows, promotions)


class _Facts:
    """What conditions ask about a shop, loaded once for all of them."""

    def __init__(self, seller: Seller, day: date) -> None:
        self.flags = flags_of(seller.pk, day)
        self.national = match_totals(seller, themes_day()).national_products

    def check(self, condition: PromotionCondition) -> ConditionRow:
        """Return one condition with its present value."""
        text = in_language(condition.text_en, condition.text_zh)
        if condition.kind == "flag":
            met: bool | None = condition.flag in self.flags
            return ConditionRow(condition.kind, text, met)
        if condition.kind == "national_match":
            return ConditionRow(condition.kind, text, self.national > 0, self.national)
        # Upstream computes the score per product and shows it there.
        return ConditionRow(condition.kind, text, None)
