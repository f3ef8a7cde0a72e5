"""`growth.packs`: how far shops are with the packs they claimed, as of each day of the window (GRO-7, NGT-2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from growth.models import Pack, PackStanding
from growth.nightly.tasks import TASKS
from growth.packs.rules import PACKS
from growth.tasks.rules import TaskRule
from portal.nightly.export import register_standing
from portal.nightly.plans import seller_ranges
from portal.nightly.registry import ShardContext, job
from portal.nightly.standings import add_to_new_set, new_set, stage_new_set
from portal.platform_time import end_of

AskedTasks = list[tuple[int, list[str]]]
"""(pack, the rules of its tasks)."""


@job(PACKS, app="growth", needs=(TASKS,), shards=seller_ranges, standings=(PackStanding,))
def packs(ctx: ShardContext) -> None:
    """Count, for every claim made by the end of the day, the tasks that hold (GRO-7).

    A pack is complete since the latest of its tasks' beginnings: the start of the unbroken run in which all
    of them hold. Runs that began before the window keep their start.
    """
    with new_set(ctx, PackStanding):
        asked = asked_tasks(ctx.as_of)
        if asked:
            sql, params = progress_select(asked, ctx.as_of)
            add_to_new_set(ctx, PackStanding, sql, {**ctx.params, **params})
        stage_new_set(
            ctx, PackStanding, ctx.params, scope_sql="s.seller_id BETWEEN %(lo)s AND %(hi)s"
        )


def asked_tasks(day: date) -> AskedTasks:
    """Return the packs whose window holds a day, each with the rules of its tasks; two queries."""
    open_packs = Pack.objects.filter(published=True, opens_on__lte=day, closes_on__gte=day)
    asked = [
        (pack.pk, rules_of(pack)) for pack in open_packs.order_by("pk").prefetch_related("tasks")
    ]
    return [(pack, rules) for pack, rules in asked if rules]


def rules_of(pack: Pack) -> list[str]:
    """Return the code of each task's rule; reads the tasks."""
    return [
        TaskRule.of({"metric": task.metric, "op": task.op, "value": task.value}).code
        for task in pack.tasks.all()
    ]


def asked_rows(asked: Sequence[tuple[int, Sequence[str]]]) -> tuple[str, dict[str, Any]]:
    """Return a select of `pack_id`, `rule` and `tasks` (their number), with its parameters.

    Two tasks of one rule are two rows, so both are counted.
    """
    rows, params = [], dict[str, Any]()
    for pack, rules in asked:
        for rule in rules:
            name = f"asked{len(rows)}"
            rows.append(
                f"(CAST({int(pack)} AS BIGINT), CAST(%({name})s AS VARCHAR(160)), {len(rules)})"
            )
            params[name] = rule
    # A list of values, because databases limit how many selects one statement may join.
    return ASKED.format(rows=", ".join(rows)), params


ASKED = "SELECT column1 AS pack_id, column2 AS rule, column3 AS tasks FROM (VALUES {rows}) listed"


def progress_select(
    asked: Sequence[tuple[int, Sequence[str]]], as_of: date
) -> tuple[str, dict[str, Any]]:
    """Return the select of the standing for some packs; it has the shard's `lo` and `hi` besides."""
    rows, params = asked_rows(asked)
    return PROGRESS.format(asked=rows), {**params, "as_of": as_of, "ends": end_of(as_of)}


PROGRESS = """
SELECT c.seller_id, c.pack_id, COUNT(d.id) AS done, a.tasks,
    CASE WHEN COUNT(d.id) = a.tasks THEN MAX(d.since) END AS complete_since
FROM growth_packclaim c
JOIN ({asked}) a ON a.pack_id = c.pack_id
LEFT JOIN growth_taskdone d ON d.seller_id = c.seller_id AND d.rule = a.rule
    AND d.valid_from <= %(as_of)s AND d.valid_to >= %(as_of)s
WHERE c.seller_id BETWEEN %(lo)s AND %(hi)s AND c.claimed_at < %(ends)s
GROUP BY c.seller_id, c.pack_id, a.tasks
"""


# --- Export -------------------------------------------------------------------------------------


def progress_rows(as_of: date) -> Iterator[dict[str, Any]]:
    """Yield the progress of every claim as of a day."""
    rows = PackStanding.objects.as_of(as_of).order_by()
    names = ("done", "tasks", "complete_since")
    for seller, pack, *values in rows.values_list(
        "seller__member_id", "pack__code", *names
    ).iterator():
        yield {"seller": seller, "pack": pack, **dict(zip(names, values, strict=True))}


register_standing("growth", "packs", progress_rows, job=PACKS)
