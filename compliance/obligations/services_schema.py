"""What a rulebook of registration services says: which are offered, at what price, until when (EPR-10)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Self

from django.utils.translation import pgettext_lazy
from pydantic import Field, model_validator

from compliance.choices import EprCategory
from portal.bilingual import reads_chinese
from portal.rulebook_schemas import (
    RulebookContent,
    register_rulebook_module,
    register_rulebook_words,
)

SERVICES = "compliance.services"


class ServiceOffer(RulebookContent):
    """One registration service. Prices are what the platform asks, in yuan.

    `contains` says what is done, `recycling` what the minimum recycling fee covers. `minimum_fee_eur`
    is that fee where the price includes it. An `addition` is for a registration the shop has already.
    From `withdrawn_on` on it can no longer be asked for.
    """

    code: str = Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)
    country: str = Field(pattern=r"^[A-Z]{2}$")
    category: EprCategory
    name_en: str = Field(max_length=200)
    name_zh: str = Field(max_length=200)
    contains_en: str
    contains_zh: str
    recycling_en: str = ""
    recycling_zh: str = ""
    price_cny: Decimal = Field(gt=0, max_digits=10, decimal_places=2)
    minimum_fee_eur: Decimal | None = Field(default=None, gt=0)
    addition: bool = False
    withdrawn_on: date | None = None

    @property
    def name(self) -> str:
        """What it is called, in the active language."""
        return self.name_zh if reads_chinese() else self.name_en

    @property
    def contains(self) -> str:
        """What is done, in the active language."""
        return self.contains_zh if reads_chinese() else self.contains_en

    @property
    def recycling(self) -> str:
        """What the minimum recycling fee covers, in the active language."""
        return self.recycling_zh if reads_chinese() else self.recycling_en

    def offered_on(self, day: date) -> bool:
        """Tell whether it can be asked for on a Pacific day."""
        return self.withdrawn_on is None or day < self.withdrawn_on


class ServiceRules(RulebookContent):
    """Content of `compliance.services`; `note` stands below every price."""

    note_en: str
    note_zh: str
    offers: list[ServiceOffer] = Field(min_length=1)

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        codes = [offer.code for offer in self.offers]
        if len(codes) != len(set(codes)):
            raise ValueError("two offers have the same code")
        return self

    @property
    def note(self) -> str:
        """What to know about the prices, in the active language."""
        return self.note_zh if reads_chinese() else self.note_en

    def offer(self, code: str) -> ServiceOffer | None:
        """Return an offer, or none when this rulebook does not have it."""
        return next((offer for offer in self.offers if offer.code == code), None)


register_rulebook_module(SERVICES, ServiceRules)
register_rulebook_words(
    {
        "note": pgettext_lazy("rulebook", "Note"),
        # Translators: 服务报价
        "offers": pgettext_lazy("rulebook", "Services offered"),
        "code": pgettext_lazy("rulebook", "Code"),
        "country": pgettext_lazy("rulebook", "Country"),
        "category": pgettext_lazy("rulebook", "Category"),
        "name": pgettext_lazy("rulebook", "Name"),
        # Translators: 包含内容
        "contains": pgettext_lazy("rulebook", "Contains"),
        # Translators: 回收包含内容
        "recycling": pgettext_lazy("rulebook", "Recycling covered"),
        # Translators: 平台售卖价（人民币）
        "price_cny": pgettext_lazy("rulebook", "Price (CNY)"),
        # Translators: 包含最低回收费（欧元）
        "minimum_fee_eur": pgettext_lazy("rulebook", "Minimum recycling fee included (EUR)"),
        "addition": pgettext_lazy("rulebook", "For an existing registration"),
        # Translators: 下架日期
        "withdrawn_on": pgettext_lazy("rulebook", "No longer offered from"),
    }
)
