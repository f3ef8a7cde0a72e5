"""The calendar's secret address: making and removing it, and the file it leads to (EPR-9)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import conditional_page, require_safe
from rest_framework.throttling import SimpleRateThrottle

from compliance.obligations.calendar_feed import CONTENT_TYPE, calendar_ics
from compliance.obligations.reading import calendar_of
from compliance.services.obligations import feed_create, feed_remove, feed_seller, feeds_live
from portal import platform_time
from portal.choices import Action, Role
from portal.http import MemberRequest
from portal.models import Member, Seller
from portal.scoping import seller_scope
from portal.views.base import SellerPage

MAX_AGE = 3600


class FeedPage(SellerPage):
    """How to add the calendar to a program; the owner makes its address here."""

    write_action = Action.MANAGE_MEMBERS

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show whether there is an address; never the address itself."""
        return self._show(request)

    def post(self, request: MemberRequest) -> HttpResponse:
        """Make an address, or a new one, and show it this once."""
        token = feed_create(member=request.member)
        path = reverse("compliance:calendar-file", args=[token])
        response = self._show(request, address=settings.BASE_URL + path)
        response["Cache-Control"] = "no-store"
        return response

    def _show(self, request: MemberRequest, address: str = "") -> HttpResponse:
        context = {
            "feed": feeds_live().select_related("created_by").first(),
            "address": address,
            "may_share": request.member.can(Action.MANAGE_MEMBERS),
        }
        return render(request, "compliance/calendar_feed.html", context)


class _FeedConfirmation(SellerPage):
    """Ask before an address in use stops working."""

    read_action = write_action = Action.MANAGE_MEMBERS

    def confirm(self, request: MemberRequest, **context: Any) -> HttpResponse:
        """Show the question."""
        page = reverse("compliance:calendar-feed")
        here = {"cancel_url": page, "parent_url": page, "danger": True}
        here["parent_label"] = _("Add to your calendar")
        return render(request, "portal/confirm.html", here | context)


class RenewFeed(_FeedConfirmation):
    """Ask before a new address replaces the old one."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the question; the answer goes to the page of the feed."""
        return self.confirm(
            request,
            heading=_("Make a new address"),
            message=_("Calendar programs that use the old address get nothing any more."),
            confirm_label=_("Make a new address"),
            action_url=reverse("compliance:calendar-feed"),
        )


class RemoveFeed(_FeedConfirmation):
    """Remove the address."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the question."""
        return self.confirm(
            request,
            heading=_("Remove the address"),
            message=_("Calendar programs that use it get nothing any more."),
            confirm_label=_("Remove the address"),
        )

    def post(self, request: MemberRequest) -> HttpResponse:
        """Remove it and say so."""
        feed_remove(member=request.member)
        messages.success(request, _("The address of the calendar is removed."))
        return redirect("compliance:calendar-feed")


# --- The file -----------------------------------------------------------------------------------


class FeedThrottle(SimpleRateThrottle):
    """How often one address on the network may ask: plenty for programs, too little for guessing."""

    rate = "60/min"

    def get_cache_key(self, request: Any, view: Any) -> str:
        """Count by the caller's address."""
        return f"calendar-feed:{self.get_ident(request)}"


@require_safe
@conditional_page
def calendar_file(request: HttpRequest, token: str) -> HttpResponse:
    """Return the calendar of the shop the token belongs to, for programs that cannot sign in.

    In the language `?lang=` names, else the owner's. Any other token is not found, whatever it was.
    """
    throttle = FeedThrottle()
    if not throttle.allow_request(request, None):  # type: ignore[arg-type]
        response = HttpResponse(status=429)
        response["Retry-After"] = str(round(throttle.wait() or 60))
        return response
    seller = feed_seller(token)
    if seller is None:
        response = HttpResponse(status=404)
        response["Cache-Control"] = "no-store"
        return response
    with seller_scope(seller), translation.override(_language(request, seller)):
        body = calendar_ics(calendar_of(platform_time.now()))
    response = HttpResponse(body, content_type=CONTENT_TYPE)
    response["Cache-Control"] = f"private, max-age={MAX_AGE}"
    response["Content-Disposition"] = 'inline; filename="epr.ics"'
    response["X-Robots-Tag"] = "noindex"
    return response


def _language(request: HttpRequest, seller: Seller) -> str:
    wanted = request.GET.get("lang", "")
    if wanted in dict(settings.LANGUAGES):
        return wanted
    if wanted == "zh":
        return "zh-hans"
    owners = Member.objects.filter(seller=seller, role=Role.OWNER, is_active=True)
    spoken = owners.order_by("pk").values_list("user__language", flat=True).first()
    return spoken or settings.LANGUAGE_CODE
