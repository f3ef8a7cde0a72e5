"""Closing shops by penalties, and opening them again when what closed them is taken back (CMP-6, CMP-8).

Why a shop is closed is kept as effects: one of a violation whose rung closes it, or one `by_points` on
the violation whose points reached the limit. While none holds, penalties do not keep it closed. Points
that run out open nothing: the shop stays closed until staff open it. Staff who open it by hand end all of
these, so that nothing taken back later changes what they decided. Callers hold the shop's row.
"""

from __future__ import annotations

from datetime import datetime

from compliance.choices import EffectKind
from compliance.models import PenaltyEffect, Violation
from compliance.services.penalties import STANDING, points_sum, rules_on, still_holding
from portal import platform_time
from portal.choices import SellerStatus
from portal.models import Seller, User
from portal.scoping import unscoped
from portal.services import audit
from portal.services.shops import on_reopening, seller_status_by_rule


def closings(seller_id: int, now: datetime) -> list[PenaltyEffect]:
    """Return what keeps a shop closed, oldest first."""
    effects = PenaltyEffect.objects.filter(
        violation__seller_id=seller_id, kind=EffectKind.SHOP_CLOSED
    )
    return list(still_holding(effects, now).select_related("violation"))


def status_to_remember(seller: Seller, now: datetime) -> str:
    """Return what a shop goes back to when a closing that starts now is taken back.

    Its status; of one that penalties have closed already what they remember; nothing when others
    closed it.
    """
    if seller.status != SellerStatus.CLOSED:
        return str(seller.status)
    return next((one.status_before for one in closings(seller.pk, now)), "")


def close_if_due(
    *, seller: Seller, violation: Violation, remembered: str, closes_at: int, actor: User | None
) -> bool:
    """Close the shop when the new violation's rung or the sum of points says so; tell whether it does."""
    now = violation.penalised_at
    holding = closings(seller.pk, now)
    if points_sum(seller.pk, now) >= closes_at and not any(
        one.by_points or one.violation_id == violation.pk for one in holding
    ):
        holding.append(_close_by_points(violation, now, remembered))
    if not holding or seller.status == SellerStatus.CLOSED:
        return False
    seller_status_by_rule(
        seller=seller,
        status=SellerStatus.CLOSED,
        actor=actor,
        reason=f"violation {violation.pk}",
    )
    return True


def _close_by_points(violation: Violation, now: datetime, remembered: str) -> PenaltyEffect:
    return PenaltyEffect.objects.create(
        violation=violation,
        kind=EffectKind.SHOP_CLOSED,
        starts_at=now,
        by_points=True,
        status_before=remembered,
    )


def reopen_if_due(
    *, seller: Seller, before: list[PenaltyEffect], actor: User | None, now: datetime
) -> bool:
    """Open the shop when nothing that closed it stands any more; return whether it was opened.

    `before` is what kept it closed before something was taken back. A sum that still reaches the
    limit goes on closing it, whatever closed it first.
    """
    if not before:
        return False
    holding = closings(seller.pk, now)
    remembered = before[0].status_before
    closes_at = rules_on(platform_time.day_of(now)).closes_at
    if points_sum(seller.pk, now) < closes_at:
        ended = [one.pk for one in holding if one.by_points]
        PenaltyEffect.objects.filter(pk__in=ended).update(ends_at=now)
        holding = [one for one in holding if not one.by_points]
    elif not holding:
        newest = Violation.objects.filter(STANDING, seller=seller, points__gt=0).latest("pk")
        holding = [_close_by_points(newest, now, remembered)]
    if holding or not remembered or seller.status != SellerStatus.CLOSED:
        return False
    seller_status_by_rule(
        seller=seller, status=remembered, actor=actor, reason="what closed it was overturned"
    )
    return True


@on_reopening
def reopened_by_staff(*, actor: User, seller: Seller) -> None:
    """Give up every reason to keep a shop closed that staff opened by hand."""
    now = platform_time.now()
    with unscoped():
        given_up = closings(seller.pk, now)
        PenaltyEffect.objects.filter(pk__in=[one.pk for one in given_up]).update(ends_at=now)
        audit.record_many(
            audit.entry(
                action="penalty_effect.end",
                actor=actor,
                obj=one,
                before={"ends_at": one.ends_at},
                after={"ends_at": now},
                reason="the shop was opened by hand",
            )
            for one in given_up
        )
