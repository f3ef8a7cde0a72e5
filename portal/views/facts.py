"""Orders and inquiries as upstream reported them (K-13, K-14)."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import render

from portal import platform_time
from portal.country_names import country_name
from portal.filters import InquiryFilter, OrderFilter
from portal.http import MemberRequest
from portal.models import Inquiry, Order
from portal.orders import TONES, order_state
from portal.services.buyers import buyer_badges
from portal.views.base import SellerPage
from portal.views.lists import page_of


def _buyer_cells(request: MemberRequest, rows: list[Any]) -> None:
    """Give each row its buyer's badge and country name; two queries for the page (K-11)."""
    badges = buyer_badges(seller=request.seller, buyers=[row.buyer for row in rows])
    for row in rows:
        row.buyer_badge = badges[row.buyer.pk]
        row.buyer_country = country_name(row.buyer.country)


class OrdersPage(SellerPage):
    """The shop's orders, newest first."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show one page of the orders the filters keep."""
        now = platform_time.now()
        orders = (
            Order.objects.filter(created_at__lte=now)
            .select_related("buyer")
            .annotate(dispute_count=Count("disputes", filter=Q(disputes__opened_at__lte=now)))
        )
        found = OrderFilter(request.GET, orders.order_by("-created_at", "-pk"))
        page = page_of(request, found.qs)
        for order in page.object_list:
            order.state = order_state(order, now)
            order.tone = TONES[order.state]
            if order.received_at is None or order.received_at > now:
                order.received = None
        _buyer_cells(request, list(page.object_list))
        return render(
            request,
            "portal/orders.html",
            {"page_obj": page, "filter": found, "filtered": _is_filtered(found)},
        )


class InquiriesPage(SellerPage):
    """What buyers asked, newest first."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show one page of the inquiries the filters keep."""
        known = Inquiry.objects.filter(at__lte=platform_time.now())
        inquiries = known.select_related("buyer").order_by("-at", "-pk")
        found = InquiryFilter(request.GET, inquiries)
        page = page_of(request, found.qs)
        _buyer_cells(request, list(page.object_list))
        return render(
            request,
            "portal/inquiries.html",
            {"page_obj": page, "filter": found, "filtered": _is_filtered(found)},
        )


def _is_filtered(found: Any) -> bool:
    """Tell whether an empty list is empty because of the filters."""
    return any(found.data.get(name) for name in found.filters)
