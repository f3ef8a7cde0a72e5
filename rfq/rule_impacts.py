"""Whom a draft of score rules would touch (K-16); registered with the kernel.

Everything is compared inside the database: no query per seller, and no list in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from portal.models import Rulebook
from portal.nightly.registry import adapt_params
from portal.rule_impact import ImpactGroup, RuleImpact, Text, register_impact
from portal.services.rulebooks import RulebookInForce, rulebook_for
from rfq.nightly.score_sql import Statement
from rfq.rulebook_schemas import SCORE, ScoreRules
from rfq.score_impact_sql import GROUPS, NO_ROW, impact_counts, impact_rows
from rfq.score_reading import score_day
from rfq.score_texts import signed, yes_no

TIMEOUT = "55s"
"""A preview may take longer than other pages; the workers' own limit is a minute."""
BATCH = 2000


def score_impact(draft: Rulebook) -> RuleImpact | None:
    """Return what a draft does to the sellers of the newest published day; none before the first."""
    day = score_day()
    if day is None:
        return None
    rules = ScoreRules.model_validate(draft.content)
    return _Comparison(day, rulebook_for(SCORE, day), rules).impact()


@dataclass(frozen=True)
class _Comparison:
    """The stored scores of a day against those of a draft."""

    day: date
    before: RulebookInForce
    draft: ScoreRules

    def impact(self) -> RuleImpact:
        """Count every group in one statement."""
        with transaction.atomic():
            numbers = next(_rows(impact_counts(self.day, self.before.content, self.draft)))
        counts = dict(zip(GROUPS, map(int, numbers), strict=True))
        labels = _group_labels()
        return RuleImpact(
            as_of=self.day,
            before=self.before.version,
            sellers=counts["all"],
            groups=tuple(ImpactGroup(key, labels[key], counts[key]) for key in GROUPS),
            heads=_heads(),
            rows=self.rows,
            notes=(
                _(
                    "Counted anew from the facts of that day with the draft's own windows and hours, "
                    "and ranked anew; nothing is estimated."
                ),
                _(
                    "Predicted scores are compared. The bonus of verified sellers is judged by the "
                    "draft's condition on the month before."
                ),
            ),
        )

    def rows(self, group: str, start: int, stop: int | None) -> Iterator[tuple[Text, ...]]:
        """Yield the sellers of a group, the greatest loss first, then by member id."""
        statement = impact_rows(
            self.day, self.before.content, self.draft, group=group, start=start, stop=stop
        )
        with transaction.atomic():
            for member_id, name, old, new, old_row, new_row, old_early, new_early in _rows(
                statement
            ):
                yield (
                    member_id,
                    name,
                    str(old),
                    str(new),
                    signed(new - old),
                    _row_name(old_row),
                    _row_name(new_row),
                    yes_no(bool(old_early)),
                    yes_no(bool(new_early)),
                )


def _rows(statement: Statement) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [TIMEOUT])
        cursor.execute(statement.sql, adapt_params(connection, statement.params))
        while rows := cursor.fetchmany(BATCH):
            yield from rows


def _group_labels() -> dict[str, Text]:
    return {
        "all": _("All sellers"),
        "up": _("Higher row of the rewards"),
        "down": _("Lower row of the rewards"),
        "gain": _("Gain points"),
        "lose": _("Lose points"),
        "early": _("Get early access"),
        "not_early": _("Lose early access"),
    }


def _heads() -> tuple[Text, ...]:
    return (
        _("Member id"),
        _("Seller"),
        _("Score now"),
        _("Score under the draft"),
        _("Difference"),
        _("Reward row now"),
        _("Reward row under the draft"),
        _("Early access now"),
        _("Early access under the draft"),
    )


def _row_name(start: int) -> str:
    return "–" if start == NO_ROW else _("from %(score)s") % {"score": start}


register_impact(SCORE, score_impact)
