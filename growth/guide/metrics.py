"""Metrics of the growth guide: what a shop has reached since it opened (GRO-3, GRO-4)."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext_lazy as _

from growth.choices import ProgrammeKind
from growth.guide.opening_sql import (
    CENTS,
    ORDERS,
    RECEIPTS,
    counted_sql,
    open_shops_sql,
    opportunities_sql,
    until_params,
)
from growth.programmes.metrics import programmes_of_kind
from portal.choices import MetricUnit
from portal.metrics import Query, metric


@metric(
    "growth.opportunities",
    # Translators: 商机
    title=_("Opportunities since opening"),
    app="growth",
    about=_("Inquiries, and buyers' replies to RFQ quotes, since the shop opened."),
)
def opportunities(as_of: date) -> Query:
    """Inquiries and buyers' replies to quotes since opening (GRO-3)."""
    shops, params = open_shops_sql(as_of, "{sellers}")
    return Query(opportunities_sql(shops), {**params, **until_params(as_of)})


@metric(
    "growth.orders",
    title=_("Orders since opening"),
    app="growth",
    about=_("Orders created since the shop opened; fake trade does not count."),
)
def orders(as_of: date) -> Query:
    """Orders created since opening, fake trade excluded (GRO-3)."""
    shops, params = open_shops_sql(as_of, "{sellers}")
    return Query(counted_sql(shops, ORDERS), {**params, **until_params(as_of)})


@metric(
    "growth.received",
    # Translators: 累计实收GMV
    title=_("Received since opening"),
    unit=MetricUnit.USD,
    app="growth",
    about=_("Money received for orders since the shop opened; fake trade does not count."),
)
def received(as_of: date) -> Query:
    """Money received (实收) since opening, fake trade excluded; USD (GRO-1)."""
    shops, params = open_shops_sql(as_of, "{sellers}")
    return Query(
        counted_sql(shops, RECEIPTS, f"{CENTS} / 100.0"), {**params, **until_params(as_of)}
    )


@metric(
    "growth.activities_enrolled",
    # Translators: 官方活动报名
    title=_("Official activities enrolled in"),
    app="growth",
    about=_("Activities of the marketplace the shop is enrolled in on the day."),
)
def activities_enrolled(as_of: date) -> Query:
    """Activities with an enrolment that holds on the day (GRO-4)."""
    return programmes_of_kind(ProgrammeKind.ACTIVITY, as_of)
