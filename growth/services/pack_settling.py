"""Settling a task pack: who is rewarded once its last day has been counted (GRO-7, GRO-8).

Everything is done once, in one transaction under the pack's row lock: outcomes, places, grants and notices.
Whoever comes second finds the pack settled and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Count
from django.urls import reverse

from growth.choices import ClaimOutcome, RewardKind, RewardStatus
from growth.models import Pack, PackClaim, PackReward
from growth.packs.notices import pack_title, rewards_text, tell
from growth.packs.rules import PACKS, months_end
from portal import platform_time
from portal.choices import SellerStatus
from portal.nightly.ledger import published
from portal.nightly.registry import adapt_params
from portal.platform_time import end_of
from portal.scoping import unscoped
from portal.services import audit
from portal.services.notices import NoticeDraft

AT_ONCE = (RewardKind.SHOWCASE_SLOTS, RewardKind.PROGRAMME_PLACE)
"""Rewards that take effect by themselves when they are granted; coupons are used by hand."""


@dataclass(frozen=True)
class Settlement:
    """How a pack ended: claims by outcome, and the rewards granted."""

    rewarded: int = 0
    failed: int = 0
    quota_spent: int = 0
    grants: int = 0

    @property
    def claims(self) -> int:
        """Claims that got an outcome."""
        return self.rewarded + self.failed + self.quota_spent


def pack_settle(*, pack: Pack, as_of: date) -> Settlement | None:
    """Fix what became of every claim, grant the rewards and tell the shops, once (GRO-7, GRO-8).

    What counts is the state as of the last day, and nothing later. Places go by the start of the complete
    run, then by the time of the claim. Returns None, having changed nothing, when `as_of` lies before the
    last day, when `growth.packs` has not published that very day, or when the pack is settled.
    """
    with unscoped(), transaction.atomic():
        current = Pack.objects.select_for_update().get(pk=pack.pk)
        if as_of < current.closes_on or not is_counted(current):
            return None
        now = platform_time.now()
        unsettled = Pack.objects.filter(pk=current.pk, settled_at__isnull=True)
        if not unsettled.update(settled_at=now):
            return None
        _fix_outcomes(current)
        grants = sum(_grant(reward, now) for reward in current.rewards.all())
        settlement = Settlement(**_counts(current), grants=grants)
        audit.record(action="pack.settle", actor=None, obj=current, after=dict(vars(settlement)))
        tell(_drafts(current))
        return settlement


def is_counted(pack: Pack) -> bool:
    """Tell whether the pack's last day itself has been published: the day before says nothing of it."""
    return published(PACKS).filter(as_of=pack.closes_on).exists()


# --- Outcomes -----------------------------------------------------------------------------------


def _fix_outcomes(pack: Pack) -> None:
    _execute(
        OUTCOMES,
        {
            "pack": pack.pk,
            "last_day": pack.closes_on,
            "ends": end_of(pack.closes_on),
            "quota": pack.quota,
            "has_quota": pack.quota is not None,
            "closed": SellerStatus.CLOSED.value,
            **{outcome.value: outcome.value for outcome in ClaimOutcome},
        },
    )


# Shops that were closed meanwhile take no place.
OUTCOMES = """
UPDATE growth_packclaim SET complete_since = f.complete_since, outcome = CASE
    WHEN f.place IS NULL THEN %(failed)s
    WHEN %(has_quota)s AND f.place > %(quota)s THEN %(quota_spent)s
    ELSE %(rewarded)s END
FROM (
    SELECT c.id, p.complete_since, CASE WHEN p.id IS NOT NULL THEN ROW_NUMBER() OVER (
        PARTITION BY p.id IS NULL ORDER BY p.complete_since, c.claimed_at, c.id) END AS place
    FROM growth_packclaim c
    JOIN portal_seller s ON s.id = c.seller_id
    LEFT JOIN growth_packstanding p ON p.seller_id = c.seller_id AND p.pack_id = c.pack_id
        AND p.valid_from <= %(last_day)s AND p.valid_to >= %(last_day)s
        AND p.complete_since IS NOT NULL AND s.status <> %(closed)s
    WHERE c.pack_id = %(pack)s AND c.outcome = '' AND c.claimed_at < %(ends)s
) f
WHERE growth_packclaim.id = f.id
"""


def _counts(pack: Pack) -> dict[str, int]:
    rows = PackClaim.objects.filter(pack=pack).order_by().values_list("outcome")
    return {outcome: number for outcome, number in rows.annotate(number=Count("pk")) if outcome}


# --- Rewards ------------------------------------------------------------------------------------


def _grant(reward: PackReward, now: datetime) -> int:
    """Grant one reward to every rewarded claim of its pack; return how many."""
    at_once = reward.kind in AT_ONCE
    return _execute(
        GRANTS,
        {
            "pack": reward.pack_id,
            "reward": reward.pk,
            "rewarded": ClaimOutcome.REWARDED.value,
            "status": (RewardStatus.USED if at_once else RewardStatus.GRANTED).value,
            "granted_at": now,
            "usable_until": months_end(now, reward.usable_months),
            "used_at": now if at_once else None,
            "valid_until": months_end(now, reward.valid_months) if at_once else None,
        },
    )


GRANTS = """
INSERT INTO growth_rewardgrant (claim_id, reward_id, seller_id, status, granted_at, usable_until,
    choice, used_at, valid_until, voucher)
SELECT c.id, %(reward)s, c.seller_id, %(status)s, %(granted_at)s, %(usable_until)s,
    '', %(used_at)s, %(valid_until)s, ''
FROM growth_packclaim c
WHERE c.pack_id = %(pack)s AND c.outcome = %(rewarded)s
ORDER BY c.id
ON CONFLICT (claim_id, reward_id) DO NOTHING
"""


def _execute(sql: str, params: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, adapt_params(connection, params))
        return max(0, cursor.rowcount)


# --- Telling ------------------------------------------------------------------------------------


def _drafts(pack: Pack) -> Iterator[NoticeDraft]:
    """Yield what each shop that claimed is told; one that gets nothing is told why."""
    title = pack_title(pack)
    rewards = rewards_text(list(pack.rewards.all()))
    link = reverse("growth:pack", args=[pack.code])
    claims = PackClaim.objects.filter(pack=pack).exclude(outcome="").order_by("pk")
    for seller, outcome in claims.values_list("seller_id", "outcome").iterator():
        if outcome != ClaimOutcome.REWARDED:
            yield NoticeDraft(
                kind="pack_not_rewarded",
                key=f"pack_settled:{pack.code}:{seller}",
                params={"pack": title, "outcome": ClaimOutcome(outcome).label},
                link=link,
                seller_id=seller,
            )
        elif rewards:
            yield NoticeDraft(
                kind="pack_reward_granted",
                key=f"pack_settled:{pack.code}:{seller}",
                params={"pack": title, "reward": rewards},
                link=reverse("growth:rewards"),
                seller_id=seller,
            )
