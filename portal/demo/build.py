"""Builds the demo world through the same doors as upstream and staff: ingest, services, the night."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta

from django.contrib.auth.models import Group

from portal import platform_time
from portal.choices import RunState
from portal.demo.batches import batches
from portal.demo.bulletins import BULLETINS
from portal.demo.life import live_through, lived_at
from portal.demo.people import PASSWORD, STAFF
from portal.demo.world import DEFAULT_NOW
from portal.ingest.engine import ingest_rows
from portal.ingest.kinds import kind_named
from portal.models import DemoClock, IngestBatch, NightRun, Seller, User
from portal.nightly.engine import run_inline
from portal.nightly.ledger import night_start
from portal.services.bulletins import bulletin_publish, bulletin_save, bulletins_announce

Tell = Callable[[str], None]

SOURCE = "demo"
"""Name of the demo's batches in the ingest ledger."""

EARLIER_NIGHTS = (75, 45, 15, 2, 1)
"""Days before the newest as-of day that are computed too, so that plots and histories have a past."""

MONTHS = 15
MONTHLY_JOBS = ("rfq.score", "rfq.assess", "rfq.grants")
"""Computed for the ends of so many months too, and for the days on which they are assessed."""
LIFE_BEGINS = date(2022, 12, 4)
"""From this day on people do things after the nights before it: what they did in December needs December's rights."""


class DemoFailed(Exception):
    """The demo's own data was refused: a bug, told with the first refusals."""


def demo_build(*, tell: Tell) -> None:
    """Feed the demo world, publish its bulletins, run its nights and set its clock.

    `tell` gets one line per step. Safe to repeat: rows that are there already count as unchanged.
    """
    with lived_at(DEFAULT_NOW):
        _feed(tell)
        staff = _staff()
    _announce(staff, tell)
    with lived_at(DEFAULT_NOW):
        nights = _nights(platform_time.latest_as_of())
    early = [night for night in nights if _night_begins(night[0]) < LIFE_BEGINS]
    tell(f"done by people: {live_through(until=LIFE_BEGINS)}")
    _run_nights(early, tell)
    tell(f"done by people in {LIFE_BEGINS:%B}: {live_through(since=LIFE_BEGINS)}")
    _run_nights(nights[len(early) :], tell)
    shift = platform_time.parse_instant(DEFAULT_NOW) - platform_time.wall_clock()
    DemoClock.objects.update_or_create(pk=1, defaults={"shift": shift})
    platform_time.forget_demo_clock()


def demo_is_wanted() -> bool:
    """Tell whether to build: in a database without sellers, or where a build was interrupted.

    Sellers that did not come from the demo are somebody's data: nothing is added to them.
    """
    if not Seller.objects.exists():
        return True
    begun = IngestBatch.objects.filter(source=SOURCE).exists()
    return begun and not DemoClock.objects.exists()


def _feed(tell: Tell) -> None:
    for name, rows in batches():
        kind = kind_named(name)
        if kind is None:
            raise DemoFailed(f"there is no ingest kind {name}")
        report = ingest_rows(kind, list(rows), name=SOURCE)
        if not report.ok:
            raise DemoFailed(f"{report.summary()}: {report.error} {report.rejections[:5]}")
        tell(report.summary())


def _staff() -> User:
    """Create staff in every group; return the one who publishes."""
    for username, groups, is_superuser in STAFF:
        user, created = User.objects.get_or_create(
            username=username,
            defaults={
                "email": f"{username}@staff.example.com",
                "is_staff": True,
                "is_superuser": is_superuser,
            },
        )
        if created:
            user.set_password(PASSWORD)
            user.save(update_fields=["password"])
        user.groups.set(Group.objects.filter(name__in=groups))
    return User.objects.get(username=STAFF[0][0])


def _announce(staff: User, tell: Tell) -> None:
    from portal.models import Bulletin

    for text in BULLETINS:
        if Bulletin.objects.filter(slug=text["slug"]).exists():
            continue
        fields = {name: value for name, value in text.items() if name != "at"}
        if "effective_on" in fields:
            fields["effective_on"] = date.fromisoformat(fields["effective_on"])
        if "questions_until" in fields:
            fields["questions_until"] = platform_time.parse_instant(fields["questions_until"])
        with lived_at(text["at"]):
            bulletin = bulletin_save(actor=staff, fields=fields)
            bulletin_publish(actor=staff, bulletin=bulletin)
            bulletins_announce()
    tell(f"bulletins: {len(BULLETINS)}")


def _nights(newest: date) -> list[tuple[date, tuple[str, ...]]]:
    """Return the days to compute in their order, each with its jobs; none named means all."""
    nights: dict[date, tuple[str, ...]] = {}
    month = newest.replace(day=1)
    for _ in range(MONTHS):
        # The last day of the month before is scored, and assessed in the night of the 3rd.
        nights |= {month - timedelta(days=1): MONTHLY_JOBS[:1], month: MONTHLY_JOBS}
        month = (month - timedelta(days=1)).replace(day=1)
    # The last day of the newest month is computed whole, as packs and other things of months end with it;
    # so are the days as of which stars are assessed.
    nights[newest.replace(day=1) - timedelta(days=1)] = ()
    nights |= {(newest - timedelta(days=days)).replace(day=3): () for days in (0, 31, 62)}
    nights |= {newest - timedelta(days=days): () for days in (*EARLIER_NIGHTS, 0)}
    return sorted(nights.items())


def _night_begins(as_of: date) -> date:
    """Return the Pacific day whose night computes an as-of day (T+2)."""
    return as_of + timedelta(days=platform_time.DELAY_DAYS)


def _run_nights(nights: Iterable[tuple[date, tuple[str, ...]]], tell: Tell) -> None:
    for as_of, jobs in nights:
        computed = NightRun.objects.filter(as_of=as_of, state=RunState.COMPLETE)
        if computed.exists():
            continue
        at = platform_time.start_of(_night_begins(as_of)) + timedelta(hours=1)
        with lived_at(at.isoformat()):
            run = run_inline(run_id=night_start(as_of=as_of, jobs=jobs, reason="demo").pk)
        if run.state != RunState.COMPLETE:
            errors = [error for error in run.jobs.values_list("error", flat=True) if error]
            raise DemoFailed(f"the night of {as_of} is {run.state}: {errors[:1]}")
        tell(f"night: as of {as_of}")
