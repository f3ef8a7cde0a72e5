"""`rfq.expiry`: ends RFQs whose time is over, warns of rights that end, proves the ledger (RFQ-1, RFQ-9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.nightly.days import endings_to_warn_of, night_day
from portal.nightly.operators import operators
from portal.nightly.registry import ShardContext, job
from portal.services.notices import NoticeDraft, notice_send
from rfq.models import RightLot
from rfq.nightly.grants import GRANTS
from rfq.nightly.telling import by_seller, rights_text, tell
from rfq.services.rfqs import rfqs_expire
from rfq.services.rights_check import rights_reconcile

EXPIRY = "rfq.expiry"


@job(
    EXPIRY,
    app="rfq",
    needs=(GRANTS,),
    lasting=_("RFQs that have ended stay ended; warnings sent are not sent again."),
)
def expiry(ctx: ShardContext) -> None:
    """End RFQs, warn of rights about to end and report lots that the ledger does not explain.

    Everything here is about today, whichever day the night computes, and is done once.
    """
    ctx.rows_written += rfqs_expire(now=platform_time.now())
    ctx.rows_written += tell(_warnings(ctx))
    _report_mismatches(ctx)


def _warnings(ctx: ShardContext) -> Iterator[NoticeDraft]:
    """Yield a notice per shop and last day, 7 days and 1 day before it; a lot that is used up warns of nothing.

    Unlimited rights leave nothing unused behind, so they are not spoken of.
    """
    today = night_day(ctx.as_of)
    for last, warning in endings_to_warn_of(ctx.as_of, ctx.previous_day).items():
        lots = RightLot.objects.filter(
            left__gte=1,
            granted_at__lte=platform_time.now(),
            expires_at__gt=platform_time.start_of(last),
            expires_at__lte=platform_time.end_of(last),
        )
        for seller, amounts in by_seller(lots):
            yield NoticeDraft(
                kind="entitlement_expiring",
                key=f"entitlement_expiring:{seller}:{last.isoformat()}:{warning}",
                params={
                    "rights": rights_text(amounts),
                    "day": last,
                    "days": (last - today).days,
                },
                link=reverse("rfq:rights"),
                seller_id=seller,
            )


def _report_mismatches(ctx: ShardContext) -> None:
    """Tell operators, once a day, of lots that disagree with their ledger rows (RFQ-9)."""
    found = rights_reconcile()
    if not found:
        return
    params: dict[str, Any] = {"count": len(found), "first": str(found[0])}
    ctx.rows_written += notice_send(
        kind="rights_mismatch",
        key=f"rights_mismatch:{night_day(ctx.as_of).isoformat()}",
        params=params,
        users=operators(),
    )
