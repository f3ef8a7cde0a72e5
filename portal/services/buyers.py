"""What a seller sees of a buyer's tier (K-10, K-11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from portal import platform_time
from portal.models import Buyer, Seller
from portal.rulebook_schemas import BadgeAudience, BuyerLabels
from portal.services.rulebooks import RulebookMissing, rulebook_for
from portal.shop_flags import flags_of

MODULE = "portal.buyer_labels"


@dataclass(frozen=True)
class BadgeViewer:
    """What the rules ask about a seller: membership, assessed star and the flags in force."""

    membership: str
    assessed_star: int
    flags: frozenset[str] = frozenset()


def buyer_badge(
    *, labels: BuyerLabels, tier: str, tier_since: date | None, viewer: BadgeViewer, day: date
) -> str | None:
    """Return what the viewer sees of a buyer's tier on a Pacific day; none for L0 (K-11). Pure.

    A tier counts from the day it began.
    """
    if labels.scheme != "tiers" or (tier_since is not None and day < tier_since):
        return None
    for view in labels.views:
        if _concerns(view.audience, viewer):
            return {str(name): badge for name, badge in view.shows.items()}.get(tier)
    return None


def _concerns(audience: BadgeAudience, viewer: BadgeViewer) -> bool:
    return (
        audience.membership in (None, viewer.membership)
        and viewer.assessed_star >= audience.assessed_star_min
        and (audience.flag is None or audience.flag in viewer.flags)
    )


def buyer_badges(
    *, seller: Seller, buyers: Iterable[Buyer], day: date | None = None
) -> dict[int, str | None]:
    """Return badges by buyer primary key for one seller, in two queries however many buyers (K-11).

    `day` is the platform's today unless given.
    """
    buyers = list(buyers)
    tiers = [(buyer.tier, buyer.tier_since) for buyer in buyers]
    badges = tier_badges(seller=seller, tiers=tiers, day=day)
    return {buyer.pk: badge for buyer, badge in zip(buyers, badges, strict=True)}


def tier_badges(
    *, seller: Seller, tiers: Iterable[tuple[str, date | None]], day: date | None = None
) -> list[str | None]:
    """Return the badges of tiers and the days they began, one by one, as `buyer_badges` does."""
    day = day or platform_time.today()
    try:
        labels: BuyerLabels = rulebook_for(MODULE, day).content
    except RulebookMissing:
        return [None for _tier in tiers]
    viewer = badge_viewer(seller=seller, day=day)
    return [
        buyer_badge(labels=labels, tier=tier, tier_since=since, viewer=viewer, day=day)
        for tier, since in tiers
    ]


def badge_viewer(*, seller: Seller, day: date) -> BadgeViewer:
    """Return what the badge rules ask about a seller on a Pacific day; one query."""
    return BadgeViewer(seller.membership, seller.assessed_star, flags_of(seller.pk, day))


def badges_shown(*, seller: Seller, day: date | None = None) -> dict[str, str]:
    """Return tier → badge as one seller sees them, without the tiers that show nothing (K-11).

    Two queries. For lists that narrow or order by the badge: nothing in them may tell more of a
    tier than the badge does.
    """
    day = day or platform_time.today()
    try:
        labels: BuyerLabels = rulebook_for(MODULE, day).content
    except RulebookMissing:
        return {}
    if labels.scheme != "tiers":
        return {}
    viewer = badge_viewer(seller=seller, day=day)
    views = (view for view in labels.views if _concerns(view.audience, viewer))
    return {str(tier): badge for view in [*views][:1] for tier, badge in view.shows.items()}


def with_badge(
    shown: Mapping[str, str], *, day: date, badge: str = "", prefix: str = "buyer__"
) -> Q:
    """Return the condition that a buyer shows a badge, or any badge at all (K-11).

    `shown` comes from `badges_shown`; `prefix` leads from the row to its buyer.
    """
    tiers = [tier for tier, text in shown.items() if badge in ("", text)]
    began = Q(**{f"{prefix}tier_since__isnull": True}) | Q(**{f"{prefix}tier_since__lte": day})
    return Q(**{f"{prefix}tier__in": tiers}) & began
