"""Tiles of the home page: the service score with its trend, and the rights left (UI-2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.addresses import reverse
from portal.charts import Point, sparkline
from portal.home_tiles import HomeTile, home_trends, register_home_tiles, shows_trend_of
from portal.models import Member, Seller
from portal.views.numbers import known_values
from rfq.score.reading import score_standing

SCORE_METRIC = "rfq.service_score"
shows_trend_of(SCORE_METRIC)


@register_home_tiles
def score_tile(seller: Seller, member: Member, day: date) -> Iterator[HomeTile]:
    """Show the predicted score and how it went; nothing before the first one (RFQ-18)."""
    standing = score_standing(seller)
    if standing.score is None:
        return
    trend = home_trends(seller).get(SCORE_METRIC)
    yield HomeTile(
        # Translators: RFQ服务分
        label=_("RFQ service score"),
        value=str(standing.score.total),
        url=reverse("rfq:score"),
        hint=_moved(known_values(trend)) if trend else _("predicted score"),
        chart=sparkline(known_values(trend)) if trend else "",
        icon="speedometer2",
        order=20,
    )


def _moved(points: list[Point]) -> str:
    """Say how far the score moved over the days shown."""
    days = (points[-1].day - points[0].day).days if points else 0
    if not days:
        return _("predicted score")
    moved = int(points[-1].value) - int(points[0].value)
    if not moved:
        return ngettext(
            "predicted, as %(n)s day before", "predicted, as %(n)s days before", days
        ) % {"n": days}
    text = ngettext("predicted, %(moved)s in %(n)s day", "predicted, %(moved)s in %(n)s days", days)
    return text % {"n": days, "moved": f"+{moved}" if moved > 0 else f"−{-moved}"}
