"""What the diagnosis makes worth doing next, for the home page (UI-2, GRO-11)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext as _

from growth.diagnosis.page import ItemCard, item_cards
from growth.diagnosis.reading import diagnosis_access, diagnosis_reading
from portal.addresses import reverse
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions


@register_next_actions
def best_suggestion(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """The suggestion with the most score to gain, to shops that see their diagnosis (GRO-11)."""
    if not member.can(Action.EDIT_PRODUCTS) or not diagnosis_access(seller).open:
        return
    found = diagnosis_reading(seller).diagnosis
    best = found.suggestions[:1] if found else []
    for card in item_cards(best):
        if card.score_gain:
            yield _action(card)


def _action(card: ItemCard) -> NextAction:
    return NextAction(
        title=_("%(item)s: you have %(value)s, the benchmark is %(benchmark)s")
        % {"item": card.title, "value": card.value, "benchmark": card.benchmark},
        url=f"{reverse('growth:diagnosis')}#item-{card.key}",
        gain=_("Growth score: %(gain)s points") % {"gain": card.score_gain},
        weight=40,
        icon="clipboard2-pulse",
        button=_("See the diagnosis"),
    )
