"""Home page: what to do next, then where the shop stands (UI-2)."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import View

from portal import platform_time
from portal.charts import sparkline
from portal.closed_shops import closed_shop_pages
from portal.home_tiles import HomeTile, by_order, home_cards_for, home_tiles_for
from portal.http import MemberRequest
from portal.models import Notice, Seller, User
from portal.next_actions import next_actions_for
from portal.nightly.published import published_days
from portal.nightly.registry import registry
from portal.read_once import reading_once
from portal.services.bulletins import bulletins_for
from portal.services.people import closed_memberships_of
from portal.services.trends import Trend, metric_trends
from portal.views.base import SellerPage
from portal.views.numbers import TREND_DAYS, known_values, value_text

ACTIONS_SHOWN = 6
LATEST_SHOWN = 4

THEMED, NATIONAL = "listings.themed_products", "listings.nationally_themed_products"
LIVE, INQUIRIES, GMV = (
    "listings.live_products",
    "portal.inquiries_30d",
    "portal.received_gmv_90d",
)


class HomePage(SellerPage):
    """Where the seller stands and what brings most."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the page; the number of queries does not depend on the shop's size."""
        today = platform_time.today()
        with reading_once():
            published_days(registry.jobs)  # what the modules below look up one by one
            actions = next_actions_for(request.seller, request.member, today)
            cards = home_cards_for(request.seller, request.member, today)
            tiles = home_tiles_for(request.seller, request.member, today)
            bulletins = bulletins_for(seller=request.seller, member=request.member)
        notices = Notice.objects.filter(user=request.user, seller=request.seller)
        own_tiles = _tiles(request.seller)
        return render(
            request,
            "portal/home.html",
            {
                "actions": actions[:ACTIONS_SHOWN],
                "more_actions": actions[ACTIONS_SHOWN:],
                "cards": cards,
                "stylesheets": sorted({each.stylesheet for each in cards if each.stylesheet}),
                "tiles": by_order([*own_tiles, *tiles]),
                "waiting": not own_tiles,
                "bulletins": bulletins[:LATEST_SHOWN],
                "notices": notices[:LATEST_SHOWN],
            },
        )


def _tiles(seller: Seller) -> list[HomeTile]:
    """Return the tiles of metrics; none before the first night, which the page says in words."""
    trends = metric_trends(
        seller=seller, keys=[THEMED, NATIONAL, LIVE, INQUIRIES, GMV], days=TREND_DAYS
    )
    if not any(trend.latest for trend in trends.values()):
        return []
    national = _value(trends.get(NATIONAL))
    return [
        _tile(trends[THEMED], "bullseye", _("%(n)s of them national") % {"n": national or 0}),
        _tile(trends[LIVE], "boxes", _("on sale at the end of the day")),
        _tile(trends[INQUIRIES], "chat-left-text", _("from buyers, last 30 days")),
        _tile(trends[GMV], "cash-coin", _("money received, last 90 days")),
    ]


def _tile(trend: Trend, icon: str, hint: str) -> HomeTile:
    return HomeTile(
        label=trend.title,
        value=_value(trend) or "–",
        hint=hint if trend.latest else _("counted in the first night (T+2)"),
        url=reverse("portal:metric", args=[trend.key]),
        chart=sparkline(known_values(trend)),
        icon=icon,
        order=40,
    )


def _value(trend: Trend | None) -> str:
    latest = trend.latest if trend else None
    if trend is None or latest is None or latest.value is None:
        return ""
    return value_text(latest.value, trend.unit)


class NoShopPage(LoginRequiredMixin, View):
    """For people who belong to no shop: staff, and members whose shop was closed."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the way out, and what a closed shop's people may still open."""
        closed = [
            (member.seller, closed_shop_pages(member))
            for member in closed_memberships_of(cast(User, request.user))
        ]
        return render(request, "portal/no_shop.html", {"closed": closed}, status=403)
