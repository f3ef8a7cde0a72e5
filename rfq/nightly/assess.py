"""`rfq.assess`: fixes the score of a month's last day, which decides the next month's rights (RFQ-18).

An assessment is written once, on the 3rd of the month after, and never changed: not by facts that
come late, not when its day is computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.choices import Membership
from portal.nightly import ledger
from portal.nightly.days import night_day
from portal.nightly.export import register_standing
from portal.nightly.plans import seller_ranges
from portal.nightly.registry import ShardContext, job
from portal.services.rulebooks import RulebookMissing, rulebook_for
from rfq.models import Assessment
from rfq.nightly.score import SCORES
from rfq.score.schema import SCORE, UNLIMITED, Amount, QuotesBack, Reward, ScoreRules
from rfq.webhook_events import scores_assessed_publish

ASSESS = "rfq.assess"
FIXED_ON = 3
"""Day of the month on which the month before is fixed (T+2 of its last day)."""


def newest_month_end(day: date) -> date:
    """Return the newest last day of a month that is not after a day."""
    if (day + timedelta(days=1)).day == 1:
        return day
    return day.replace(day=1) - timedelta(days=1)


def month_to_fix(as_of: date) -> date | None:
    """Return the month's end this night fixes, or none when it is too early or has no scores."""
    month_end = newest_month_end(as_of)
    if night_day(as_of) < month_end + timedelta(days=FIXED_ON):
        return None
    if not ledger.published(SCORES).filter(as_of=month_end).exists():
        return None
    return month_end


@job(
    ASSESS,
    app="rfq",
    needs=(SCORES,),
    shards=seller_ranges,
    lasting=_("Assessments of past months keep their score and their rights."),
)
def assess(ctx: ShardContext) -> None:
    """Write the assessments of the newest month's end that are not written yet, and tell webhooks (RFQ-18).

    Rights follow from the rulebook of that day, and from the shop's membership and star now.
    """
    month_end = month_to_fix(ctx.as_of)
    if month_end is None:
        return
    try:
        rules = rulebook_for(SCORE, month_end).content
    except RulebookMissing:
        return  # before the first rules: no scores either
    rewards = RewardSql(rules)
    fixed_at = platform_time.now()
    cursor = ctx.execute(
        FIX.format(
            quote=rewards.quote(),
            gold=rewards.gold(),
            fast_lane=rewards.of(lambda reward: reward.fast_lane),
            pin=rewards.of(lambda reward: reward.pin),
            early_access=rewards.early_access(),
        ),
        {
            **ctx.params,
            **rewards.params,
            "month_end": month_end,
            "fixed_at": fixed_at,
        },
    )
    fixed = max(0, cursor.rowcount)
    if fixed:
        sellers = Q(seller_id__gte=ctx.params["lo"], seller_id__lte=ctx.params["hi"])
        scores_assessed_publish(month_end, fixed_at, sellers)
    ctx.rows_written += fixed


FIX = """
INSERT INTO rfq_assessment (seller_id, as_of, rulebook, total, quotes, gmv, quote_rights,
    gold_rights, fast_lane_rights, pin_rights, early_access, marketing_bonus, fixed_at)
SELECT s.seller_id, %(month_end)s, s.rulebook, s.total, s.quotes, s.gmv, {quote},
    {gold}, {fast_lane}, {pin}, {early_access}, s.marketing_bonus, %(fixed_at)s
FROM rfq_servicescore s JOIN portal_seller p ON p.id = s.seller_id
WHERE s.valid_from <= %(month_end)s AND s.valid_to >= %(month_end)s
    AND s.seller_id BETWEEN %(lo)s AND %(hi)s
ON CONFLICT (seller_id, as_of) DO NOTHING
"""


class RewardSql:
    """The rewards of a rulebook compiled to SQL over `s` (a score) and `p` (its seller).

    `rfq.score.rules.rewards_for` says the same of one seller; tests hold the two equal.
    """

    def __init__(self, rules: ScoreRules) -> None:
        self.rules = rules
        self.params: dict[str, Any] = {"verified": Membership.VERIFIED.value}

    def param(self, value: int) -> str:
        """Pass a whole number as a parameter; return its place in the statement."""
        name = f"r{len(self.params)}"
        self.params[name] = value
        return f"%({name})s"

    def amount(self, amount: Amount) -> str:
        """Return an amount; null is unlimited."""
        return "NULL" if amount == UNLIMITED else self.param(amount)

    def of(self, choose: Callable[[Reward], Amount]) -> str:
        """Return what the total's reward gives; 0 below the last one."""
        return self._case(lambda reward: self.amount(choose(reward)))

    def _case(self, value: Callable[[Reward], str], otherwise: str = "0") -> str:
        whens = " ".join(
            f"WHEN s.total >= {self.param(reward.from_score)} THEN {value(reward)}"
            for reward in self.rules.rewards
        )
        return f"CASE {whens} ELSE {otherwise} END"

    def quote(self) -> str:
        """Return the quote rights; some depend on the quotes of the month (RFQ-20)."""

        def rights(reward: Reward) -> str:
            if not isinstance(reward.quote, QuotesBack):
                return self.amount(reward.quote)
            least, most = self.param(reward.quote.least), self.param(reward.quote.most)
            return (
                f"CASE WHEN s.quotes > {most} THEN {most} "
                f"WHEN s.quotes < {least} THEN {least} ELSE s.quotes END"
            )

        return self._case(rights)

    def gold(self) -> str:
        """Return the gold rights of those who may quote gold RFQs at all (RFQ-5, RFQ-21, RFQ-22)."""
        verified = self.of(lambda reward: reward.gold_verified)
        star = self.rules.gold_access.basic_star_min
        basic = "0"
        if star is not None:
            rights = self.of(lambda reward: reward.gold_basic)
            basic = f"CASE WHEN p.assessed_star >= {self.param(star)} THEN {rights} ELSE 0 END"
        return f"CASE WHEN p.membership = %(verified)s THEN {verified} ELSE {basic} END"

    def early_access(self) -> str:
        """Return whether silver RFQs are open early."""
        return self._case(lambda reward: "TRUE" if reward.early_access else "FALSE", "FALSE")


# --- Export -------------------------------------------------------------------------------------

EXPORTED = (
    "rulebook",
    "total",
    "quotes",
    "gmv",
    "quote_rights",
    "gold_rights",
    "fast_lane_rights",
    "pin_rights",
    "early_access",
    "marketing_bonus",
)


def assessment_rows(as_of: date) -> Iterator[dict[str, Any]]:
    """Yield the assessments of the newest month's end up to a day."""
    month_end = newest_month_end(as_of)
    rows = Assessment.objects.filter(as_of=month_end).order_by()
    for seller, *values in rows.values_list("seller__member_id", *EXPORTED).iterator():
        yield {
            "seller": seller,
            "month": f"{month_end:%Y-%m}",
            **dict(zip(EXPORTED, values, strict=True)),
        }


register_standing("rfq", "assessments", assessment_rows, job=ASSESS)
