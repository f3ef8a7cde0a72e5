"""`growth.assess`: fixes the star of a month on its 5th, as of its 3rd (GRO-2, GRO-12).

An assessment is written once, in the night of the 5th or, caught up, any later one, and never changed: not
by facts that come late, not when its day is computed again. It becomes the shop's assessed star unless
upstream names that itself, or a later month has been assessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from growth.guide.schema import GUIDE
from growth.models import StarAssessment
from growth.models.stars import STAR_PAYLOAD
from growth.nightly.stages import STAGES
from growth.stars.metrics import STARS
from growth.webhook_events import stars_assessed_publish
from portal import platform_time
from portal.nightly import ledger
from portal.nightly.export import register_standing
from portal.nightly.plans import seller_ranges
from portal.nightly.registry import ShardContext, job
from portal.services.notices import NoticeDraft
from portal.services.rulebooks import rulebooks_published
from portal.services.shops import STAR_FROM_UPSTREAM
from rfq.nightly.telling import tell

ASSESS = "growth.assess"
AS_OF = 3
"""Day of the month whose figures decide; shown, and so assessed, two days later: on the 5th."""
ASSESSED_ON = AS_OF + platform_time.DELAY_DAYS


def newest_assessed_day(day: date) -> date:
    """Return the newest 3rd of a month that is not after a day."""
    if day.day >= AS_OF:
        return day.replace(day=AS_OF)
    return (day.replace(day=1) - timedelta(days=1)).replace(day=AS_OF)


def first_edition_of_guide() -> date:
    """Return the day from which on shops that open have core tasks to do; none ever: the last day."""
    return min((book.effective_from for book in rulebooks_published(GUIDE)), default=date.max)


@job(
    ASSESS,
    app="growth",
    needs=(STARS, STAGES),
    shards=seller_ranges,
    lasting=_("Stars assessed stay as they were assessed."),
)
def assess(ctx: ShardContext) -> None:
    """Write the assessments of the newest month that are not written yet, and tell the shops.

    A night computes a day two days before its own, so that of the 5th is the first to find the 3rd.
    """
    day = newest_assessed_day(ctx.as_of)
    if not ledger.published(STARS).filter(as_of=day).exists():
        return
    now = platform_time.now()
    params = {
        **ctx.params,
        "as_of": day,
        "night": ctx.as_of,
        "month": day.replace(day=1),
        "guided_since": first_edition_of_guide(),
        "today": platform_time.day_of(now),
        "fixed_at": now,
        "flag": STAR_FROM_UPSTREAM,
    }
    fixed = max(0, ctx.execute(FIX, params).rowcount)
    if fixed:
        ctx.execute(APPLY, params)
        _tell(ctx, day.replace(day=1), now)
    ctx.rows_written += fixed


# The mark counts from being there, not from its day: a night that is caught up, or lived before the feed
# came, must not take a star away that upstream has named. A shop that had not opened by the day has no star
# to assess. Without a standing of the guide nothing tells that its core tasks were ever done.
FIX = """
INSERT INTO growth_starassessment (seller_id, month, as_of, night, rulebook, trade, product, marketing,
    guarantee, trade_bonus, marketing_bonus, star, awaits_core_tasks, applied, fixed_at)
SELECT f.seller_id, %(month)s, %(as_of)s, %(night)s, f.rulebook, f.trade, f.product, f.marketing,
    f.guarantee, f.trade_bonus, f.marketing_bonus, CASE WHEN f.awaits THEN 0 ELSE f.star END,
    f.awaits, f.applied, %(fixed_at)s
FROM (
    SELECT s.*, p.opened_on >= %(guided_since)s AND g.core_done_on IS NULL AS awaits,
        NOT EXISTS (SELECT 1 FROM portal_sellerflag x WHERE x.seller_id = p.id
            AND x.code = %(flag)s AND (x.until IS NULL OR x.until >= %(today)s))
        AND NOT EXISTS (SELECT 1 FROM growth_starassessment a WHERE a.seller_id = p.id
            AND a.month > %(month)s) AS applied
    FROM growth_starstanding s JOIN portal_seller p ON p.id = s.seller_id
    LEFT JOIN growth_stagestanding g ON g.seller_id = s.seller_id
        AND g.valid_from <= %(as_of)s AND g.valid_to >= %(as_of)s
    WHERE s.valid_from <= %(as_of)s AND s.valid_to >= %(as_of)s
        AND s.seller_id BETWEEN %(lo)s AND %(hi)s AND p.opened_on <= %(as_of)s
) f
ORDER BY f.seller_id
ON CONFLICT (seller_id, month) DO NOTHING
"""

# In the same transaction: what was written just now has its instant.
APPLY = """
UPDATE portal_seller SET assessed_star = a.star FROM growth_starassessment a
WHERE a.seller_id = portal_seller.id AND a.month = %(month)s AND a.fixed_at = %(fixed_at)s
    AND a.applied AND a.seller_id BETWEEN %(lo)s AND %(hi)s
    AND portal_seller.assessed_star <> a.star
"""


# --- Telling ------------------------------------------------------------------------------------


def _tell(ctx: ShardContext, month: date, fixed_at: datetime) -> None:
    """Tell each shop and its webhooks its star once, and why it stays 0 while core tasks are open."""
    fixed = StarAssessment.objects.filter(
        month=month,
        fixed_at=fixed_at,
        applied=True,
        seller_id__gte=ctx.params["lo"],
        seller_id__lte=ctx.params["hi"],
    ).order_by("seller_id")
    stars_assessed_publish(fixed)
    ctx.rows_written += tell(
        NoticeDraft(
            kind="star_awaits_core_tasks" if awaits else "star_assessed",
            key=f"star_assessed:{seller}:{month:%Y-%m}",
            params={"star": star, "month": month.replace(day=ASSESSED_ON), "day": as_of},
            link=reverse("growth:star"),
            seller_id=seller,
        )
        for seller, star, awaits, as_of in fixed.values_list(
            "seller_id", "star", "awaits_core_tasks", "as_of"
        ).iterator()
    )


# --- Export -------------------------------------------------------------------------------------


def assessment_rows(as_of: date) -> Iterator[dict[str, Any]]:
    """Yield the assessments of the newest month that was due by a day."""
    month = newest_assessed_day(as_of).replace(day=1)
    rows = StarAssessment.objects.filter(month=month).order_by()
    exported = (*STAR_PAYLOAD, "awaits_core_tasks")
    for seller, *values in rows.values_list("seller__member_id", *exported).iterator():
        yield {
            "seller": seller,
            "month": f"{month:%Y-%m}",
            **dict(zip(exported, values, strict=True)),
        }


register_standing("growth", "star_assessments", assessment_rows, job=ASSESS)
