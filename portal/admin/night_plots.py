"""How long nights took: plots with their tables (NGT-6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from portal.charts import Number, Point, line_plot
from portal.models import NightRun
from portal.nightly import watch
from portal.templatetags.portal_ui import number_text

PLOTTED_NIGHTS = 60
PLOTTED_NIGHTS_PER_JOB = 30


def seconds_text(value: Number) -> str:
    """Write seconds with as many decimals as they are worth: 0.25, 3.4, 118."""
    amount = Decimal(str(value))
    return number_text(amount, 0 if amount >= 10 or not amount else 1 if amount >= 1 else 2)


@dataclass(frozen=True)
class JobDurations:
    """One job over past nights, in seconds its shards took; `share` is of the last night, in percent."""

    job: str
    last: float
    usual: float
    longest: float
    share: int
    plot: SafeString


def whole_nights(runs: Sequence[NightRun]) -> SafeString:
    """Plot by the clock how long nights took; nothing for fewer than two."""
    took = [(run.as_of, watch.wall_seconds(run)) for run in runs]
    points = [Point(day, round(seconds, 2)) for day, seconds in took if seconds is not None]
    if len(points) < 2:
        return SafeString("")
    return line_plot(
        points,
        title=_("Duration of past nights, in seconds"),
        value_label=_("Seconds"),
        text=seconds_text,
    )


def nights_by_job(runs: Sequence[NightRun]) -> list[JobDurations]:
    """Return a plot per job, the job that took longest in the last night first; one query."""
    found = watch.seconds_by_job(runs)
    last_day = runs[-1].as_of if runs else None
    total = sum(days.get(last_day, 0.0) for days in found.values()) if last_day else 0.0
    rows = []
    for job, days in found.items():
        last = days.get(last_day, 0.0) if last_day else 0.0
        points = [Point(day, round(seconds, 2)) for day, seconds in sorted(days.items())]
        rows.append(
            JobDurations(
                job=job,
                last=last,
                usual=median(days.values()),
                longest=max(days.values()),
                share=round(100 * last / total) if total else 0,
                plot=line_plot(points, title=job, value_label=_("Seconds"), text=seconds_text),
            )
        )
    return sorted(rows, key=lambda row: (-row.last, row.job))
