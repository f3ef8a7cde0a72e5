"""`rfq.grants`: turns assessments into rights, on the grant days of their rulebook (RFQ-10).

What the rulebook of the assessed day says is granted in equal parts, the larger first. Each part is a
lot with its own key and ends with the month, so a night that runs again, late or twice grants nothing
twice; and what was due in a month that is over is not made up.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.nightly.days import night_day
from portal.nightly.plans import seller_ranges
from portal.nightly.registry import ShardContext, job
from portal.services.notices import NoticeDraft
from portal.services.rulebooks import RulebookMissing, rulebook_for
from rfq.choices import GrantSource, RightKind
from rfq.models import RightLot
from rfq.nightly.assess import ASSESS
from rfq.nightly.telling import by_seller, rights_text, tell
from rfq.score.schema import SCORE, ScoreRules
from rfq.services.rights import month_end

GRANTS = "rfq.grants"


@job(
    GRANTS,
    app="rfq",
    needs=(ASSESS,),
    shards=seller_ranges,
    lasting=_("Rights granted stay; nothing is granted twice."),
)
def grants(ctx: ShardContext) -> None:
    """Grant what is due of this month's rights and not granted yet, and tell the shops (RFQ-10).

    Due are the parts of every grant day of the month up to today: an assessment that comes late
    brings them all at once.
    """
    today = night_day(ctx.as_of)
    assessed = today.replace(day=1) - timedelta(days=1)
    try:
        rules = rulebook_for(SCORE, assessed).content
    except RulebookMissing:
        return
    due = [part for part, day in enumerate(rules.grant_days) if day <= today.day]
    if not due:
        return
    now = platform_time.now()
    params = {
        **ctx.params,
        "assessed": assessed,
        "source": GrantSource.SERVICE_SCORE.value,
        "granted_at": now,
        "expires_at": month_end(platform_time.start_of(today)),
        "key_month": f":{today:%Y-%m}:",
    }
    ctx.execute(lots_sql(rules, due), params)
    granted = ctx.execute(LEDGER, params).rowcount
    ctx.rows_written += max(0, granted)
    if granted:
        _tell(ctx, now, params["expires_at"], rules.grant_days[due[-1]])


def lots_sql(rules: ScoreRules, due: list[int]) -> str:
    """Return the statement that writes the lots of the parts that are due (counted from 0).

    Part i of n of an amount is ceil((amount − i) / n); unlimited rights come whole with the first.
    """
    number = len(rules.grant_days)
    parts = " UNION ALL ".join(
        f"SELECT a.seller_id, '{kind}' AS kind, a.{kind}_rights IS NULL AS unlimited, "
        f"(a.{kind}_rights + {number - 1 - part}) / {number} AS amount, {part + 1} AS part "
        "FROM rfq_assessment a WHERE a.as_of = %(assessed)s "
        "AND a.seller_id BETWEEN %(lo)s AND %(hi)s"
        for kind in RightKind.values
        for part in due
    )
    return LOTS.format(parts=parts)


LOTS = """
INSERT INTO rfq_rightlot (seller_id, kind, source, amount, "left", granted_at, expires_at, key, note)
SELECT p.seller_id, p.kind, %(source)s, p.amount, p.amount, %(granted_at)s, %(expires_at)s,
    'score:' || s.member_id || %(key_month)s || p.kind || ':' || CAST(p.part AS VARCHAR(2)), ''
FROM ({parts}) p JOIN portal_seller s ON s.id = p.seller_id
WHERE s.status <> 'closed' AND ((p.unlimited AND p.part = 1) OR p.amount >= 1)
ORDER BY p.seller_id
ON CONFLICT (key) DO NOTHING
"""

# In the same transaction, so a lot of the month without its row is one that was just written.
LEDGER = """
INSERT INTO rfq_rightentry (lot_id, seller_id, kind, source, delta, at, expires_at, key)
SELECT l.id, l.seller_id, l.kind, l.source, l.amount, l.granted_at, l.expires_at, 'grant:' || l.key
FROM rfq_rightlot l
WHERE l.expires_at = %(expires_at)s AND l.source = %(source)s AND l.granted_at = %(granted_at)s
    AND l.seller_id BETWEEN %(lo)s AND %(hi)s
    AND NOT EXISTS (SELECT 1 FROM rfq_rightentry e WHERE e.key = 'grant:' || l.key)
ORDER BY l.id
ON CONFLICT (key) DO NOTHING
"""

# --- Telling ------------------------------------------------------------------------------------


def _tell(ctx: ShardContext, now: datetime, expires_at: datetime, grant_day: int) -> None:
    """Tell each shop once per grant day what it was granted."""
    last = platform_time.day_of(expires_at) - timedelta(days=1)
    lots = RightLot.objects.filter(
        source=GrantSource.SERVICE_SCORE,
        expires_at=expires_at,
        granted_at=now,
        seller_id__gte=ctx.params["lo"],
        seller_id__lte=ctx.params["hi"],
    )
    drafts = (
        NoticeDraft(
            kind="entitlement_granted",
            key=f"entitlement_granted:{seller}:{last:%Y-%m}:{grant_day}",
            params={
                "rights": rights_text(amounts),
                "source": GrantSource.SERVICE_SCORE.label,
                "expires": last,
            },
            link=reverse("rfq:rights"),
            seller_id=seller,
        )
        for seller, amounts in by_seller(lots)
    )
    ctx.rows_written += tell(drafts)
