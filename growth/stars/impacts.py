"""Whom a draft of star rules would touch (K-16); registered with the kernel.

The night's own statement judges every shop under the draft, from the metric values of the newest published
day, and is compared with the stored stars inside the database: no query per seller, no list in memory.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from growth.choices import Power
from growth.stars.impact_sql import GROUPS, compared
from growth.stars.page import power_name
from growth.stars.reading import star_day
from growth.stars.schema import STAR, StarRules
from growth.stars.texts import points_number
from portal.models import Rulebook
from portal.rule_comparison import Comparison
from portal.rule_impact import RuleImpact, Text, register_impact
from portal.services.rulebooks import rulebook_for


def star_impact(draft: Rulebook) -> RuleImpact | None:
    """Return what a draft does to the sellers of the newest published day; none before the first."""
    day = star_day()
    if day is None:
        return None
    return Comparison(
        as_of=day,
        before=rulebook_for(STAR, day).version,
        compared=compared(day, StarRules.model_validate(draft.content)),
        groups=GROUPS,
        columns=[f"{when}_{name}" for name in ("star", *Power.values) for when in ("old", "new")],
        order="new_star - old_star",
        cells=_cells,
    ).impact(
        labels=_group_labels(),
        heads=(
            _("Member id"),
            _("Seller"),
            _("Star now"),
            _("Star under the draft"),
            *(power_name(key) for key in Power.values),
        ),
        notes=(
            _(
                "Predicted stars are compared, from the numbers of that day; numbers that no "
                "published rules have read are there as well, because every night counts all of them."
            ),
        ),
    )


def _cells(member_id: str, name: str, old: int, new: int, *points: Any) -> tuple[Text, ...]:
    pairs = zip(points[::2], points[1::2], strict=True)
    return member_id, name, str(old), str(new), *(_change(*pair) for pair in pairs)


def _change(old: Any, new: Any) -> str:
    before, after = points_number(_points(old)), points_number(_points(new))
    return before if before == after else f"{before} → {after}"


def _points(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


def _group_labels() -> dict[str, Text]:
    gains = {f"{key}_gain": _("%(power)s rises") for key in Power.values}
    losses = {f"{key}_lose": _("%(power)s falls") for key in Power.values}
    return {
        "all": _("All sellers"),
        "up": _("More stars"),
        "down": _("Fewer stars"),
        **{
            key: text % {"power": power_name(key.rpartition("_")[0])}
            for key, text in (gains | losses).items()
        },
    }


register_impact(STAR, star_impact)
