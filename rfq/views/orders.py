"""Orders that came from RFQ, and saying which quote one belongs to (RFQ-17)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import platform_time
from portal.choices import Action
from portal.country_names import country_name
from portal.errors import Refusal
from portal.http import MemberRequest
from portal.models import Order, Seller
from portal.services.buyers import buyer_badges
from portal.views.base import SellerPage
from portal.views.lists import page_of
from rfq.challenge.reading import gmv_of, month_now
from rfq.models import Quote
from rfq.orders.reading import order_rows, rfq_orders, shown
from rfq.services.links import (
    TooManyTries,
    fitting_quotes,
    order_link,
    quotes_by_email,
    with_quote,
)
from rfq.views.quote import quote_or_404

ORDERS_OFFERED = 50
TABS = (
    ("all", gettext_lazy("All")),
    ("counting", gettext_lazy("Count as RFQ trade")),
    ("not_counting", gettext_lazy("Do not count")),
)
UNKNOWN_EMAIL = gettext_lazy(
    "We find no quote of yours to the buyer of this order under this e-mail."
)


def give_buyer_cells(seller: Seller, orders: Iterable[Any]) -> None:
    """Give each order its buyer's badge and country name; two queries (K-11)."""
    orders = list(orders)
    badges = buyer_badges(seller=seller, buyers=[order.buyer for order in orders])
    for order in orders:
        order.buyer_badge = badges[order.buyer.pk]
        order.buyer_country = country_name(order.buyer.country)


class RfqOrdersPage(SellerPage):
    """Orders of buyers the shop has quoted: where each comes from, and whether it counts."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show one page, newest first."""
        now = platform_time.now()
        which = request.GET.get("show", "all")
        which = which if which in dict(TABS) else "all"
        orders = shown(rfq_orders(now), which, now).order_by("-created_at", "-pk")
        page = page_of(request, orders)
        rows = order_rows(page.object_list, now)
        give_buyer_cells(request.seller, [row.order for row in rows])
        month = month_now(now)
        return render(
            request,
            "rfq/orders.html",
            {
                "page_obj": page,
                "rows": rows,
                "tabs": TABS,
                "which": which,
                "month": month,
                "month_gmv": gmv_of(request.seller, month, now),
                "may_link": request.member.can(Action.QUOTE),
            },
        )


class OrderLinkPage(SellerPage):
    """Find the quote an order belongs to by its buyer's e-mail, and name it."""

    read_action = write_action = Action.QUOTE

    def get(self, request: MemberRequest, order_id: str) -> HttpResponse:
        """Ask for the e-mail."""
        return self._show(request, self._order(order_id))

    def post(self, request: MemberRequest, order_id: str) -> HttpResponse:
        """Look the quotes up, or link the one that was chosen."""
        order = self._order(order_id)
        if "quote" in request.POST:
            return self._link(request, order)
        email = request.POST.get("email", "")[:254]
        try:
            quotes = quotes_by_email(member=request.member, order=order, email=email)
        except TooManyTries as refusal:
            return self._show(request, order, email=email, problem=str(refusal), status=429)
        if not quotes:
            return self._show(request, order, email=email, problem=UNKNOWN_EMAIL, status=400)
        return self._show(request, order, email=email, quotes=quotes)

    def _link(self, request: MemberRequest, order: Order) -> HttpResponse:
        given = request.POST["quote"]
        quote = Quote.objects.filter(pk=given).first() if _is_id(given) else None
        if quote is None:
            return self._show(
                request,
                order,
                quotes=fitting_quotes(order),
                problem=_("Choose a quote."),
                status=400,
            )
        return linked_or_told(request, order, quote, back=reverse("rfq:orders"))

    def _order(self, order_id: str) -> Order:
        now = platform_time.now()
        orders = Order.objects.filter(order_id=order_id, created_at__lte=now)
        found = with_quote(orders.select_related("buyer"), now) if "\0" not in order_id else None
        order = found.first() if found is not None else None
        if order is None:
            raise Http404
        return order

    def _show(
        self, request: MemberRequest, order: Order, *, status: int = 200, **context: Any
    ) -> HttpResponse:
        give_buyer_cells(request.seller, [order])
        return render(request, "rfq/order_link.html", {"order": order, **context}, status=status)


class QuoteLinkOrderPage(SellerPage):
    """Choose which of a buyer's orders came from a quote."""

    read_action = write_action = Action.QUOTE

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Show the orders of the quote's buyer that fit."""
        return self._show(request, quote_or_404(request, pk))

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Link the chosen order."""
        quote = quote_or_404(request, pk)
        given = request.POST.get("order", "")
        orders = Order.objects.filter(created_at__lte=platform_time.now())
        order = orders.filter(pk=given).first() if _is_id(given) else None
        if order is None:
            return self._show(request, quote, problem=_("Choose an order."), status=400)
        return linked_or_told(request, order, quote, back=reverse("rfq:quote", args=[pk]))

    def _show(
        self, request: MemberRequest, quote: Quote, *, status: int = 200, **context: Any
    ) -> HttpResponse:
        orders = _orders_of(quote, platform_time.now())
        context = {"quote": quote, "orders": orders, **context}
        return render(request, "rfq/quote_link_order.html", context, status=status)


def _orders_of(quote: Quote, now: datetime) -> list[Any]:
    """Return the buyer's orders that fit a quote, newest first, with the quote each belongs to."""
    if quote.refunded_at is not None:
        return []
    orders = Order.objects.filter(
        buyer=quote.buyer_id,
        created_at__gte=quote.submitted_at,
        created_at__lte=min(quote.links_until, now),
    )
    return list(with_quote(orders, now).order_by("-created_at", "-pk")[:ORDERS_OFFERED])


def linked_or_told(
    request: MemberRequest, order: Order, quote: Quote, *, back: str
) -> HttpResponse:
    """Link and go back; a refusal is told there."""
    try:
        order_link(member=request.member, order=order, quote=quote)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        text = _("Order %(order)s belongs to your quote on %(rfq)s now.")
        messages.success(request, text % {"order": order.order_id, "rfq": quote.rfq.rfq_id})
    return redirect(back)


def _is_id(text: str) -> bool:
    return len(text) < 19 and text.isascii() and text.isdecimal()
