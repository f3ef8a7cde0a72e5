"""The obligations calendar: what to declare until when, and the numbers that are missing (EPR-9)."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from compliance.models import Certificate
from compliance.obligations.lead_times import lead_times_of
from compliance.obligations.reading import Obligation, Registration, calendar_of
from compliance.services.obligations import declaration_tick, feeds_live
from portal import platform_time
from portal.choices import Action
from portal.errors import Refusal
from portal.http import MemberRequest
from portal.views.base import SellerPage

AHEAD = timedelta(days=366)
"""How far the list of months reaches unless it is empty."""
MAX_KEY = 2**63 - 1


class CalendarPage(SellerPage):
    """All registrations, or the one `?registration=` names by its certificate."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show what is overdue, due and done."""
        now = platform_time.now()
        calendar = calendar_of(now)
        chosen = _chosen(request, calendar.registrations)

        def wanted(found: list[Obligation]) -> list[Obligation]:
            return [one for one in found if chosen is None or one.registration is chosen]

        due = wanted(calendar.due)
        context: dict[str, Any] = {
            "calendar": calendar,
            "chosen": chosen,
            "overdue": wanted(calendar.overdue),
            "months": by_month([one for one in due if one.due.due_on <= calendar.today + AHEAD]),
            "done": wanted(calendar.done),
            "registrations": [(one, calendar.next_of(one)) for one in calendar.registrations],
            "lead_times": lead_times_of(request.seller, now),
            "feed": feeds_live().first(),
            "may_tick": request.member.can(Action.EDIT_PRODUCTS),
            "may_share": request.member.can(Action.MANAGE_MEMBERS),
        }
        return render(request, "compliance/calendar.html", context)


def by_month(found: list[Obligation]) -> list[tuple[date, list[Obligation]]]:
    """Return obligations in order of their days as (first of the month, obligations)."""
    months = groupby(found, key=lambda one: one.due.due_on.replace(day=1))
    return [(month, list(rows)) for month, rows in months]


def _chosen(request: MemberRequest, registrations: list[Registration]) -> Registration | None:
    """Return the registration the address names; 404 for one that does not count."""
    wanted = request.GET.get("registration")
    if not wanted:
        return None
    found = next((one for one in registrations if str(one.certificate.pk) == wanted), None)
    if found is None:
        raise Http404
    return found


class TickDeclaration(SellerPage):
    """Tick one declaration, or take the tick back."""

    read_action = write_action = Action.EDIT_PRODUCTS

    def post(self, request: MemberRequest) -> HttpResponse:
        """Tick `certificate` and `due_on`; `done=0` takes it back."""
        sent = request.POST
        try:
            due_on = platform_time.parse_day(sent.get("due_on", "")[:20])
        except platform_time.InvalidInstant:
            raise Http404 from None
        key = sent.get("certificate", "")
        if not key.isascii() or not key.isdigit() or int(key) > MAX_KEY:
            raise Http404
        certificate = Certificate.objects.filter(pk=int(key)).first()
        if certificate is None:
            raise Http404
        done = sent.get("done") != "0"
        try:
            declaration_tick(
                member=request.member, certificate=certificate, due_on=due_on, done=done
            )
        except Refusal as refusal:
            texts = [text for _field, text in refusal.fields] or [str(refusal)]
            messages.error(request, " ".join(texts))
        else:
            text = _("Noted as declared.") if done else _("The tick is taken back.")
            messages.success(request, text)
        only = sent.get("registration", "")
        query = f"?registration={int(only)}" if only.isascii() and only.isdigit() else ""
        return redirect(reverse("compliance:calendar") + query)
