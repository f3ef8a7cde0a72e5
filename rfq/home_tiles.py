"""Tiles of the home page: the service score with its trend, and the rights left (UI-2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.charts import Point, sparkline
from portal.home_tiles import HomeTile, register_home_tiles
from portal.models import Member, Seller
from portal.read_once import page_instant
from portal.templatetags.portal_ui import number_text
from rfq.choices import RightKind
from rfq.score_reading import ScoreHistory, score_history
from rfq.score_texts import RIGHT_NAMES
from rfq.services.rights import balances_of

TREND_DAYS = 30


@register_home_tiles
def score_tile(seller: Seller, member: Member, day: date) -> Iterator[HomeTile]:
    """Show the predicted score and how it went; nothing before the first one (RFQ-18)."""
    history = score_history(seller, days=TREND_DAYS)
    if not history.predicted:
        return
    yield HomeTile(
        # Translators: RFQ服务分
        label=_("RFQ service score"),
        value=str(history.predicted[-1].total),
        url=reverse("rfq:score"),
        hint=_trend(history),
        chart=sparkline([Point(each.as_of, each.total) for each in history.predicted]),
        icon="speedometer2",
        order=30,
    )


def _trend(history: ScoreHistory) -> str:
    """Say how far the score moved over the days shown."""
    first, last = history.predicted[0], history.predicted[-1]
    days = (last.as_of - first.as_of).days
    moved = last.total - first.total
    if not days:
        return _("predicted score")
    if not moved:
        return ngettext(
            "predicted, as %(n)s day before", "predicted, as %(n)s days before", days
        ) % {"n": days}
    text = ngettext("predicted, %(moved)s in %(n)s day", "predicted, %(moved)s in %(n)s days", days)
    return text % {"n": days, "moved": f"+{moved}" if moved > 0 else f"−{-moved}"}


@register_home_tiles
def rights_tile(seller: Seller, member: Member, day: date) -> Iterator[HomeTile]:
    """Show the quote rights left; the others in words below (RFQ-9)."""
    left = balances_of(seller=seller, now=page_instant())
    others = (RightKind.GOLD, RightKind.FAST_LANE, RightKind.PIN)
    yield HomeTile(
        label=_("Quote rights left"),
        value=_amount(left.quote),
        url=reverse("rfq:rights"),
        hint=" · ".join(f"{RIGHT_NAMES[kind]}: {_amount(left.of(kind))}" for kind in others),
        icon="ticket-perforated",
        order=31,
    )


def _amount(amount: int | None) -> str:
    return _("Unlimited") if amount is None else number_text(amount)
