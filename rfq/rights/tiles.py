"""Tiles of the home page: the service score with its trend, and the rights left (UI-2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext as _

from portal.addresses import reverse
from portal.bilingual import labelled
from portal.home_tiles import HomeTile, register_home_tiles
from portal.models import Member, Seller
from portal.read_once import page_instant
from portal.templatetags.portal_ui import number_text
from rfq.choices import RightKind
from rfq.score.texts import RIGHT_NAMES
from rfq.services.rights import balances_of


@register_home_tiles
def rights_tile(seller: Seller, member: Member, day: date) -> Iterator[HomeTile]:
    """Show the quote rights left; the others in words below (RFQ-9)."""
    left = balances_of(seller=seller, now=page_instant())
    others = (RightKind.GOLD, RightKind.FAST_LANE, RightKind.PIN)
    yield HomeTile(
        label=_("Quote rights left"),
        value=_amount(left.quote),
        url=reverse("rfq:rights"),
        hint=" · ".join(labelled(RIGHT_NAMES[kind], _amount(left.of(kind))) for kind in others),
        icon="ticket-perforated",
        order=31,
    )


def _amount(amount: int | None) -> str:
    return _("Unlimited") if amount is None else number_text(amount)
