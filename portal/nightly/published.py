"""What readers may see: the newest published day of a job (K-2, NGT-5)."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from datetime import date, timedelta
from typing import Any

from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import RunState
from portal.errors import InvalidInput
from portal.models import JobRun
from portal.nightly.ledger import published
from portal.prepared_reads import prepared, totals
from portal.request_context import request_id

LONGEST = 60
LATELY = timedelta(days=31)
"""Jobs that run at all have published within this time; others are looked up on their own."""
_seen: ContextVar[tuple[str, dict[tuple[str, date], date | None]]] = ContextVar("published_days")


def published_day(job: str, on: date | None = None) -> date | None:
    """Return the newest as-of day a job has published, not after `on` and not after now − 2.

    None when there is none. Within one request the answer stays the same, so that a page never mixes
    two days. Show it as "Data as of … 24:00 (Pacific)".
    """
    latest = platform_time.latest_as_of()
    limit = min(on, latest) if on else latest
    answers = _answers_of_this_request()
    if (job, limit) not in answers:
        [[answers[job, limit]]] = _newest(job, limit)
    return answers[job, limit]


@prepared
def _newest(job: str, until: date) -> QuerySet[JobRun, tuple[date | None]]:
    return totals(published(job).filter(as_of__lte=until), day=Max("as_of"))


def published_days(jobs: Iterable[str]) -> dict[str, date | None]:
    """Return `published_day` of several jobs; two queries at most, and none for what is known already.

    A page that shows much asks for all jobs at first, and saves a look-up for each.
    """
    limit = platform_time.latest_as_of()
    wanted = set(jobs)
    answers = _answers_of_this_request()
    asked = {job for job in wanted if (job, limit) not in answers}
    newest: dict[str, date | None] = dict.fromkeys(asked)
    if asked:
        newest |= _newest_of(frozenset(asked), limit - LATELY, limit)
    if late := frozenset(job for job in asked if newest[job] is None):
        newest |= _newest_of(late, date.min, limit - LATELY)
    answers.update({(job, limit): day for job, day in newest.items()})
    return {job: answers[job, limit] for job in sorted(wanted)}


def _newest_of(jobs: frozenset[str], after: date, until: date) -> dict[str, date | None]:
    """Return job → its newest published day after `after` and up to `until`, of those that have one."""
    return dict(_newest_rows(jobs, after, until))


@prepared
def _newest_rows(jobs: frozenset[str], after: date, until: date) -> QuerySet[JobRun, Any]:
    runs = JobRun.objects.filter(
        job__in=jobs, as_of__gt=after, as_of__lte=until, state=RunState.COMPLETE
    )
    return runs.order_by().values_list("job").annotate(newest=Max("as_of"))


def days_published(job: str, since: date, until: date) -> list[date]:
    """Return the days a job has published from `since` through `until`, in order; one query.

    Histories show these: of a day nobody published nothing is known.
    """
    return days_published_of([job], since, until)[job]


def days_published_of(jobs: Iterable[str], since: date, until: date) -> dict[str, list[date]]:
    """Return `days_published` of several jobs; one query."""
    found: dict[str, list[date]] = {job: [] for job in sorted(jobs)}
    for job, day in _published_between(frozenset(found), since, until):
        found[job].append(day)
    return found


@prepared
def _published_between(
    jobs: frozenset[str], since: date, until: date
) -> QuerySet[JobRun, tuple[str, date]]:
    runs = JobRun.objects.filter(
        job__in=jobs, state=RunState.COMPLETE, as_of__gte=since, as_of__lte=until
    )
    return runs.values_list("job", "as_of").distinct().order_by("as_of")


def read_as_of(text: str | None) -> date | None:
    """Return the as-of day a caller asked for; none when none is given.

    Raises `InvalidInput` (`as_of`) for what is no day and for a day ahead of now − 2 (K-2).
    """
    if not text:
        return None
    try:
        day = platform_time.parse_day(text[:LONGEST])
    except platform_time.InvalidInstant as error:
        raise InvalidInput([("as_of", str(error))]) from error
    latest = platform_time.latest_as_of()
    if day > latest:
        message = _("Figures come two days later: the newest day is %(day)s.")
        raise InvalidInput([("as_of", message % {"day": latest.isoformat()})])
    return day


def _answers_of_this_request() -> dict[tuple[str, date], date | None]:
    current = request_id.get()
    if current == "-":
        return {}
    known = _seen.get(None)
    if known is None or known[0] != current:
        known = (current, {})
        _seen.set(known)
    return known[1]
