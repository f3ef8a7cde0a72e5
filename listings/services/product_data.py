"""What a product says, apart from who wrote it when (LST-1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from listings.choices import PriceMode, ProductKind, ProductStatus, VideoQuality
from listings.models import Product

MAX_TITLE = 300
MAX_TIERS = 4
MAX_SKUS = 100
MAX_KEYWORDS = 30
MAX_IMAGES = 100
MAX_CUSTOM_ATTRIBUTES = 60
MAX_VALUES = 50
"""Values of one multi-select attribute."""


@dataclass
class ProductData:
    """A product's content as plain values; `clean` in `product_rules` makes raw input into it.

    `category` is a code. Prices are USD; `tiers` holds [quantity, price] and `skus` holds
    {name, price, stock}, prices as decimal text with two places. `attributes` maps a system
    attribute's code to a list of values. `epr_traits` None means the category's default.
    `images` are addresses or, when upstream only tells their number, placeholders.
    `owner` and `shipping_template` are ids of the shop's own rows.
    """

    category: str = ""
    title: str = ""
    kind: str = ProductKind.RTS
    status: str = ProductStatus.DRAFT
    keywords: list[str] = field(default_factory=list)
    brand: str = ""
    description: str = ""
    price_mode: str = PriceMode.FOB
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    tiers: list[list[Any]] = field(default_factory=list)
    skus: list[dict[str, Any]] = field(default_factory=list)
    moq: int | None = None
    unit: str = ""
    attributes: dict[str, list[str]] = field(default_factory=dict)
    custom_attributes: dict[str, str] = field(default_factory=dict)
    target_countries: list[str] = field(default_factory=list)
    services: list[str] = field(default_factory=list)
    epr_traits: list[str] | None = None
    cas: str = ""
    images: list[str] = field(default_factory=list)
    video: str = VideoQuality.NONE
    dispatch_days: int | None = None
    shipping_template: int | None = None
    showcase: bool = False
    owner: int | None = None
    deleted_at: str | None = None

    def as_content(self) -> dict[str, Any]:
        """Return the JSON form kept in a revision; equal products have equal contents."""
        content = {name: getattr(self, name) for name in FIELDS}
        for name in ("price_min", "price_max"):
            content[name] = money_text(content[name])
        return content

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Self:
        """Return the data of a revision; fields a revision does not know keep their default."""
        data = cls(**{name: content[name] for name in FIELDS if name in content})
        data.price_min, data.price_max = to_money(data.price_min), to_money(data.price_max)
        return data

    @classmethod
    def from_product(cls, product: Product) -> Self:
        """Return what a product says now; reads its `category`, so select that along."""
        data = cls(**{name: getattr(product, name) for name in COLUMNS})
        data.category = product.category.code
        data.owner, data.shipping_template = product.owner_id, product.shipping_template_id
        data.deleted_at = product.deleted_at.isoformat() if product.deleted_at else None
        return data

    def copy(self, **changes: Any) -> Self:
        """Return a copy with some fields replaced."""
        return dataclasses.replace(self, **changes)

    def write_to(self, product: Product, category_id: int) -> None:
        """Put the content on a product; saves nothing."""
        for name in COLUMNS:
            setattr(product, name, getattr(self, name))
        product.category_id = category_id
        product.owner_id, product.shipping_template_id = self.owner, self.shipping_template
        product.deleted_at = datetime.fromisoformat(self.deleted_at) if self.deleted_at else None


FIELDS = tuple(one.name for one in dataclasses.fields(ProductData))
COLUMNS = tuple(
    name for name in FIELDS if name not in ("category", "owner", "shipping_template", "deleted_at")
)
"""Fields that stand in the product's own columns under the same name."""


def to_money(value: Any) -> Decimal | None:
    """Return stored money (text or decimal) as a decimal of two places."""
    return None if value in (None, "") else Decimal(str(value)).quantize(Decimal("0.01"))


def money_text(value: Decimal | None) -> str | None:
    """Return money as decimal text of two places."""
    return None if value is None else f"{value:.2f}"
