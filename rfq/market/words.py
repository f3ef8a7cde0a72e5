"""Short words of the market pages: grades, reasons, what a saved search asks (RFQ-2, RFQ-8)."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_countries import countries

from rfq.choices import Grade
from rfq.market.params import ANY, NEWEST, ORDERINGS, WITHIN_NAMES, MarketQuery

GRADE_TONES = {Grade.SILVER: "info", Grade.GOLD: "warn", Grade.PRO: "accent"}
"""Grade → tone of its pill; standard has none."""

REASONS: dict[str, Promise] = {
    "seller_restricted": gettext_lazy("Shop restricted"),
    "closed": gettext_lazy("Not open any more"),
    "already_quoted": gettext_lazy("Quoted"),
    "not_invited": gettext_lazy("By invitation only"),
    "early_access_only": gettext_lazy("Early access only"),
    "gold_not_allowed": gettext_lazy("Gold RFQs not open to you"),
    "no_quote_right": gettext_lazy("No quote right left"),
    "no_gold_right": gettext_lazy("No gold right left"),
    "no_fast_lane": gettext_lazy("Full: needs a fast-lane pass"),
}
"""Code of a refusal → two or three words for lists; the page of the RFQ has the whole sentence."""


def parts_of(query: MarketQuery) -> list[str]:
    """Return what a search asks for, one text for each thing."""
    texts = []
    if query.own:
        texts.append(_("Own categories"))
    if query.q:
        any_word = query.match == ANY and len(query.groups) > 1
        texts.append(_("any of: %(q)s") % {"q": query.q} if any_word else f"“{query.q}”")
    if query.category is not None:
        texts.append(query.category.name)
    if query.country:
        texts.append(countries.name(query.country) or query.country)
    if query.grade:
        texts.append(str(Grade(query.grade).label))
    if query.posted_within:
        texts.append(str(WITHIN_NAMES[query.posted_within]))
    if query.badge:
        texts.append(_("Buyer L1+"))
    if query.can_quote:
        texts.append(_("Can quote now"))
    if query.ordering != NEWEST:
        texts.append(str(ORDERINGS[query.ordering]))
    return texts or [_("All RFQs")]
