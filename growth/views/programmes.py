"""Programmes: what there is, one with its conditions, enrolling, leaving, steps, renewing (GRO-17, GRO-18)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from growth.choices import EnrolmentState, ProgrammeKind
from growth.models import Enrolment, EnrolmentRenewal
from growth.programmes.input import application_of_form
from growth.programmes.page import (
    TONES,
    blocked_text,
    documents_of,
    form_of,
    history_of,
    renewal_of,
    steps_of,
    way_back_text,
    window_text,
)
from growth.programmes.reading import (
    NO_STATE,
    ProgrammeReading,
    programme_reading,
    programme_readings,
    published_programmes,
)
from growth.programmes.rules import WindowState
from growth.services.enrolment_moves import dependents_of
from growth.services.enrolment_steps import enrolment_step
from growth.services.enrolments import enrolment_apply, enrolment_leave
from growth.services.renewals import renewal_request
from portal import platform_time
from portal.choices import Action
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.metrics import PLAIN
from portal.nightly.published import published_day
from portal.templatetags.portal_ui import day_text, instant_texts
from portal.views.base import SellerPage

ICONS = {
    ProgrammeKind.ACTIVITY: "megaphone",
    ProgrammeKind.CHANNEL: "signpost-2",
    ProgrammeKind.SERVICE: "tools",
    ProgrammeKind.OFFER: "ticket-perforated",
}


TITLES = {
    # Translators: 官方活动
    ProgrammeKind.ACTIVITY: gettext_lazy("Activities"),
    # Translators: 频道
    ProgrammeKind.CHANNEL: gettext_lazy("Channels"),
    # Translators: 服务
    ProgrammeKind.SERVICE: gettext_lazy("Services"),
    # Translators: 优惠
    ProgrammeKind.OFFER: gettext_lazy("Offers"),
}


class Shown:
    """A programme as templates draw it: the reading, with words and colours."""

    def __init__(self, reading: ProgrammeReading) -> None:
        self.reading = reading
        self.programme = reading.programme
        self.content = reading.content
        self.state = reading.state
        self.tone = TONES.get(EnrolmentState(self.state), "") if self.has_state else ""
        self.label = EnrolmentState(self.state).label if self.has_state else ""
        self.closes_at = self._closes_at()

    @property
    def has_state(self) -> bool:
        """Whether the shop ever enrolled."""
        return self.state != NO_STATE

    @property
    def is_mine(self) -> bool:
        """Whether an enrolment waits or holds."""
        return self.reading.current is not None

    @property
    def is_over(self) -> bool:
        """Whether nobody can enrol any more."""
        return self.reading.window.state == WindowState.ENDED

    def _closes_at(self) -> datetime | None:
        span = self.reading.window.span
        return span.closes_at if span and self.reading.window.state == WindowState.OPEN else None

    @property
    def lacking(self) -> list[str]:
        """What is missing, in sentences."""
        return [one.said for one in self.reading.conditions if one.met is False]


@dataclass
class Group:
    """Programmes of a kind, on the list."""

    kind: ProgrammeKind
    icon: str
    title: str
    rows: list[Shown] = field(default_factory=list)


class ProgrammesPage(SellerPage):
    """All programmes by kind: those the shop is in first, those that are over last."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show them."""
        readings = programme_readings(request.seller, published_programmes(), user=request.user)
        shown = [Shown(each) for each in readings]
        groups = {kind: Group(kind, ICONS[kind], str(TITLES[kind])) for kind in ProgrammeKind}
        for each in shown:
            if not each.is_mine and not each.is_over:
                groups[ProgrammeKind(each.programme.kind)].rows.append(each)
        for group in groups.values():
            group.rows.sort(key=lambda each: _rank(each.reading))
        context = {
            "as_of": published_day(PLAIN),
            "mine": [each for each in shown if each.is_mine],
            "groups": [group for group in groups.values() if group.rows],
            "over": [each for each in shown if not each.is_mine and each.is_over],
            "may_enrol": request.member.can(Action.ENROL),
        }
        return render(request, "growth/programmes.html", context)


def _rank(reading: ProgrammeReading) -> int:
    """Order a list: what can be had now, what the shop could have later, what it lacks conditions for."""
    if reading.may_enrol:
        return 0
    return 1 if reading.eligible else 2


# --- One programme ------------------------------------------------------------------------------


class ProgrammePage(SellerPage):
    """One programme: conditions met and unmet, what it brings, enrolling, and what happened."""

    def get(self, request: MemberRequest, code: str) -> HttpResponse:
        """Show it; `?route=` chooses a way in."""
        return show(request, reading_or_404(request, code), route=request.GET.get("route", ""))


def show(
    request: MemberRequest,
    reading: ProgrammeReading,
    *,
    route: str = "",
    refusal: Refusal | None = None,
    problems: Sequence[tuple[str, str]] = (),
    status: int = 200,
) -> HttpResponse:
    """Show the page, after a refusal with what was typed and each message at its place."""
    chosen = reading.route(route) or reading.best
    now = platform_time.now()
    may_act = request.member.can(Action.ENROL)
    can_enrol = may_act and not reading.refusal(chosen)
    current = reading.current
    form = form_of(request, reading, chosen, now, problems) if can_enrol else None
    context = {
        "shown": Shown(reading),
        "reading": reading,
        "programme": reading.programme,
        "content": reading.content,
        "icon": ICONS[ProgrammeKind(reading.programme.kind)],
        "chosen": chosen,
        "conditions": [*reading.criteria, *chosen.criteria],
        "as_of": published_day(PLAIN),
        "may_act": may_act,
        "form": form,
        "blocked": "" if current or form else blocked_text(reading, chosen),
        "refusal": refusal,
        "window_text": window_text(reading),
        "tables": [
            {
                "title": table.title,
                "columns": table.columns,
                "rows": [list(zip(row, table.columns, strict=True)) for row in table.rows],
                "note": table.note,
            }
            for table in reading.content.tables
        ],
        "steps": steps_of(reading),
        "enrolment": current or reading.newest,
        "documents": documents_of(reading, current or reading.newest),
        "renewal": renewal_of(reading, current),
        "history": history_of(reading),
    }
    return render(request, "growth/programme.html", context, status=status)


class Enrol(SellerPage):
    """Enrol the shop."""

    read_action = write_action = Action.ENROL

    def get(self, request: MemberRequest, code: str) -> HttpResponse:
        """Show the programme: the form is on its page."""
        return redirect("growth:programme", code=code)

    def post(self, request: MemberRequest, code: str) -> HttpResponse:
        """Enrol, or show the page again with what was typed."""
        reading = reading_or_404(request, code)
        route = request.POST.get("route", "")
        try:
            application = application_of_form(request.POST, request.FILES)
            enrolment = enrolment_apply(
                member=request.member, programme=reading.programme, application=application
            )
        except Refusal as refusal:
            if refusal.code == "already_enrolled" and reading.current is not None:
                messages.info(request, str(refusal))
                return redirect("growth:programme", code=code)
            return show(
                request,
                reading_or_404(request, code),
                route=route,
                refusal=refusal,
                problems=refusal.fields,
                status=refusal.http_status,
            )
        if enrolment.state == EnrolmentState.ACTIVE:
            messages.success(request, _("Your shop is enrolled."))
        else:
            messages.success(request, _("Applied. Staff decide, and you are told."))
        return redirect("growth:programme", code=code)


class Leave(SellerPage):
    """Leave a programme, or take an application back; confirmed with what it means."""

    read_action = write_action = Action.ENROL

    def get(self, request: MemberRequest, code: str) -> HttpResponse:
        """Say what leaving means."""
        reading = reading_or_404(request, code)
        current = reading.current
        if current is None or not reading.can_leave:
            return redirect("growth:programme", code=code)
        context = {
            **_leaving_words(reading, current),
            "danger": True,
            "fields": [("enrolment", current.pk)],
            "cancel_url": reverse("growth:programme", args=[code]),
            "parent_url": reverse("growth:programmes"),
            "parent_label": _("Programmes"),
        }
        return render(request, "portal/confirm.html", context)

    def post(self, request: MemberRequest, code: str) -> HttpResponse:
        """Leave; a form made for another enrolment changes nothing."""
        reading = reading_or_404(request, code)
        wanted = request.POST.get("enrolment", "")
        try:
            enrolment_leave(
                member=request.member,
                programme=reading.programme,
                enrolment_id=int(wanted) if wanted.isdecimal() and len(wanted) < 19 else 0,
            )
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Done: your shop is no longer in it."))
        return redirect("growth:programme", code=code)


def _leaving_words(reading: ProgrammeReading, current: Enrolment) -> dict[str, Any]:
    """Say what is lost, from when, and whether and when the shop can come back (GRO-17)."""
    title = {"programme": reading.programme.title}
    if current.state != EnrolmentState.ACTIVE:
        return {
            "heading": _("Take the application back: %(programme)s") % title,
            "message": _("Staff will not decide about it any more."),
            "cost": way_back_text(reading),
            "confirm_label": _("Take it back"),
        }
    today = platform_time.today()
    begun = [
        str(one.text)
        for one in reading.content.benefits
        if one.from_day is None or one.from_day <= today
    ]
    ending = [
        _("This ends too, because it builds on it: %(programme)s")
        % {"programme": one.programme.title}
        for one in dependents_of(current)
    ]
    day = {"day": day_text(today)}
    if begun:
        message = _("It ends at once, on %(day)s. From then on your shop is without:") % day
    else:
        message = _("It ends at once, on %(day)s.") % day
    return {
        "heading": _("Leave %(programme)s") % title,
        "message": message,
        "items": [*begun, *ending],
        "cost": way_back_text(reading, leaves=True),
        "confirm_label": _("Leave"),
    }


class DoStep(SellerPage):
    """Do the next step."""

    read_action = write_action = Action.ENROL

    def get(self, request: MemberRequest, code: str, step: str) -> HttpResponse:
        """Show the programme: the button is on its page."""
        return redirect("growth:programme", code=code)

    def post(self, request: MemberRequest, code: str, step: str) -> HttpResponse:
        """Mark it as done."""
        current = reading_or_404(request, code).current
        try:
            if current is None:
                raise Refusal("not_enrolled", _("Your shop is not enrolled."))
            enrolment_step(member=request.member, enrolment=current, step=step)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Noted as done."))
        return redirect("growth:programme", code=code)


class Renew(SellerPage):
    """Ask for a renewal."""

    read_action = write_action = Action.ENROL

    def get(self, request: MemberRequest, code: str) -> HttpResponse:
        """Show the programme: the form is on its page."""
        return redirect("growth:programme", code=code)

    def post(self, request: MemberRequest, code: str) -> HttpResponse:
        """Ask for it."""
        reading = reading_or_404(request, code)
        try:
            if reading.current is None:
                raise Refusal("not_enrolled", _("Your shop is not enrolled."))
            renewal: EnrolmentRenewal = renewal_request(
                member=request.member,
                enrolment=reading.current,
                note=request.POST.get("note", ""),
            )
        except InvalidInput as refusal:
            messages.error(request, refusal.fields[0][1])
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(
                request,
                _("Asked for. You get an answer by %(instant)s.")
                % {"instant": instant_texts(renewal.answer_due_at)[0]},
            )
        return redirect("growth:programme", code=code)


def reading_or_404(request: MemberRequest, code: str) -> ProgrammeReading:
    """Return a published programme as the shop reads it."""
    reading = programme_reading(request.seller, code, user=request.user)
    if reading is None:
        raise Http404
    return reading
