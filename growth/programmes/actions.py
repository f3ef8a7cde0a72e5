"""What programmes make worth doing next: windows that close, steps that are due, renewals (UI-2, GRO-17)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from growth.choices import EnrolmentState, ProgrammeKind, RenewalStatus
from growth.models import EnrolmentRenewal, Programme
from growth.programmes.reading import (
    ProgrammeReading,
    enrolments_of,
    programme_readings,
    published_programmes,
)
from growth.programmes.rules import Span, window_on
from growth.programmes.schema import ProgrammeContent
from portal import platform_time
from portal.addresses import reverse
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions
from portal.prepared_reads import prepared

CLOSING = timedelta(days=7)
"""How long before a window closes it is spoken of."""
KINDS = (ProgrammeKind.ACTIVITY, ProgrammeKind.OFFER)
"""Kinds whose windows are spoken of; the others stay open."""


@register_next_actions
def programme_actions(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Offer the owner what closes within a week, what comes next, and renewals that can be asked for."""
    if not member.can(Action.ENROL):
        return
    worth_reading = _worth_reading(seller, day)
    if not worth_reading:
        return
    programmes = published_programmes().filter(pk__in=worth_reading)
    readings = programme_readings(seller, programmes, user=member.user)
    asked = _renewals_asked(readings, day)
    for reading in readings:
        yield from _closing(reading, day)
        yield from _step(reading)
        yield from _renewal(reading, asked)


def _worth_reading(seller: Seller, day: date) -> list[int]:
    """Return the keys of the programmes whose window closes soon, and those of the shop that have steps or renewals.

    So that the home page does not read the conditions of all others; two queries.
    """
    held = {
        programme
        for programme, enrolments in enrolments_of(seller).items()
        if any(each.state == EnrolmentState.ACTIVE for each in enrolments)
    }
    return [
        pk
        for pk, kind, text in _published()
        if _concerns(kind, _content(text), day, held=pk in held)
    ]


@prepared
def _published() -> QuerySet[Programme, Any]:
    """Return key, kind and the text of the content of the programmes shops may see."""
    programmes = Programme.objects.filter(published=True).order_by("pk")
    return programmes.values_list("pk", "kind", Cast("content", TextField()))


@lru_cache(maxsize=512)
def _content(text: str) -> ProgrammeContent:
    """Return the typed content of a programme from its JSON; kept per process under the JSON itself."""
    return ProgrammeContent.model_validate(json.loads(text))


def _concerns(kind: str, content: ProgrammeContent, day: date, *, held: bool) -> bool:
    if held:
        return bool(content.steps) or content.renewal is not None
    window = window_on(content.windows, day, until=content.term.until)
    return kind in KINDS and _closes_soon(window.span, day)


def _closes_soon(span: Span | None, day: date) -> bool:
    return (
        span is not None and span.last is not None and span.holds(day) and span.last - day < CLOSING
    )


def _closing(reading: ProgrammeReading, day: date) -> Iterator[NextAction]:
    span = reading.window.span
    if span is None or not reading.may_enrol or not _closes_soon(span, day):
        return
    yield NextAction(
        title=_("Enrol: %(programme)s") % {"programme": reading.programme.title},
        url=_link(reading),
        gain=str(reading.content.summary),
        due=span.closes_at,
        weight=45,
        icon="megaphone",
        button=_("Enrol"),
    )


def _step(reading: ProgrammeReading) -> Iterator[NextAction]:
    step = reading.next_step
    if step is None or step.who != "shop":
        return
    title = {"programme": reading.programme.title, "step": step.title}
    yield NextAction(
        title=_("%(programme)s: %(step)s") % title,
        url=_link(reading),
        gain="" if step.ends else str(step.help or reading.content.summary),
        loses=_("Your place is given up if it is not done in time.") if step.ends else "",
        due=reading.next_step_due,
        weight=60,
        icon="signpost",
        button=_("Go on"),
    )


def _renewals_asked(readings: Iterable[ProgrammeReading], day: date) -> set[int]:
    """Return the enrolments that can be renewed by now and for which that was asked already; one query."""
    renewable = [
        each.current.pk
        for each in readings
        if each.current is not None and each.renewal_from is not None and each.renewal_from <= day
    ]
    if not renewable:
        return set()
    renewals = EnrolmentRenewal.objects.filter(
        enrolment__in=renewable, status__in=(RenewalStatus.OPEN, RenewalStatus.GRANTED)
    )
    return set(renewals.values_list("enrolment_id", flat=True))


def _renewal(reading: ProgrammeReading, asked: set[int]) -> Iterator[NextAction]:
    first, current = reading.renewal_from, reading.current
    if first is None or current is None or current.until is None:
        return
    if reading.day < first or current.pk in asked:
        return
    yield NextAction(
        title=_("Ask for renewal: %(programme)s") % {"programme": reading.programme.title},
        url=_link(reading),
        loses=_("It ends, and nothing can be configured any more."),
        due=platform_time.end_of(current.until),
        weight=70,
        icon="arrow-repeat",
        button=_("Ask for renewal"),
    )


def _link(reading: ProgrammeReading) -> str:
    return reverse("growth:programme", args=[reading.programme.code])
