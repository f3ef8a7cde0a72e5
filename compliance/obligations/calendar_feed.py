"""The shop's obligations as an iCalendar file: the same bytes while nothing changed (EPR-9)."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlsplit

import icalendar
from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from compliance.choices import ObligationState
from compliance.obligations.dues import ONE_DAY
from compliance.obligations.reading import Calendar, Obligation
from portal.templatetags.portal_ui import day_text

REMIND_DAYS = (7, 1)
"""Days before a due day on which a calendar program reminds."""
REFRESH = timedelta(hours=12)
CONTENT_TYPE = "text/calendar; charset=utf-8"


def calendar_ics(calendar: Calendar) -> bytes:
    """Return the calendar in the active language; nothing but declarations is in it.

    A due is an all-day event with a UID of its own for good. Its stamp is when it last changed: when
    the certificate began to count, or was ticked. What is declared reminds nobody.
    """
    file = icalendar.Calendar()
    file.add("prodid", "-//Seller back office//EPR declarations//EN")
    file.add("version", "2.0")
    file.add("calscale", "GREGORIAN")
    # Translators: EPR申报日历
    title = _("EPR declarations")
    file.add("name", title)
    file.add("x-wr-calname", title)
    file.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    file.add("x-published-ttl", "PT12H")
    for obligation in calendar.obligations:
        file.add_component(_event(obligation))
    return file.to_ical()


def _event(one: Obligation) -> icalendar.Event:
    event = icalendar.Event()
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    event.add("uid", f"{one.registration.uid(one.due)}@{host}")
    event.add("dtstamp", _changed_at(one))
    event.add("dtstart", one.due.due_on)
    event.add("dtend", one.due.due_on + ONE_DAY)
    done = one.state == ObligationState.DONE
    event.add("summary", _summary(one, done=done), parameters={"language": get_language() or "en"})
    event.add("description", _description(one))
    event.add("url", settings.BASE_URL + reverse("compliance:calendar"))
    event.add("transp", "TRANSPARENT")
    if not done:
        for days in REMIND_DAYS:
            event.add_component(_alarm(one, days))
    return event


def _changed_at(one: Obligation) -> datetime:
    """Return the instant at which a due last changed, on a whole second."""
    at = max(one.registration.first_at, one.declared_at or one.registration.first_at)
    return at.replace(microsecond=0)


def _summary(one: Obligation, *, done: bool) -> str:
    # Translators: {registration} is country and category, {period} such as "August 2022"
    text = _("Declared: %(registration)s, %(period)s") if done else _(
        "Declare %(registration)s, %(period)s"
    )  # fmt: skip
    return text % {"registration": one.registration.name, "period": one.period}


def _description(one: Obligation) -> str:
    text = _("Registration number %(number)s; due on %(day)s (Pacific).")
    return text % {
        "number": one.certificate.number_typed,
        "day": day_text(one.due.due_on),
    }


def _alarm(one: Obligation, days: int) -> icalendar.Alarm:
    alarm = icalendar.Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", timedelta(days=-days))
    alarm.add("description", _summary(one, done=False))
    return alarm
