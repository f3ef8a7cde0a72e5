"""Rights of the membership, and asking to become verified (GRO-15)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from growth.choices import RightState
from growth.membership.reading import GroupReading, rights_of
from growth.models import UpgradeRequest
from growth.services.upgrade_requests import (
    MAX_CONTACT,
    MAX_PHONE,
    MAX_WISHES,
    answer_due_at,
    upgrade_request_cancel,
    upgrade_request_make,
)
from portal import platform_time
from portal.choices import OPEN_REQUESTS, Action, Membership, RequestStatus
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.templatetags.portal_ui import instant_texts
from portal.views.base import SellerPage

FIELDS = {"contact": MAX_CONTACT, "phone": MAX_PHONE, "wishes": MAX_WISHES}
UPGRADE_TONES = {
    RequestStatus.NEW: "warn",
    RequestStatus.IN_PROGRESS: "info",
    RequestStatus.DONE: "ok",
    RequestStatus.CANCELLED: "muted",
}


class RightsPage(SellerPage):
    """Who the shop is, all its rights, what it makes of them and what it lacks."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show them; `?state=` keeps those in one state."""
        rights = rights_of(request.seller)
        state = request.GET.get("state", "")
        state = state if state in RightState.values else ""
        verified = request.seller.membership == Membership.VERIFIED
        asked = UpgradeRequest.objects.order_by("-asked_at", "-pk").first()
        context: dict[str, Any] = {
            "rights": rights,
            "verified": verified,
            "state": state,
            "labels": {one.value: one.label for one in RightState},
            "tabs": [
                ("", _("All"), len(rights.rights)),
                *((one.value, one.label, rights.count(one)) for one in RightState),
            ],
            "groups": [
                GroupReading(group.group, kept)
                for group in rights.groups
                if (kept := [one for one in group.rights if state in ("", one.state)])
            ],
            "asked": asked,
            "asked_tone": UPGRADE_TONES[RequestStatus(asked.status)] if asked else "",
            "asked_is_open": asked is not None and asked.status in OPEN_REQUESTS,
            "may_ask": request.member.can(Action.ENROL),
        }
        return render(request, "growth/rights.html", context)


class UpgradePage(SellerPage):
    """The contact form of a basic seller who wants to become verified."""

    read_action = write_action = Action.ENROL

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the form, with the person's own name; who cannot ask is led back."""
        if request.seller.membership == Membership.VERIFIED:
            messages.info(request, _("Your shop is a verified supplier already."))
            return redirect("growth:rights")
        if UpgradeRequest.objects.filter(status__in=OPEN_REQUESTS).exists():
            messages.info(
                request, _("Your shop has asked already; your account manager will call.")
            )
            return redirect("growth:rights")
        typed = dict.fromkeys(FIELDS, "")
        typed["contact"] = request.user.get_full_name()[:MAX_CONTACT]
        return self._show(request, typed)

    def post(self, request: MemberRequest) -> HttpResponse:
        """Ask; or show the form again with what was typed."""
        typed = {name: request.POST.get(name, "") for name in FIELDS}
        try:
            asked = upgrade_request_make(member=request.member, **typed)
        except InvalidInput as refusal:
            return self._show(request, typed, problems=dict(refusal.fields), status=400)
        except Refusal as refusal:
            messages.warning(request, str(refusal))
        else:
            due = instant_texts(asked.due_at)[1]
            text = _("Asked. Your account manager calls by %(instant)s.") % {"instant": due}
            messages.success(request, text)
        return redirect("growth:rights")

    def _show(
        self,
        request: MemberRequest,
        typed: dict[str, str],
        *,
        problems: dict[str, str] | None = None,
        status: int = 200,
    ) -> HttpResponse:
        context = {
            "typed": {name: typed[name][:most] for name, most in FIELDS.items()},
            "most": FIELDS,
            "problems": problems or {},
            "due_at": answer_due_at(platform_time.now()),
            "locked": [one for one in rights_of(request.seller).rights if one.is_locked],
        }
        return render(request, "growth/upgrade.html", context, status=status)


class UpgradeCancel(SellerPage):
    """Take back a request that nobody has begun with."""

    read_action = write_action = Action.ENROL

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Show the rights: the button is on their page."""
        get_object_or_404(UpgradeRequest.objects.all(), pk=pk)
        return redirect("growth:rights")

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Take it back and say so."""
        asked = get_object_or_404(UpgradeRequest.objects.all(), pk=pk)
        try:
            upgrade_request_cancel(member=request.member, request=asked)
        except Refusal as refusal:
            messages.warning(request, str(refusal))
        else:
            messages.success(request, _("The request is taken back."))
        return redirect("growth:rights")
