"""What the page of a programme draws: window, form, steps, documents, renewal, history (GRO-17, GRO-18)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from compliance.choices import CertificateType
from growth.choices import EnrolmentState, RenewalStatus
from growth.models import Enrolment, EnrolmentEvent
from growth.programmes.documents import RequirementReading, requirement_readings
from growth.programmes.input import ANSWER, DOCUMENTS, FILE
from growth.programmes.reading import (
    ProgrammeReading,
    RouteReading,
    reason_text,
    refusal_text,
)
from growth.programmes.rules import WindowState, step_due_at
from growth.programmes.schema import Step
from growth.services.enrolments import MAX_TEXT
from portal.http import MemberRequest
from portal.services.files import file_url
from portal.templatetags.portal_ui import day_text

HISTORY = 50
"""Events shown."""
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
    RenewalStatus.OVER: "muted",
}


@dataclass
class StepRow:
    """A step as it is drawn."""

    step: Step
    done: bool
    is_next: bool
    due_at: datetime | None


def window_text(reading: ProgrammeReading) -> str:
    """Say when shops can enrol, in words."""
    span, monthly = reading.window.span, [one.days for one in reading.content.windows if one.days]
    if span is None:
        said = _("Over")
    elif span.first is None and span.last is None:
        said = _("At any time")
    elif span.last is None and span.first is not None:
        said = _("From %(day)s on") % {"day": day_text(span.first)}
    elif span.first is None and span.last is not None:
        said = _("Up to %(day)s") % {"day": day_text(span.last)}
    else:
        days = (day_text(one) for one in (span.first, span.last) if one is not None)
        said = " – ".join(days)
    if not monthly:
        return said
    # Translators: 每月7日-23日
    every = _("From day %(first)d to %(last)d of every month") % dict(
        zip(("first", "last"), monthly[0], strict=True)
    )
    # Translators: 每月7日-23日：8月7日 – 8月23日
    return _("%(every)s: %(days)s") % {"every": every, "days": said}


def way_back_text(reading: ProgrammeReading, *, leaves: bool = False) -> str:
    """Say whether and when a shop that goes out today can come back; `leaves`: it was in, not applying.

    Only who was in stays out for the days of the programme.
    """
    span = reading.window.span
    if reading.window.state == WindowState.ENDED or span is None:
        return _("Enrolment is over: your shop cannot come back.")
    days = reading.content.exit.cool_down_days if leaves else 0
    said = []
    if days:
        said.append(
            _("After leaving on %(day)s your shop cannot come back for %(days)d days.")
            % {"day": day_text(reading.day), "days": days}
        )
    if reading.window.state == WindowState.NOT_OPEN and span.first is not None:
        said.append(_("Enrolment opens again on %(day)s.") % {"day": day_text(span.first)})
    elif span.last is not None:
        said.append(_("Enrolment is open through %(day)s.") % {"day": day_text(span.last)})
    elif not days:
        said.append(_("Your shop can enrol again at any time."))
    if reading.places_left is not None:
        said.append(_("The place is given back; coming back takes a free one."))
    if all(one.route.review for one in reading.routes):
        said.append(_("Staff would decide anew."))
    return " ".join(said)


def blocked_text(reading: ProgrammeReading, chosen: RouteReading) -> str:
    """Say what is in the way of enrolling; of conditions no more than that they are: they stand above."""
    code = reading.refusal(chosen)
    if code == "not_eligible":
        if reading.window.state == WindowState.ENDED:
            code = "window_closed"
        else:
            return _("Your shop can enrol once it meets every condition.")
    return refusal_text(reading, code, chosen) if code else ""


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
    picked = set(typed.getlist(DOCUMENTS))

    def text(key: str) -> dict[str, Any]:
        return {
            "key": key,
            "name": ANSWER + key,
            "value": typed.get(ANSWER + key, ""),
            "problem": wrong.get(ANSWER + key, ""),
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
        "questions": [
            {
                "question": each,
                "input": text(each.key),
                "choices": [one for one in each.choices if one.offered_on(reading.day)],
            }
            for each in reading.content.questions
        ],
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
                "file": FILE + one.option.key,
                "problem": wrong.get(FILE + one.option.key, ""),
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


def documents_of(reading: ProgrammeReading, enrolment: Enrolment | None) -> dict[str, Any]:
    """Return what was handed in with an enrolment: answers in words, certificates, files."""
    if enrolment is None:
        return {}
    return {
        "answers": _answers(reading, enrolment),
        "certificates": [
            one.certificate for one in enrolment.documents.select_related("certificate")
        ],
        "files": [
            (one.file.name, file_url(one.file)) for one in enrolment.files.select_related("file")
        ],
    }


def _answers(reading: ProgrammeReading, enrolment: Enrolment) -> list[tuple[str, str]]:
    titles = {
        option.key: str(option.title)
        for route in reading.content.routes
        for each in route.documents
        for option in each.options
    }
    words: dict[str, dict[str, str]] = {}
    for question in reading.content.questions:
        titles[question.key] = str(question.title)
        words[question.key] = {one.key: str(one.title) for one in question.choices}
    return [
        (titles.get(key, key), words.get(key, {}).get(answer, answer))
        for key, answer in enrolment.answers.items()
    ]


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
