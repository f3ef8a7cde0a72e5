"""Numbers that only task packs ask about, and whom packs rewarded, as a field of audiences (GRO-5, GRO-9)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from growth.choices import ClaimOutcome, ProgrammeKind, RewardKind, RewardStatus
from growth.models import Pack, PackClaim
from growth.programmes.metrics import programmes_of_kind
from portal import platform_time
from portal.audience import AudienceField, FieldType, Values, register_audience_field
from portal.metrics import Query, metric
from portal.models import Seller
from portal.platform_time import end_of

STRONG, STRONG_SHOWN = "ext.strong_products", "ext.strong_products_in_showcase"


@metric(
    "growth.strong_products_outside_showcase",
    # Translators: 未放入橱窗的实力优品数
    title=_("Strong products outside the showcase"),
    app="growth",
    empty=None,
    about=_("Strong products that no showcase slot shows; nothing while there are none."),
)
def strong_products_outside_showcase(as_of: date) -> Query:
    """Strong products less those in the showcase, as upstream last said; no value without any."""
    newest = (
        "SELECT x.seller_id, x.value FROM portal_externalmetric x WHERE x.{sellers} "
        "AND x.metric = %({name})s AND x.day = (SELECT MAX(y.day) FROM portal_externalmetric y "
        "WHERE y.seller_id = x.seller_id AND y.metric = x.metric AND y.day <= %(as_of)s)"
    )
    strong, shown = (newest.replace("{name}", name) for name in ("strong", "shown"))
    return Query(
        "SELECT a.seller_id, CASE WHEN a.value > COALESCE(b.value, 0) "
        "THEN a.value - COALESCE(b.value, 0) ELSE 0 END AS value "
        f"FROM ({strong}) a LEFT JOIN ({shown}) b ON b.seller_id = a.seller_id WHERE a.value > 0",
        {"as_of": as_of, "strong": STRONG, "shown": STRONG_SHOWN},
    )


@metric(
    "growth.exclusive_channels",
    # Translators: 已入驻专属频道数
    title=_("Exclusive channels entered"),
    app="growth",
    about=_("Channels such as Find-factory in which the shop is enrolled at the end of the day."),
)
def exclusive_channels(as_of: date) -> Query:
    """Distinct channels a shop is enrolled in on the day (GRO-9)."""
    return programmes_of_kind(ProgrammeKind.CHANNEL, as_of)


@metric(
    "growth.showcase_groups_won",
    # Translators: 任务包赠送的橱窗组数
    title=_("Showcase slots from task packs"),
    app="growth",
    about=_("Showcase resources that task packs gave and that held at the end of the day."),
)
def showcase_groups_won(as_of: date) -> Query:
    """Showcase resources granted by packs that hold at the end of the day (GRO-8)."""
    return Query(
        "SELECT g.seller_id, SUM(r.amount) AS value FROM growth_rewardgrant g "
        "JOIN growth_packreward r ON r.id = g.reward_id AND r.kind = %(showcase)s "
        "WHERE g.seller_id BETWEEN %(lo)s AND %(hi)s AND g.status = %(used)s "
        "AND g.used_at < %(ends)s AND g.valid_until >= %(ends)s GROUP BY g.seller_id",
        {
            "ends": end_of(as_of),
            "showcase": RewardKind.SHOWCASE_SLOTS.value,
            "used": RewardStatus.USED.value,
        },
    )


# --- Audiences ----------------------------------------------------------------------------------


def _rewarded(sellers: QuerySet[Seller], day: date) -> Values:
    """Packs that rewarded each shop by the end of the day."""
    found: dict[int, set[str]] = {pk: set() for pk in sellers.values_list("pk", flat=True)}
    claims = PackClaim.objects.filter(
        outcome=ClaimOutcome.REWARDED,
        pack__settled_at__lt=platform_time.end_of(day),
        seller__in=sellers.order_by().values("pk"),
    )
    for seller_id, code in claims.order_by().values_list("seller_id", "pack__code"):
        found[seller_id].add(code)
    return found


def _codes() -> Iterable[str]:
    return Pack.objects.values_list("code", flat=True)


def _names(codes: Collection[str]) -> Mapping[str, Any]:
    return {pack.code: pack.title for pack in Pack.objects.filter(code__in=codes)}


register_audience_field(
    AudienceField(
        "rewarded_pack",
        FieldType.MANY,
        _rewarded,
        _codes,
        # Translators: 已完成的任务包
        _("Rewarded by the task pack"),
        _names,
    )
)
