"""The diagnosis on the home page (UI-2, GRO-11)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from growth.diagnosis.page import card_of
from growth.diagnosis.reading import diagnosis_access, diagnosis_reading
from portal.home_tiles import HomeCard, register_home_cards
from portal.models import Member, Seller

TOP = 3
"""Suggestions on the home page; the page of the diagnosis has more."""


@register_home_cards
def diagnosis_card(seller: Seller, member: Member, day: date) -> Iterator[HomeCard]:
    """Show score and suggestions to shops that see their diagnosis (GRO-11)."""
    if not diagnosis_access(seller).open:
        return
    card = card_of(diagnosis_reading(seller), top=TOP)
    if card is not None:
        yield HomeCard(
            "growth/_diagnosis_card.html",
            card,
            stylesheets=("css/growth.css", "css/score.css"),
            below=True,
        )
