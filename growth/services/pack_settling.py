"""Settling task packs: who is rewarded once their last day has been counted (GRO-7, GRO-8).

Everything is done once, in one transaction under the packs' row locks: outcomes, places, grants and notices.
Whoever comes second finds them settled and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Count
from django.urls import reverse

from growth.choices import ClaimOutcome, RewardKind, RewardStatus
from growth.models import Pack, PackClaim, RewardGrant
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


def packs_settle(*, as_of: date, only: Pack | None = None) -> dict[int, Settlement]:
    """Fix what became of every claim, grant the rewards and tell the shops, once (GRO-7, GRO-8).

    Settles the published packs, or `only` one, whose last day is at or before `as_of` and was published by
    `growth.packs` itself; returns their settlements by primary key. What counts is the state as of the last
    day, and nothing later. Places go by the start of the complete run, then by the time of the claim. The
    same statements whatever the number of packs, and some for each thousand shops told.
    """
    with unscoped(), transaction.atomic():
        due = _due(as_of, only)
        if not due:
            return {}
        now = platform_time.now()
        keys = [pack.pk for pack in due]
        Pack.objects.filter(pk__in=keys).update(settled_at=now)
        _fix_outcomes(due)
        _grant(due, now)
        settled = _settlements(keys)
        audit.record_many(
            audit.entry(
                action="pack.settle", actor=None, obj=pack, after=dict(vars(settled[pack.pk]))
            )
            for pack in due
        )
        tell(_drafts(due))
        return settled


def pack_settle(*, pack: Pack, as_of: date) -> Settlement | None:
    """Settle one pack as `packs_settle` does; None, having changed nothing, when it is not due or settled."""
    return packs_settle(as_of=as_of, only=pack).get(pack.pk)


def _due(as_of: date, only: Pack | None) -> list[Pack]:
    """Return the packs to settle with their rows locked: whoever comes second finds none of them."""
    packs = Pack.objects.filter(
        settled_at__isnull=True,
        closes_on__lte=as_of,
        closes_on__in=published(PACKS).values("as_of"),
    )
    packs = packs.filter(published=True) if only is None else packs.filter(pk=only.pk)
    locked = packs.select_for_update(of=("self",)).prefetch_related("rewards")
    return list(locked.order_by("closes_on", "pk"))


def is_counted(pack: Pack) -> bool:
    """Tell whether the pack's last day itself has been published: the day before says nothing of it."""
    return published(PACKS).filter(as_of=pack.closes_on).exists()


# --- Outcomes -----------------------------------------------------------------------------------


def _fix_outcomes(packs: Sequence[Pack]) -> None:
    rows, params = _rows((pack.pk, end_of(pack.closes_on)) for pack in packs)
    params |= {"closed": SellerStatus.CLOSED.value}
    params |= {outcome.value: outcome.value for outcome in ClaimOutcome}
    _execute(OUTCOMES.format(due=rows), params)


# Shops that were closed meanwhile take no place.
OUTCOMES = """
UPDATE growth_packclaim SET complete_since = f.complete_since, outcome = CASE
    WHEN f.place IS NULL THEN %(failed)s
    WHEN f.place > f.quota THEN %(quota_spent)s
    ELSE %(rewarded)s END
FROM (
    SELECT c.id, p.complete_since, k.quota, CASE WHEN p.id IS NOT NULL THEN ROW_NUMBER() OVER (
        PARTITION BY c.pack_id, p.id IS NULL ORDER BY p.complete_since, c.claimed_at, c.id
        ) END AS place
    FROM growth_packclaim c
    JOIN (SELECT column1 AS pack_id, column2 AS ends FROM (VALUES {due}) listed) d
        ON d.pack_id = c.pack_id
    JOIN growth_pack k ON k.id = c.pack_id
    JOIN portal_seller s ON s.id = c.seller_id
    LEFT JOIN growth_packstanding p ON p.seller_id = c.seller_id AND p.pack_id = c.pack_id
        AND p.valid_from <= k.closes_on AND p.valid_to >= k.closes_on
        AND p.complete_since IS NOT NULL AND s.status <> %(closed)s
    WHERE c.outcome = '' AND c.claimed_at < d.ends
) f
WHERE growth_packclaim.id = f.id
"""


def _settlements(packs: Sequence[int]) -> dict[int, Settlement]:
    found: dict[int, dict[str, int]] = {pack: {} for pack in packs}
    claims = PackClaim.objects.filter(pack__in=packs).exclude(outcome="").order_by()
    counted = claims.values_list("pack", "outcome").annotate(number=Count("pk"))
    for pack, outcome, number in counted:
        found[pack][outcome] = number
    grants = RewardGrant.objects.filter(claim__pack__in=packs).order_by()
    for pack, number in grants.values_list("claim__pack").annotate(number=Count("pk")):
        found[pack]["grants"] = number
    return {pack: Settlement(**numbers) for pack, numbers in found.items()}


# --- Rewards ------------------------------------------------------------------------------------


def _grant(packs: Sequence[Pack], now: datetime) -> None:
    """Grant every reward of the packs to every claim rewarded."""
    rewards = [reward for pack in packs for reward in pack.rewards.all()]
    if not rewards:
        return
    rows, params = _rows(
        (
            place,
            reward.pk,
            months_end(now, reward.usable_months),
            months_end(now, reward.valid_months),
            int(reward.kind in AT_ONCE),
        )
        for place, reward in enumerate(rewards)
    )
    params |= {
        "rewarded": ClaimOutcome.REWARDED.value,
        "granted": RewardStatus.GRANTED.value,
        "used": RewardStatus.USED.value,
        "now": now,
    }
    _execute(GRANTS.format(rewards=rows), params)


GRANTS = """
INSERT INTO growth_rewardgrant (claim_id, reward_id, seller_id, status, granted_at, usable_until,
    choice, used_at, valid_until, voucher)
SELECT c.id, t.reward_id, c.seller_id, CASE WHEN t.at_once = 1 THEN %(used)s ELSE %(granted)s END,
    %(now)s, t.usable_until, '', CASE WHEN t.at_once = 1 THEN %(now)s END,
    CASE WHEN t.at_once = 1 THEN t.valid_until END, ''
FROM (
    SELECT column1 AS place, column2 AS reward_id, column3 AS usable_until, column4 AS valid_until,
        column5 AS at_once
    FROM (VALUES {rewards}) listed
) t
JOIN growth_packreward r ON r.id = t.reward_id
JOIN growth_packclaim c ON c.pack_id = r.pack_id
WHERE c.outcome = %(rewarded)s
ORDER BY t.place, c.id
ON CONFLICT (claim_id, reward_id) DO NOTHING
"""


def _rows(rows: Iterable[tuple[Any, ...]]) -> tuple[str, dict[str, Any]]:
    """Return the rows of a list of values with their parameters."""
    params: dict[str, Any] = {}
    listed = []
    for row in rows:
        names = [f"v{len(params) + place}" for place in range(len(row))]
        params |= dict(zip(names, row, strict=True))
        listed.append(f"({', '.join(f'%({name})s' for name in names)})")
    return ", ".join(listed), params


def _execute(sql: str, params: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, adapt_params(connection, params))


# --- Telling ------------------------------------------------------------------------------------


def _drafts(packs: Sequence[Pack]) -> Iterator[NoticeDraft]:
    """Yield what each shop that claimed is told; one that gets nothing is told why."""
    words = {pack.pk: (pack, rewards_text(list(pack.rewards.all()))) for pack in packs}
    claims = PackClaim.objects.filter(pack__in=words).exclude(outcome="").order_by("pk")
    for key, seller, outcome in claims.values_list("pack", "seller", "outcome").iterator():
        pack, rewards = words[key]
        if outcome != ClaimOutcome.REWARDED:
            yield NoticeDraft(
                kind="pack_not_rewarded",
                key=f"pack_settled:{pack.code}:{seller}",
                params={"pack": pack_title(pack), "outcome": ClaimOutcome(outcome).label},
                link=reverse("growth:pack", args=[pack.code]),
                seller_id=seller,
            )
        elif rewards:
            yield NoticeDraft(
                kind="pack_reward_granted",
                key=f"pack_settled:{pack.code}:{seller}",
                params={"pack": pack_title(pack), "reward": rewards},
                link=reverse("growth:rewards"),
                seller_id=seller,
            )
