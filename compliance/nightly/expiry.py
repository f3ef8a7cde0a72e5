"""`compliance.expiry`: names certificates expired, warns of those that will be, and of what waits (EPR-12, EPR-7)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from compliance.services.review_notices import expiring_tell, overdue_tell
from compliance.services.reviews import certificates_expire
from portal import platform_time
from portal.nightly.registry import ShardContext, job

EXPIRY = "compliance.expiry"


@job(
    EXPIRY,
    app="compliance",
    lasting=_("Certificates that have expired stay expired; warnings sent are not sent again."),
)
def expiry(ctx: ShardContext) -> None:
    """End what is over and tell of what ends within 90, 30 and 7 days and of reviews that are overdue.

    Everything here is about now, whichever day the night computes, and is done once: the gate has
    closed at the instant anyway.
    """
    now = platform_time.now()
    ctx.rows_written += certificates_expire(now=now)
    ctx.rows_written += expiring_tell(now=now)
    ctx.rows_written += overdue_tell(now=now)
