"""`growth.programmes`: what is over ends, what is automatic begins, owners are told of ends (GRO-17, GRO-18)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from growth.services.enrolment_nights import (
    automatic_follow,
    dependents_expire,
    ending_tell,
    enrolments_expire,
    steps_missed_end,
)
from portal import platform_time
from portal.metrics import DERIVED, FINAL, PLAIN
from portal.nightly.registry import ShardContext, job

PROGRAMMES = "growth.programmes"


@job(
    PROGRAMMES,
    app="growth",
    needs=(PLAIN, DERIVED, FINAL),
    lasting=_("Enrolments that have begun or ended stay so; notices sent are not sent again."),
)
def programmes(ctx: ShardContext) -> None:
    """Bring enrolments up to date.

    Everything here is about today, whichever day the night computes, and is done once. It comes after
    all metrics, which automatic conditions may name.
    """
    now = platform_time.now()
    ctx.rows_written += enrolments_expire(now=now)
    ctx.rows_written += steps_missed_end(now=now)
    ctx.rows_written += automatic_follow(now=now)
    ctx.rows_written += dependents_expire(now=now)
    ctx.rows_written += ending_tell(now=now)
