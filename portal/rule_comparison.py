"""All sellers under the rules in force and under a draft, compared inside the database (K-16).

A module says how one select finds both figures of every seller, usually with the night's own statement
under the draft; what is counted, listed and cut into pages is the same for all: no query per seller, and
no list in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection, transaction

from portal.nightly.plans import HIGHEST_KEY
from portal.nightly.registry import adapt_params
from portal.nightly.statement import Statement
from portal.rule_impact import ImpactGroup, RuleImpact, Text

TIMEOUT = "55s"
"""A preview may take longer than other pages; the workers' own limit is a minute."""
BATCH = 2000
EVERYBODY = {"lo": 0, "hi": HIGHEST_KEY}
"""The shard of a night's statement that holds every seller."""


@dataclass(frozen=True)
class Comparison:
    """The stored figures of a day, made under the rules named `before`, against those of a draft.

    `compared` selects a row per seller: its `seller_id`, and whatever the others name. `groups` are
    conditions on such a row, by key; the first one holds for every seller. Of a group the `columns` are
    listed by `order`, then by member id; `cells` makes of member id, name and columns what is shown.
    """

    as_of: date
    before: str
    compared: Statement
    groups: Mapping[str, str]
    columns: Sequence[str]
    order: str
    cells: Callable[..., tuple[Text, ...]]

    def impact(
        self, *, labels: Mapping[str, Text], heads: Sequence[Text], notes: Sequence[Text]
    ) -> RuleImpact:
        """Count every group in one statement; `labels` name the groups, `heads` the cells."""
        with transaction.atomic():
            numbers = next(_fetched(self._counts()))
        counts = dict(zip(self.groups, map(int, numbers), strict=True))
        return RuleImpact(
            as_of=self.as_of,
            before=self.before,
            sellers=next(iter(counts.values())),
            groups=tuple(ImpactGroup(key, labels[key], counts[key]) for key in self.groups),
            heads=tuple(heads),
            rows=self.rows,
            notes=tuple(notes),
        )

    def rows(self, group: str, start: int, stop: int | None) -> Iterator[tuple[Text, ...]]:
        """Yield the sellers of a group from position `start` up to `stop`, or to the end."""
        with transaction.atomic():
            for row in _fetched(self._listed(group, start, stop)):
                yield self.cells(*row)

    def _counts(self) -> Statement:
        counted = ", ".join(
            f"COALESCE(SUM(CASE WHEN {condition} THEN 1 ELSE 0 END), 0)"
            for condition in self.groups.values()
        )
        return Statement(f"SELECT {counted} FROM ({self.compared.sql}) c", self.compared.params)

    def _listed(self, group: str, start: int, stop: int | None) -> Statement:
        limit = "" if stop is None else "LIMIT %(limit)s OFFSET %(start)s"
        page = {} if stop is None else {"start": start, "limit": stop - start}
        sql = (
            f"SELECT s.member_id, s.name_en, {', '.join(self.columns)} "
            f"FROM ({self.compared.sql}) c JOIN portal_seller s ON s.id = c.seller_id "
            f"WHERE {self.groups[group]} ORDER BY {self.order}, s.member_id {limit}"
        )
        return Statement(sql, self.compared.params | page)


def _fetched(statement: Statement) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [TIMEOUT])
        cursor.execute(statement.sql, adapt_params(connection, statement.params))
        while rows := cursor.fetchmany(BATCH):
            yield from rows
