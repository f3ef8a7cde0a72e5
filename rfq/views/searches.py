"""Saving, renaming and deleting searches, and their alerts (RFQ-2). Every person has their own."""

from __future__ import annotations

from urllib.parse import parse_qsl

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.errors import Refusal
from portal.http import MemberRequest
from portal.models import Member
from portal.views.base import SellerPage
from rfq.market.queries import read_market_query
from rfq.models import SavedSearch
from rfq.services.searches import search_change, search_delete, search_save, searches_of


def search_or_404(member: Member, pk: int) -> SavedSearch:
    """Return a person's own search; anybody else's does not exist."""
    search = searches_of(member).filter(pk=pk).first()
    if search is None:
        raise Http404
    return search


def saved_url() -> str:
    """Return the address of the tab of saved searches."""
    return f"{reverse('rfq:market')}?tab=saved"


class SearchSave(SellerPage):
    """Keeps the search that the market page shows."""

    http_method_names = ["post"]

    def post(self, request: MemberRequest) -> HttpResponse:
        """Save it and go back to it."""
        query = read_market_query(dict(parse_qsl(request.POST.get("query", ""))))
        try:
            search = search_save(
                member=request.member,
                name=request.POST.get("name", ""),
                query=query,
                alert=bool(request.POST.get("alert")),
            )
        except Refusal as refusal:
            messages.error(request, _told(refusal))
        else:
            messages.success(request, _("Saved as “%(name)s”.") % {"name": search.name})
        return redirect(f"{reverse('rfq:market')}?{query.as_string()}")


class SearchChange(SellerPage):
    """Renames a search, or turns its alerts on or off."""

    http_method_names = ["post"]

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Change what was sent: `name`, or `alert` as on or off."""
        search = search_or_404(request.member, pk)
        alert = {"on": True, "off": False}.get(request.POST.get("alert", ""))
        try:
            search_change(
                member=request.member, search=search, name=request.POST.get("name"), alert=alert
            )
        except Refusal as refusal:
            messages.error(request, _told(refusal))
        return redirect(saved_url())


class SearchDelete(SellerPage):
    """Forgets a search after asking."""

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Ask."""
        search = search_or_404(request.member, pk)
        context = {
            "heading": _("Delete a saved search"),
            "message": _("“%(name)s” and its alerts will be gone.") % {"name": search.name},
            "confirm_label": _("Delete"),
            "danger": True,
            "cancel_url": saved_url(),
            "parent_url": saved_url(),
            "parent_label": _("Saved searches"),
        }
        return render(request, "portal/confirm.html", context)

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Delete it."""
        search_delete(member=request.member, search=search_or_404(request.member, pk))
        messages.success(request, _("The search is gone."))
        return redirect(saved_url())


def _told(refusal: Refusal) -> str:
    return " ".join(text for _name, text in refusal.fields) or str(refusal)
