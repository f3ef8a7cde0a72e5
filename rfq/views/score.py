"""Pages of the service score: where it stands and what if (RFQ-18, RFQ-19)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from portal import platform_time
from portal.charts import Point, Series, line_plot
from portal.http import MemberRequest
from portal.views.base import SellerPage
from rfq.models import ServiceScore
from rfq.score.changes import change_ahead
from rfq.score.page import (
    best_total,
    bonus_line,
    factor_cards,
    gold_note,
    missing_to_reward,
    reward_table,
    rewards_text,
    steps,
)
from rfq.score.reading import (
    ScoreHistory,
    ScoreStanding,
    rights_of_month,
    score_history,
    score_standing,
)
from rfq.score.texts import RIGHT_NAMES, amount_text


class ScorePage(SellerPage):
    """The score as of the newest published day, explained; constant queries."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show it."""
        seller, today = request.seller, platform_time.today()
        standing = score_standing(seller)
        month = rights_of_month(seller, standing.rulebooks, today)
        history = score_history(seller)
        context: dict[str, Any] = {
            "standing": standing,
            "score": standing.score,
            "today": today,
            "month": month,
            "month_parts": [
                {
                    "name": RIGHT_NAMES[part.kind],
                    "amount": amount_text(part.amount),
                    "day": part.day,
                    "granted": part.granted,
                }
                for part in month.parts
            ],
            "plot": history_plot(history),
            "assessed": history.assessed,
        }
        if standing.score is not None and standing.rulebook is not None:
            rules = standing.rulebook.content
            context |= {
                "cards": factor_cards(standing),
                "steps": steps(rules, standing.score),
                "missing": missing_to_reward(rules, standing.score.total),
                "most": best_total(rules),
                "bonus": bonus_line(standing, _judged_gmv(standing)),
                "table": reward_table(rules, standing.score.total),
                "gold_note": gold_note(rules, seller),
                "would_bring": rewards_text(standing.score.rewards),
                "change": change_ahead(standing),
            }
        return render(request, "rfq/score.html", context)


def _judged_gmv(standing: ScoreStanding) -> Decimal | None:
    """Return the GMV that decided a forfeited bonus: that of the month's end before."""
    if standing.score is None or not standing.score.bonus_forfeited or standing.as_of is None:
        return None
    judged = standing.as_of.replace(day=1) - timedelta(days=1)
    rows = ServiceScore.objects.as_of(judged).filter(seller=standing.seller)
    gmv: Decimal | None = rows.values_list("gmv", flat=True).first()
    return gmv


def history_plot(history: ScoreHistory) -> SafeString:
    """Draw predicted and assessed scores over days; nothing below two days."""
    if len(history.predicted) < 2:
        return SafeString("")
    assessed = [Point(each.as_of, each.total) for each in reversed(history.assessed)]
    return line_plot(
        [Point(each.as_of, each.total) for each in history.predicted],
        title=_("Service score by day"),
        value_label=_("Predicted"),
        second=Series(_("Assessed"), assessed) if assessed else None,
    )
