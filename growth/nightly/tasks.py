"""`growth.tasks`: which shops fulfil which task rules as of a day, and since when (GRO-5, NGT-2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from growth.guide.schema import GUIDE
from growth.models import PackTask, TaskDone
from growth.nightly.tasks_sql import done_select
from growth.tasks.rules import TaskRule
from portal.metrics import DERIVED, FINAL, PLAIN
from portal.nightly.export import register_standing
from portal.nightly.plans import seller_ranges
from portal.nightly.registry import ShardContext, job
from portal.nightly.standings import add_to_new_set, new_set, stage_new_set
from portal.services.rulebooks import RulebookMissing, rulebook_for

TASKS = "growth.tasks"


def rules_of_day(day: date) -> list[TaskRule]:
    """Return every distinct rule asked about on a day, by code (GRO-5).

    Those of the guide in force and of the published packs whose window holds the day. Two small
    queries.
    """
    try:
        rules = list(rulebook_for(GUIDE, day).content.rules)
    except RulebookMissing:
        rules = []
    asked = PackTask.objects.filter(
        pack__published=True, pack__opens_on__lte=day, pack__closes_on__gte=day
    )
    rules += [TaskRule.of(task) for task in asked.order_by().values("metric", "op", "value")]
    distinct = {rule.code: rule for rule in rules}
    return [distinct[code] for code in sorted(distinct)]


@job(
    TASKS,
    app="growth",
    needs=(PLAIN, DERIVED, FINAL),
    shards=seller_ranges,
    standings=(TaskDone,),
    rulebook_modules=(GUIDE,),
)
def tasks(ctx: ShardContext) -> None:
    """Stage the rules the shops of a range fulfil; the same statements whatever their number."""
    rules = rules_of_day(ctx.as_of)
    with new_set(ctx, TaskDone):
        if rules:
            sql, params = done_select(rules, ctx.as_of, ctx.previous_day)
            add_to_new_set(ctx, TaskDone, sql, {**params, **ctx.params})
        stage_new_set(
            ctx,
            TaskDone,
            ctx.params,
            scope_sql="s.seller_id BETWEEN %(lo)s AND %(hi)s",
            keys_unique=True,
        )


# --- Export -------------------------------------------------------------------------------------


def done_rows(as_of: date) -> Iterator[dict[str, Any]]:
    """Yield the fulfilled rules as of a day by external ids."""
    rows = TaskDone.objects.as_of(as_of).values_list("seller__member_id", "rule", "since")
    for seller, rule, since in rows.iterator():
        yield {"seller": seller, "rule": rule, "since": since}


register_standing("growth", "tasks", done_rows, job=TASKS)
