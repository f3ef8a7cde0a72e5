"""Whom a draft of the diagnosis would touch (K-16); registered with the kernel.

Everything is compared inside the database: no query per seller, and no list in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from growth.diagnosis.impact_sql import GROUPS, Statement, impact_counts, impact_rows
from growth.diagnosis.reading import diagnosis_day
from growth.diagnosis.schema import DIAGNOSIS, DiagnosisRules
from portal.models import Rulebook
from portal.nightly.registry import adapt_params
from portal.rule_impact import ImpactGroup, RuleImpact, Text, register_impact
from portal.services.rulebooks import rulebook_for
from portal.templatetags.portal_ui import number_text

TIMEOUT = "55s"
"""A preview may take longer than other pages; the workers' own limit is a minute."""
BATCH = 2000


def diagnosis_impact(draft: Rulebook) -> RuleImpact | None:
    """Return what a draft does to the sellers of the newest published day; none before the first."""
    day = diagnosis_day()
    if day is None:
        return None
    rules = DiagnosisRules.model_validate(draft.content)
    return _Comparison(day, rulebook_for(DIAGNOSIS, day).version, rules).impact()


@dataclass(frozen=True)
class _Comparison:
    """The stored growth scores of a day against those of a draft."""

    day: date
    before: str
    draft: DiagnosisRules

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
                _("Growth score now"),
                _("Growth score under the draft"),
                _("Suggestions now"),
                _("Suggestions under the draft"),
            ),
            rows=self.rows,
            notes=(
                _(
                    "Benchmarks are taken anew from the numbers of that day, also those of metrics "
                    "that the rules in force do not compare."
                ),
            ),
        )

    def rows(self, group: str, start: int, stop: int | None) -> Iterator[tuple[Text, ...]]:
        """Yield the sellers of a group, the greatest loss first, then by member id."""
        statement = impact_rows(self.day, self.draft, group=group, start=start, stop=stop)
        with transaction.atomic():
            for member_id, name, old, new, before, after in _rows(statement):
                yield member_id, name, _score(old), _score(new), str(before), str(after)


def _score(hundredths: int | None) -> str:
    return "–" if hundredths is None else number_text(Decimal(hundredths) / 100, 2)


def _rows(statement: Statement) -> Iterator[tuple[Any, ...]]:
    sql, params = statement
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [TIMEOUT])
        cursor.execute(sql, adapt_params(connection, params))
        while rows := cursor.fetchmany(BATCH):
            yield from rows


def _group_labels() -> dict[str, Text]:
    return {
        "all": _("All sellers"),
        "gain": _("Higher growth score"),
        "lose": _("Lower growth score"),
        "more": _("More suggestions"),
        "fewer": _("Fewer suggestions"),
        "scored": _("Get a growth score"),
        "unscored": _("Lose their growth score"),
    }


register_impact(DIAGNOSIS, diagnosis_impact)
