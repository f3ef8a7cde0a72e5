"""Products of a shop that a programme is about: how many fit, how many take part (GRO-18)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from growth.membership.shop_numbers import shop_numbers
from growth.programmes.schema import ProductRule, ProgrammeContent
from portal.models import Seller


@dataclass(frozen=True)
class ProductsReading:
    """Which products of the shop the platform chooses; `fitting` is none while upstream has not told."""

    rule: ProductRule
    fitting: int | None

    @property
    def taking_part(self) -> int | None:
        """How many of them take part."""
        return None if self.fitting is None else min(self.fitting, self.rule.most)


def products_of(
    seller: Seller, contents: Mapping[int, ProgrammeContent]
) -> dict[int, ProductsReading]:
    """Return how many products of the shop fit, where programmes are about some; two queries for all."""
    rules = {pk: content.products for pk, content in contents.items() if content.products}
    if not rules:
        return {}
    told = shop_numbers(seller, {rule.metric for rule in rules.values()} - {""}).values
    return {
        pk: ProductsReading(rule, int(told[rule.metric]) if rule.metric in told else None)
        for pk, rule in rules.items()
    }
