"""Typed content of the rulebooks of the GMV challenge: `rfq.challenge` (RFQ-23, K-16)."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

from django.utils.translation import pgettext_lazy
from pydantic import Field, model_validator

from portal.rulebook_schemas import (
    RulebookContent,
    register_rulebook_module,
    register_rulebook_words,
)

CHALLENGE = "rfq.challenge"


class ChallengeTier(RulebookContent):
    """From `gmv` USD paid in the month on, `quote_rights` in all."""

    gmv: Decimal = Field(gt=0)
    quote_rights: int = Field(ge=1)


class ChallengeRules(RulebookContent):
    """The GMV challenge (RFQ-23). `claim_until_day`: claims for a month end with this day of the next."""

    tiers: list[ChallengeTier] = Field(min_length=1)
    claim_until_day: int = Field(ge=0, le=28)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        gmv = [tier.gmv for tier in self.tiers]
        rights = [tier.quote_rights for tier in self.tiers]
        if gmv != sorted(set(gmv)) or rights != sorted(set(rights)):
            raise ValueError("tiers rise")
        return self

    def reward(self, gmv: Decimal) -> int:
        """Return the quote rights a month's GMV earns in all."""
        return max((tier.quote_rights for tier in self.tiers if gmv >= tier.gmv), default=0)


register_rulebook_module(CHALLENGE, ChallengeRules)
register_rulebook_words(
    {
        "quote_rights": pgettext_lazy("rulebook", "Quote rights"),
        "claim_until_day": pgettext_lazy("rulebook", "Claims until day of the next month"),
    }
)
