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

from compliance.choices import CertificateType
from growth.choices import EnrolmentState, ProgrammeKind, RenewalStatus
from growth.models import Enrolment, EnrolmentEvent, EnrolmentRenewal
from growth.programme_input import application_of_form
from growth.programme_reading import (
    NO_STATE,
    ProgrammeReading,
    RequirementReading,
    RouteReading,
    programme_reading,
    programme_readings,
    published_programmes,
    reason_text,
    requirement_readings,
)
from growth.programme_rules import WindowState, step_due_at
from growth.programme_schema import Step
from growth.services.enrolment_moves import dependents_of
from growth.services.enrolment_steps import enrolment_step
from growth.services.enrolments import MAX_TEXT, enrolment_apply, enrolment_leave
from growth.services.renewals import renewal_request
from portal import platform_time
from portal.choices import Action
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.services.files import file_url
from portal.templatetags.portal_ui import day_text, instant_texts
from portal.views.base import SellerPage

TONES = {
    EnrolmentState.APPLIED: "info",
    EnrolmentState.IN_REVIEW: "info",
    EnrolmentState.ACTIVE: "ok",
    EnrolmentState.LEFT: "muted",
    EnrolmentState.REMOVED: "danger",
    EnrolmentState.REFUSED: "danger",
    EnrolmentState.EXPIRED: "muted",
}
RENEWAL_TONES = {
    RenewalStatus.OPEN: "info",
    RenewalStatus.GRANTED: "ok",
    RenewalStatus.REFUSED: "danger",
}
ICONS = {
    ProgrammeKind.ACTIVITY: "megaphone",
    ProgrammeKind.CHANNEL: "signpost-2",
    ProgrammeKind.SERVICE: "tools",
    ProgrammeKind.OFFER: "ticket-perforated",
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
    rows: list[Shown] = field(default_factory=list)


class ProgrammesPage(SellerPage):
    """All programmes by kind: those the shop is in first, those that are over last."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show them."""
        readings = programme_readings(request.seller, published_programmes(), user=request.user)
        shown = [Shown(each) for each in readings]
        groups = {kind: Group(kind, ICONS[kind]) for kind in ProgrammeKind}
        for each in shown:
            if not each.is_mine and not each.is_over:
                groups[ProgrammeKind(each.programme.kind)].rows.append(each)
        for group in groups.values():
            group.rows.sort(key=lambda each: _rank(each.reading))
        context = {
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


@dataclass
class StepRow:
    """A step as it is drawn."""

    step: Step
    done: bool
    is_next: bool
    due_at: datetime | None


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
    context = {
        "shown": Shown(reading),
        "reading": reading,
        "programme": reading.programme,
        "content": reading.content,
        "icon": ICONS[ProgrammeKind(reading.programme.kind)],
        "chosen": chosen,
        "conditions": [*reading.criteria, *chosen.criteria],
        "may_act": may_act,
        "can_enrol": can_enrol,
        "form": form_of(request, reading, chosen, now, problems) if can_enrol else None,
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
        "documents": documents_of(current or reading.newest),
        "renewal": renewal_of(reading, current),
        "history": history_of(reading),
    }
    return render(request, "growth/programme.html", context, status=status)


def window_text(reading: ProgrammeReading) -> str:
    """Say when shops can enrol, in words."""
    span, monthly = reading.window.span, [one.days for one in reading.content.windows if one.days]
    if span is None:
        said = _("Over")
    elif span.first is None and span.last is None:
        said = _("At any time")
    elif span.last is None and span.first is not None:
        said = _("From %(day)s on") % {"day": day_text(span.first)}
    else:
        days = (day_text(one) for one in (span.first, span.last) if one is not None)
        said = " – ".join(days)
    if not monthly:
        return said
    # Translators: 每月7日-23日
    every = _("From day %(first)d to %(last)d of every month") % dict(
        zip(("first", "last"), monthly[0], strict=True)
    )
    return f"{every}: {said}"


def form_of(
    request: MemberRequest,
    reading: ProgrammeReading,
    chosen: RouteReading,
    now: datetime,
    problems: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """Return what the form of enrolling shows: questions, documents, agreement, with what was typed."""
    wrong = dict(problems)
    typed = request.POST
    picked = set(typed.getlist("certificate"))

    def text(key: str) -> dict[str, Any]:
        return {
            "key": key,
            "name": f"answer_{key}",
            "value": typed.get(f"answer_{key}", ""),
            "problem": wrong.get(f"answers.{key}", ""),
        }

    return {
        "route": chosen.route.key,
        "agrees": reading.agrees(chosen.route),
        "ticked": "agreement" in typed,
        "terms": reading.content.agreement_digest,
        "agreement_problem": wrong.get("agreement", ""),
        "documents_problem": wrong.get("documents", ""),
        "review": reading.needs_review(chosen.route),
        "max_text": MAX_TEXT,
        "questions": [(each, text(each.key)) for each in reading.content.questions],
        "requirements": [
            _requirement(each, wrong, picked, text)
            for each in requirement_readings(request.seller, chosen.route, now=now)
        ],
        "has_files": any(
            option.kind == "file" for each in chosen.route.documents for option in each.options
        ),
    }


def _requirement(
    each: RequirementReading, wrong: dict[str, str], picked: set[str], text: Any
) -> dict[str, Any]:
    return {
        "requirement": each.requirement,
        "met": each.met,
        "problem": wrong.get(f"documents.{each.requirement.key}", ""),
        "options": [
            {
                "option": one.option,
                "met": one.met,
                "certificates": [(row, str(row.pk) in picked) for row in one.certificates],
                "types": [CertificateType(kind).label for kind in one.option.types],
                "upload_type": one.option.types[0] if one.option.types else "",
                "text": text(one.option.key),
                "problem": wrong.get(f"files.{one.option.key}", ""),
            }
            for one in each.options
        ],
    }


def steps_of(reading: ProgrammeReading) -> list[StepRow]:
    """Return the steps with what is done and what comes next."""
    newest, steps = reading.current or reading.newest, reading.content.steps
    keys = [step.key for step in steps]
    done = keys.index(newest.step) if newest is not None and newest.step in keys else -1
    due = reading.next_step
    return [
        StepRow(
            step,
            position <= done,
            due is not None and step.key == due.key,
            _due(reading, step) if due is not None and step.key == due.key else None,
        )
        for position, step in enumerate(steps)
    ]


def _due(reading: ProgrammeReading, step: Step) -> datetime | None:
    current = reading.current
    return step_due_at(step, current.step_at) if current and current.step_at else None


def documents_of(enrolment: Enrolment | None) -> dict[str, Any]:
    """Return what was handed in with an enrolment."""
    if enrolment is None:
        return {}
    return {
        "certificates": [
            one.certificate for one in enrolment.documents.select_related("certificate")
        ],
        "files": [
            (one.file.name, file_url(one.file)) for one in enrolment.files.select_related("file")
        ],
    }


def renewal_of(reading: ProgrammeReading, current: Enrolment | None) -> dict[str, Any] | None:
    """Return where renewing stands; none where it is not possible at all."""
    first = reading.renewal_from
    if first is None or current is None or reading.content.renewal is None:
        return None
    asked = list(current.renewals.order_by("-asked_at", "-pk"))
    granted = sum(one.status == RenewalStatus.GRANTED for one in asked)
    waiting = next((one for one in asked if one.status == RenewalStatus.OPEN), None)
    return {
        "rule": reading.content.renewal,
        "from": first,
        "waiting": waiting,
        "asked": [(one, RENEWAL_TONES[RenewalStatus(one.status)]) for one in asked],
        "may_ask": waiting is None
        and granted < reading.content.renewal.times
        and first <= reading.day,
        "max_text": MAX_TEXT,
    }


def history_of(reading: ProgrammeReading) -> list[dict[str, Any]]:
    """Return what happened to the shop's enrolments, newest first."""
    titles = {step.key: step.title for step in reading.content.steps}
    events = EnrolmentEvent.objects.filter(enrolment__in=reading.enrolments)
    by_pk = {one.pk: one for one in reading.enrolments}
    rows = []
    for event in events.order_by("-at", "-pk")[:HISTORY]:
        enrolment = by_pk[event.enrolment_id]
        ends = event.state == enrolment.state and not enrolment.is_open
        rows.append(
            {
                "event": event,
                "step": titles.get(event.step) if event.state == EnrolmentState.ACTIVE else None,
                "reason": reason_text(enrolment) if ends else event.reason,
                "tone": TONES[EnrolmentState(event.state)],
            }
        )
    return rows


HISTORY = 50
"""Events shown."""


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
    title = {"programme": reading.programme.title}
    if current.state != EnrolmentState.ACTIVE:
        return {
            "heading": _("Take the application back: %(programme)s") % title,
            "message": _("Staff will not decide about it any more. You can apply again."),
            "confirm_label": _("Take it back"),
        }
    items = [
        _("This ends too, because it builds on it: %(programme)s")
        % {"programme": one.programme.title}
        for one in dependents_of(current)
    ]
    span = reading.window.span
    if reading.content.exit.cool_down_days:
        first = platform_time.today()
        until = reading.content.exit.cool_down_days
        items.append(
            _("After leaving on %(day)s your shop cannot come back for %(days)d days.")
            % {"day": day_text(first), "days": until}
        )
    if reading.window.state != WindowState.OPEN and span is not None and span.first is not None:
        items.append(_("Enrolment opens again on %(day)s.") % {"day": day_text(span.first)})
    elif reading.window.state == WindowState.ENDED:
        items.append(_("Enrolment is over: your shop cannot come back."))
    return {
        "heading": _("Leave %(programme)s") % title,
        "message": _("What it brings ends today."),
        "items": items,
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
