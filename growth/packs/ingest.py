"""The ingest kind `packs` (09-contract): task packs as upstream describes them (K-15, GRO-6)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from growth.choices import PackEdition
from growth.services.pack_writing import CREATED, REJECTED, UNCHANGED, UPDATED, packs_write
from portal.ingest.columns import Choice, Code, Day, Int, Json, Text
from portal.ingest.kinds import IngestKind, Outcome, Row, register


@register
class PackKind(IngestKind):
    """Packs by their code; a missing column leaves what is stored, an empty cell clears it.

    A metric, field or comparison nobody knows is refused with the nearest name and its place. What
    shops have claimed changes in its words alone (`growth.services.pack_writing`).
    """

    name = "packs"
    label = _("task packs")
    key = ("code",)
    columns = (
        Code("code", max_length=60, example="company-strength-2022-08"),
        Text("title_en", max_length=120, example="Company strength"),
        Text("title_zh", max_length=120, optional=True, example="企业实力储备"),
        Json(
            "audience",
            shape=list,
            optional=True,
            example='[{"field": "membership", "op": "eq", "value": "verified"}]',
        ),
        Day("opens_on", example="2022-08-01"),
        Day("closes_on", example="2022-08-31"),
        Day("frozen_on", optional=True, example=""),
        Json(
            "tasks",
            shape=list,
            example='[{"key": "card", "metric": "ext.strength_card_set", "op": "gte", "value": 1}]',
        ),
        Json(
            "rewards",
            shape=list,
            optional=True,
            example='[{"kind": "tool_coupon", "title_en": "Publishing tool", "choices": ["A", "B"]}]',
        ),
        Int("quota", optional=True, least=1, example="1000"),
        Text("rules_en", max_length=20_000, optional=True, example="All tasks are needed."),
        Text("rules_zh", max_length=20_000, optional=True, example="需完成所有任务。"),
        Choice("edition", choices=PackEdition.values, optional=True, example="verified"),
    )

    def apply(self, rows: list[Row]) -> Outcome:
        """Write a chunk through the service."""
        written = packs_write(rows=[row.values for row in rows], actor=self.actor)
        states = [result.state for result in written]
        return Outcome(
            created=states.count(CREATED),
            updated=states.count(UPDATED),
            unchanged=states.count(UNCHANGED),
            rejections=[
                row.reject(name, text)
                for row, result in zip(rows, written, strict=True)
                if result.state == REJECTED
                for name, text in result.errors
            ],
        )
