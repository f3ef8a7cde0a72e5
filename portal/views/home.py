"""Home page: what to do next, then where the shop stands (UI-2)."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.generic import View

from portal import platform_time
from portal.addresses import reverse
from portal.charts import sparkline
from portal.closed_shops import closed_shop_pages
from portal.home_tiles import (
    HomeTile,
    by_order,
    home_cards_for,
    home_tiles_for,
    home_trends,
    shows_trend_of,
)
from portal.http import MemberRequest
from portal.models import Notice, Seller, User
from portal.next_actions import by_band, next_actions_for
from portal.nightly.published import published_days
from portal.nightly.registry import registry
from portal.services.bulletins import bulletins_for
from portal.services.people import closed_memberships_of
from portal.services.trends import Trend
from portal.views.base import SellerPage
from portal.views.numbers import known_values, value_text

ACTIONS_SHOWN = 6
LATEST_SHOWN = 4

THEMED, NATIONAL = "listings.themed_products", "listings.nationally_themed_products"
LIVE, INQUIRIES, GMV = (
    "listings.live_products",
    "portal.inquiries_30d",
    "portal.received_gmv_90d",
)
OWN = (THEMED, NATIONAL, LIVE, INQUIRIES, GMV)
shows_trend_of(*OWN)


class HomePage(SellerPage):
    """Where the seller stands and what brings most."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the page; the number of queries does not depend on the shop's size."""
        today = platform_time.today()
        published_days(registry.jobs)  # what the modules below look up one by one
        actions = next_actions_for(request.seller, request.member, today)
        cards = home_cards_for(request.seller, request.member, today)
        own_tiles = _tiles(request.seller)
        tiles = home_tiles_for(request.seller, request.member, today)
        bulletins = bulletins_for(seller=request.seller, member=request.member)
        notices = Notice.objects.filter(user=request.user, seller=request.seller)
        now = platform_time.now()
        return render(
            request,
            "portal/home.html",
            {
                "bands": by_band(actions[:ACTIONS_SHOWN], now),
                "more_bands": by_band(actions[ACTIONS_SHOWN:], now),
                "more": len(actions[ACTIONS_SHOWN:]),
                "cards": [card for card in cards if not card.below],
                "cards_below": [card for card in cards if card.below],
                "stylesheets": sorted({name for card in cards for name in card.stylesheets}),
                "tiles": by_order([*own_tiles, *tiles]),
                "waiting": not own_tiles,
                "bulletins": bulletins[:LATEST_SHOWN],
                "notices": notices[:LATEST_SHOWN],
            },
        )


def _tiles(seller: Seller) -> list[HomeTile]:
    """Return the tiles of metrics; none before the first night, which the page says in words."""
    trends = {key: trend for key, trend in home_trends(seller).items() if key in OWN}
    if not any(trend.latest for trend in trends.values()):
        return []
    inside = {"live": _value(trends.get(LIVE)) or 0, "national": _value(trends.get(NATIONAL)) or 0}
    return [
        _tile(trends[INQUIRIES], "chat-left-text", _("from buyers, last 30 days")),
        _tile(trends[GMV], "cash-coin", _("money received, last 90 days")),
        _tile(
            trends[THEMED],
            "bullseye",
            _("of %(live)s live products; %(national)s national") % inside,
        ),
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
