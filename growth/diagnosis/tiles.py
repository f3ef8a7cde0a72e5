"""The growth score on the home page (UI-2, GRO-11)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.urls import reverse
from django.utils.translation import gettext as _

from growth.diagnosis.page import score_text, suggestions_text
from growth.diagnosis.reading import diagnosis_access, diagnosis_history
from portal.charts import Point, sparkline
from portal.home_tiles import HomeTile, register_home_tiles
from portal.models import Member, Seller

TREND_DAYS = 30


@register_home_tiles
def score_tile(seller: Seller, member: Member, day: date) -> Iterator[HomeTile]:
    """Show the growth score and how it went, to shops that see their diagnosis (GRO-11)."""
    if not diagnosis_access(seller).open:
        return
    history = diagnosis_history(seller, days=TREND_DAYS)
    if not history:
        return
    yield HomeTile(
        # Translators: 成长评分
        label=_("Growth score"),
        value=score_text(history[-1].score),
        url=reverse("growth:diagnosis"),
        hint=suggestions_text(history[-1].suggestions),
        chart=sparkline([Point(each.as_of, each.score) for each in history]),
        icon="clipboard2-pulse",
        order=20,
    )
