"""Tasks as rules on metrics (GRO-5): one definition for stages, packs and diagnosis; pure.

A rule is a metric, a comparison and a target. Its `code` is canonical text: the same rule in several
packs is one standing (`TaskDone`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from growth.choices import Operator
from portal.audience import condition_holds
from portal.metrics import metric_empty


def _number(value: Any) -> Decimal:
    return Decimal(str(value))


def _text(value: Decimal) -> str:
    return f"{value.normalize():f}"


@dataclass(frozen=True)
class TaskRule:
    """`metric op target`; the target is one number, or several for `in`."""

    metric: str
    op: str
    target: tuple[Decimal, ...]

    @classmethod
    def of(cls, task: Mapping[str, Any]) -> TaskRule:
        """Build a rule from `{metric, op, value}`, whose value is a number or a list of numbers."""
        value = task["value"]
        values = value if isinstance(value, list) else [value]
        return cls(task["metric"], task["op"], tuple(_number(one) for one in values))

    @property
    def code(self) -> str:
        """Canonical text: `ext.videos gte 1`."""
        return f"{self.metric} {self.op} {'|'.join(_text(one) for one in self.target)}"

    def holds(self, value: Decimal | None) -> bool:
        """Tell whether a value fulfils the rule; a seller without a value fulfils only `ne`."""
        target = list(self.target) if self.op == Operator.IN else self.target[0]
        return condition_holds({"op": self.op, "value": target}, value)

    @property
    def holds_without_row(self) -> bool:
        """Tell whether sellers whom the metric does not name fulfil the rule."""
        return self.holds(metric_empty(self.metric))
