"""Metric of the diagnosis: the growth score (GRO-11)."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext_lazy as _

from growth.nightly.diagnosis import JOB
from portal.metrics import Query, metric


@metric(
    "growth.score",
    # Translators: 成长评分
    title=_("Growth score"),
    app="growth",
    after=(JOB,),
    empty=None,
    final=True,
    about=_(
        "How close the shop's numbers come to those of the starred sellers of its industry, 0 to 100."
    ),
)
def growth_score(as_of: date) -> Query:
    """Return the growth score of the day; none where nothing can be compared (GRO-11)."""
    return Query(
        "SELECT seller_id, score AS value FROM growth_growthscore "
        "WHERE {sellers} AND valid_from <= %(as_of)s AND valid_to >= %(as_of)s "
        "AND score IS NOT NULL",
        {"as_of": as_of},
    )
