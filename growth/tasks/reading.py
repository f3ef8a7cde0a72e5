"""How far a shop is with its tasks, for pages and the API (GRO-4, GRO-5).

One reading for the guide, packs and the star page: the values the night counted, judged by the same rule
that the night keeps as `TaskDone`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from django.urls import NoReverseMatch

from growth.choices import Operator
from growth.shop_values import shop_values
from growth.tasks.rules import TaskRule
from portal.addresses import reverse
from portal.metrics import metric_empty
from portal.models import Seller

Number = int | str
"""A number in an answer: whole ones as integers, others as decimal text."""


class AnyTask(Protocol):
    """What is read of a task: of an edition of the guide, or of a pack (`gain` where it has one)."""

    @property
    def key(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def op(self) -> str: ...
    @property
    def value(self) -> Any: ...
    @property
    def title(self) -> str: ...
    @property
    def guide(self) -> str: ...
    @property
    def page(self) -> str: ...


@dataclass(frozen=True)
class TaskProgress:
    """One task of one shop: `value` against `target`; `url` is where it is done, or empty.

    `value` is none where nobody has said anything yet; `target` is a list for `in`.
    """

    key: str
    title: str
    value: Decimal | None
    target: Decimal | list[Decimal]
    op: str
    done: bool
    gain: str = ""
    guide: str = ""
    url: str = ""

    @property
    def countable(self) -> bool:
        """Tell whether "41 of 50" says it: something is to be reached, and more than once."""
        return (
            not isinstance(self.target, list)
            and self.op in (Operator.GTE, Operator.GT, Operator.EQ)
            and self.target > 1
        )

    @property
    def reached(self) -> Decimal:
        """The value as progress: nothing said is nothing done."""
        return self.value or Decimal(0)


def task_progress(seller: Seller, tasks: Iterable[AnyTask], as_of: date) -> list[TaskProgress]:
    """Return the tasks with what the shop has reached as of a day (GRO-4).

    One query for all tasks. `as_of` is a day `growth.tasks` has published: its metrics have been, too.
    """
    listed = list(tasks)
    values = shop_values(seller, (task.metric for task in listed), as_of)
    return [
        progress_of(task, values.get(task.metric, metric_empty(task.metric))) for task in listed
    ]


def progress_of(task: AnyTask, value: Decimal | None) -> TaskProgress:
    """Return a task with a value of its metric; none is no value."""
    rule = TaskRule.of({"metric": task.metric, "op": task.op, "value": task.value})
    return TaskProgress(
        key=task.key,
        title=task.title,
        value=value,
        target=list(rule.target) if rule.op == Operator.IN else rule.target[0],
        op=rule.op,
        done=rule.holds(value),
        gain=getattr(task, "gain", ""),
        guide=task.guide,
        url=page_url(task.page),
    )


def page_url(page: str) -> str:
    """Return the address of a page named like `listings:themes?kind=rts`; empty when there is none.

    Addresses that begin with https:// stay as they are.
    """
    if page.startswith("https://"):
        return page
    name, mark, query = page.partition("?")
    if not name:
        return ""
    try:
        return f"{reverse(name)}{mark}{query}"
    except NoReverseMatch:
        return ""


def number_json(value: Decimal | None) -> Number | None:
    """Return a value for an answer: `41`, `"74.5"`, or none."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else f"{value.normalize():f}"


def target_json(target: Decimal | list[Decimal]) -> Number | list[Number | None] | None:
    """Return a target for an answer; a list for `in`."""
    if isinstance(target, list):
        return [number_json(one) for one in target]
    return number_json(target)
