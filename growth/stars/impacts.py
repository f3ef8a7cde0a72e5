"""Whom a draft of star rules would touch (K-16); registered with the kernel.

The night's own statement judges every shop under the draft, from the metric values of the newest published
day, and is compared with the stored stars inside the database: no query per seller, no list in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from growth.choices import Power
from growth.nightly.star_sql import Statement
from growth.stars.impact_sql import GROUPS, impact_counts, impact_rows
from growth.stars.page import power_name
from growth.stars.reading import star_day
from growth.stars.schema import STAR, StarRules
from growth.stars.texts import points_number
from portal.models import Rulebook
from portal.nightly.registry import adapt_params
from portal.rule_impact import ImpactGroup, RuleImpact, Text, register_impact
from portal.services.rulebooks import rulebook_for

TIMEOUT = "55s"
"""A preview may take longer than other pages; the workers' own limit is a minute."""
BATCH = 2000


def star_impact(draft: Rulebook) -> RuleImpact | None:
    """Return what a draft does to the sellers of the newest published day; none before the first."""
    day = star_day()
    if day is None:
        return None
    return _Comparison(
        day, rulebook_for(STAR, day).version, StarRules.model_validate(draft.content)
    ).impact()


@dataclass(frozen=True)
class _Comparison:
    """The stored stars of a day against those of a draft."""

    day: date
    before: str
    draft: StarRules

    def impact(self) -> RuleImpact:
        """Count every group in one statement."""
        with transaction.atomic():
            numbers = next(_rows(impact_counts(self.day, self.draft)))
        counts = dict(zip(GROUPS, map(int, numbers), strict=True))
        labels = _group_labels()
        return RuleImpact(
            as_of=self.day,
            before=self.before,
            sellers=counts["all"],
            groups=tuple(ImpactGroup(key, labels[key], counts[key]) for key in GROUPS),
            heads=(
                _("Member id"),
                _("Seller"),
                _("Star now"),
                _("Star under the draft"),
                *(power_name(key) for key in Power.values),
            ),
            rows=self.rows,
            notes=(
                _(
                    "Predicted stars are compared, from the numbers of that day; numbers that no "
                    "published rules have read are there as well, because every night counts all of them."
                ),
            ),
        )

    def rows(self, group: str, start: int, stop: int | None) -> Iterator[tuple[Text, ...]]:
        """Yield the sellers of a group, the greatest loss of stars first, then by member id."""
        statement = impact_rows(self.day, self.draft, group=group, start=start, stop=stop)
        with transaction.atomic():
            for member_id, name, old, new, *points in _rows(statement):
                pairs = zip(points[::2], points[1::2], strict=True)
                yield member_id, name, str(old), str(new), *(_change(*pair) for pair in pairs)


def _change(old: Any, new: Any) -> str:
    before, after = points_number(_points(old)), points_number(_points(new))
    return before if before == after else f"{before} → {after}"


def _points(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


def _rows(statement: Statement) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [TIMEOUT])
        cursor.execute(statement.sql, adapt_params(connection, statement.params))
        while rows := cursor.fetchmany(BATCH):
            yield from rows


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
