"""Typed content of the rulebooks of the market: `rfq.market` (K-16)."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy
from pydantic import Field

from portal.rulebook_schemas import (
    RulebookContent,
    register_rulebook_module,
    register_rulebook_words,
)

MARKET = "rfq.market"


class MarketRules(RulebookContent):
    """Numbers of the market itself (RFQ-1, RFQ-3, RFQ-4, RFQ-17, RFQ-24)."""

    early_access_hours: int = Field(ge=0)
    """Working hours for which silver RFQs are open to early access alone."""
    offer_hours: int = Field(ge=0)
    """Hours after posting in which unsolicited offers on RFQ Pro are taken."""
    reports_per_24_hours: int = Field(ge=1)
    answer_working_days: int = Field(ge=1)
    default_days_open: int = Field(ge=1)
    """For RFQs upstream sends without an end."""


register_rulebook_module(MARKET, MarketRules)
register_rulebook_words(
    {
        "early_access_hours": pgettext_lazy("rulebook", "Early-access working hours"),
        "offer_hours": pgettext_lazy("rulebook", "Hours for unsolicited offers"),
        "reports_per_24_hours": pgettext_lazy("rulebook", "Spam reports in 24 hours"),
        "answer_working_days": pgettext_lazy("rulebook", "Working days to an answer"),
        "default_days_open": pgettext_lazy("rulebook", "Days open"),
    }
)
