"""Registration services with their prices, asking for one, and the shop's requests (EPR-10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from compliance.models import ServiceRequest
from compliance.obligations.lead_times import LeadTime, lead_times_of
from compliance.obligations.services_schema import ServiceOffer, ServiceRules
from compliance.services.service_requests import (
    MAX_TEXT,
    service_offer,
    service_request_cancel,
    service_request_make,
    service_rules,
    services_from,
)
from portal import platform_time
from portal.choices import OPEN_REQUESTS, Action, RequestStatus
from portal.country_names import country_name
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.views.base import SellerPage
from portal.views.lists import page_of

TONES = {
    RequestStatus.NEW: "warn",
    RequestStatus.IN_PROGRESS: "info",
    RequestStatus.DONE: "ok",
    RequestStatus.CANCELLED: "muted",
}


@dataclass(frozen=True)
class OfferLine:
    """An offer, the missing number it would bring, and the open request for it."""

    offer: ServiceOffer
    lacking: LeadTime | None
    request: ServiceRequest | None

    @property
    def is_needed(self) -> bool:
        """Whether the shop lacks the number; one more brand is no help then."""
        return self.lacking is not None and not self.offer.addition


@dataclass(frozen=True)
class CountryOffers:
    """A country's offers, those for numbers the shop lacks first."""

    country: str
    lines: list[OfferLine]

    @property
    def name(self) -> str:
        """The country in the active language."""
        return country_name(self.country)


def offers_by_country(
    rules: ServiceRules, day: date, lacking: list[LeadTime], waiting: list[ServiceRequest]
) -> list[CountryOffers]:
    """Return what is offered on a day: countries that lack something first, then as in the rulebook."""
    missing = {(one.requirement.country, one.requirement.category): one for one in lacking}
    asked = {one.offer: one for one in waiting}
    lines = [
        OfferLine(offer, missing.get((offer.country, offer.category)), asked.get(offer.code))
        for offer in rules.offers
        if offer.offered_on(day)
    ]
    groups: dict[str, list[OfferLine]] = {}
    for line in lines:
        groups.setdefault(line.offer.country, []).append(line)
    found = [
        CountryOffers(country, sorted(group, key=lambda line: not line.is_needed))
        for country, group in groups.items()
    ]
    return sorted(found, key=lambda one: not any(line.is_needed for line in one.lines))


class ServicesPage(SellerPage):
    """What is offered, and what was asked for."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show both; before the first offers, from when."""
        now = platform_time.now()
        today = platform_time.day_of(now)
        rules = service_rules(today)
        lacking = lead_times_of(request.seller, now)
        waiting = list(ServiceRequest.objects.filter(status__in=OPEN_REQUESTS))
        page = page_of(
            request, ServiceRequest.objects.select_related("asked_by").order_by("-asked_at", "-pk")
        )
        for asked in [*waiting, *page.object_list]:
            asked.tone = TONES[RequestStatus(asked.status)]
        context: dict[str, Any] = {
            "rules": rules,
            "starts_on": None if rules else services_from(today),
            "groups": offers_by_country(rules, today, lacking, waiting) if rules else [],
            "page_obj": page,
            "may_ask": request.member.can(Action.ENROL),
        }
        return render(request, "compliance/services.html", context)


class RequestServicePage(SellerPage):
    """Confirm one request, with a note for staff."""

    read_action = write_action = Action.ENROL

    def get(self, request: MemberRequest, code: str) -> HttpResponse:
        """Show what is asked for and its price."""
        return self._show(request, _offer_or_404(code))

    def post(self, request: MemberRequest, code: str) -> HttpResponse:
        """Ask; or show the form again with what was typed."""
        offer = _offer_or_404(code)
        note = request.POST.get("note", "")
        try:
            service_request_make(member=request.member, offer=code, note=note)
        except InvalidInput as refusal:
            return self._show(request, offer, problems=dict(refusal.fields), status=400)
        except Refusal as refusal:
            messages.warning(request, str(refusal))
        else:
            messages.success(request, _("Asked. Staff will answer; you get a notice."))
        return redirect("compliance:services")

    def _show(
        self,
        request: MemberRequest,
        offer: ServiceOffer,
        *,
        problems: dict[str, str] | None = None,
        status: int = 200,
    ) -> HttpResponse:
        rules = service_rules(platform_time.today())
        context = {
            "offer": offer,
            "country": country_name(offer.country),
            "rules": rules,
            "note": request.POST.get("note", "")[:MAX_TEXT],
            "max_text": MAX_TEXT,
            "problems": problems or {},
        }
        return render(request, "compliance/service_request.html", context, status=status)


def _offer_or_404(code: str) -> ServiceOffer:
    try:
        return service_offer(code, platform_time.today())
    except Refusal:
        raise Http404 from None


class CancelRequest(SellerPage):
    """Take back a request that nobody has begun with."""

    read_action = write_action = Action.ENROL

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Take it back and say so."""
        asked = get_object_or_404(ServiceRequest.objects.all(), pk=pk)
        try:
            service_request_cancel(member=request.member, request=asked)
        except Refusal as refusal:
            messages.warning(request, str(refusal))
        else:
            messages.success(request, _("The request is taken back."))
        return redirect("compliance:services")
