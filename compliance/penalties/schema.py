"""What a rulebook of violations says: rules, their ladders, points and appeals (CMP-6 … CMP-8)."""

from __future__ import annotations

from typing import Literal, Self

from django.utils.translation import pgettext_lazy
from pydantic import Field, model_validator

from portal.bilingual import reads_chinese
from portal.rulebook_schemas import (
    RulebookContent,
    register_rulebook_module,
    register_rulebook_words,
)

VIOLATIONS = "compliance.violations"

TRADE_ASSURANCE = "trade_assurance"
"""A service that can be closed; others are added by the rulebook that closes them."""

SLUG = r"^[a-z][a-z0-9_]*$"


class RungEffect(RulebookContent):
    """What a rung does besides its points: for `days` Pacific days, else until staff end it."""

    kind: Literal["product_demoted", "shop_demoted", "service_closed", "shop_closed"]
    days: int | None = Field(default=None, ge=1)
    service: str = Field(default="", pattern=r"^[a-z0-9_]{0,32}$")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.kind == "service_closed") != bool(self.service):
            raise ValueError("a closed service, and only it, is named")
        if self.kind == "shop_closed" and self.days is not None:
            raise ValueError("a closed shop does not open by itself")
        return self


class Rung(RulebookContent):
    """The penalty from the `from_time`-th time on, until the next rung of the ladder.

    With `points_most` staff choose between `points` and that; one who chooses nothing gives `points`.
    """

    from_time: int = Field(default=1, ge=1)
    warning: bool = False
    points: int = Field(default=0, ge=0)
    points_most: int | None = None
    effects: list[RungEffect] = []

    @model_validator(mode="after")
    def _penalises(self) -> Self:
        if not (self.warning or self.points or self.points_most or self.effects):
            raise ValueError("a rung warns, gives points or has an effect")
        if self.warning and self.points:
            raise ValueError("a warning gives no points")
        if self.points_most is not None and self.points_most <= self.points:
            raise ValueError("points_most is more than points")
        keys = [(effect.kind, effect.service) for effect in self.effects]
        if len(keys) != len(set(keys)):
            raise ValueError("a rung has an effect once")
        return self


class ViolationRule(RulebookContent):
    """A rule, and what breaking it costs by how often.

    Times are counted per shop, or with `level = "product"` per product (which is then named). With
    `window_days` only those that happened within as many Pacific days of each other count as
    repeated, else all ever. `grave` is what a grave case costs whatever its time; a rule without a
    `ladder` knows grave cases only.
    """

    key: str = Field(pattern=SLUG, max_length=40)
    name_en: str
    name_zh: str
    text_en: str
    text_zh: str
    level: Literal["shop", "product"] = "shop"
    window_days: int | None = Field(default=None, ge=1)
    ladder: list[Rung] = []
    grave: Rung | None = None

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if not self.ladder and self.grave is None:
            raise ValueError("a rule has a ladder or says what a grave case costs")
        times = [rung.from_time for rung in self.ladder]
        if times != sorted(set(times)) or times[:1] not in ([], [1]):
            raise ValueError("a ladder begins with the first time and rises")
        points = [rung.points for rung in self.ladder]
        if points != sorted(points):
            raise ValueError("a later rung is never milder")
        return self

    @property
    def name(self) -> str:
        """What the rule is called, in the active language."""
        return self.name_zh if reads_chinese() else self.name_en

    @property
    def text(self) -> str:
        """What breaks it, in the active language."""
        return self.text_zh if reads_chinese() else self.text_en

    def rung(self, time: int, *, grave: bool = False) -> Rung | None:
        """Return what the `time`-th violation costs; none where the rule does not provide for it."""
        if grave:
            return self.grave
        return next((rung for rung in reversed(self.ladder) if time >= rung.from_time), None)


class ViolationRules(RulebookContent):
    """Content of `compliance.violations`: days are Pacific days, `closes_at` closes the shop."""

    points_days: int = Field(ge=1)
    appeal_days: int = Field(ge=1)
    closes_at: int = Field(ge=1)
    rules: list[ViolationRule]

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        keys = [rule.key for rule in self.rules]
        if len(keys) != len(set(keys)):
            raise ValueError("two rules have the same key")
        return self

    def rule(self, key: str) -> ViolationRule | None:
        """Return a rule, or none when this rulebook does not have it."""
        return next((rule for rule in self.rules if rule.key == key), None)


register_rulebook_module(VIOLATIONS, ViolationRules)
register_rulebook_words(
    {
        # Translators: 扣分有效期（天）
        "points_days": pgettext_lazy("rulebook", "Days points count"),
        # Translators: 申诉期限（天）
        "appeal_days": pgettext_lazy("rulebook", "Days to appeal"),
        # Translators: 扣满关店
        "closes_at": pgettext_lazy("rulebook", "Points that close the shop"),
        "rules": pgettext_lazy("rulebook", "Rules"),
        "key": pgettext_lazy("rulebook", "Key"),
        "name": pgettext_lazy("rulebook", "Name"),
        "text": pgettext_lazy("rulebook", "Text"),
        "level": pgettext_lazy("rulebook", "Counted per"),
        "shop": pgettext_lazy("rulebook", "Shop"),
        "product": pgettext_lazy("rulebook", "Product"),
        "window_days": pgettext_lazy("rulebook", "Repeated within days"),
        "ladder": pgettext_lazy("rulebook", "Ladder"),
        # Translators: 第几次起
        "from_time": pgettext_lazy("rulebook", "From time"),
        # Translators: 警告
        "warning": pgettext_lazy("rulebook", "Warning"),
        # Translators: 扣分
        "points": pgettext_lazy("rulebook", "Points"),
        "points_most": pgettext_lazy("rulebook", "Points at most"),
        "effects": pgettext_lazy("rulebook", "Effects"),
        "kind": pgettext_lazy("rulebook", "Kind"),
        "days": pgettext_lazy("rulebook", "Days"),
        "service": pgettext_lazy("rulebook", "Service"),
        # Translators: 信用保障服务
        TRADE_ASSURANCE: pgettext_lazy("rulebook", "Trade Assurance"),
        # Translators: 商品降权
        "product_demoted": pgettext_lazy("rulebook", "Product shown further down"),
        # Translators: 店铺降权（限流）
        "shop_demoted": pgettext_lazy("rulebook", "Shop shown further down"),
        "service_closed": pgettext_lazy("rulebook", "Service closed"),
        # Translators: 关闭店铺
        "shop_closed": pgettext_lazy("rulebook", "Shop closed"),
        # Translators: 情节严重
        "grave": pgettext_lazy("rulebook", "Grave case"),
    }
)
