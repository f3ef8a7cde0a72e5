"""A night of made-up jobs for the tests of the engine."""

from __future__ import annotations

from datetime import date, timedelta

from portal.models import MetricValue, NightRun, Seller
from portal.nightly import engine, ledger
from portal.nightly.registry import Job, Params, ShardContext, one_shard
from portal.nightly.standings import stage_differences
from portal.scoping import unscoped

DAY = date(2022, 8, 1)
"""The newest day the fixture clock allows."""
YESTERDAY = DAY - timedelta(days=1)


class Night:
    """A registry of jobs that write down what they did."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.broken: set[str] = set()
        self.jobs: dict[str, Job] = {}

    def add(self, name: str, *needs: str, shards: int = 1, **options: object) -> None:
        def compute(ctx: ShardContext) -> None:
            self.log.append(f"{name}/{ctx.shard.index}")
            if name in self.broken:
                raise ValueError(f"{name} is broken")

        def plan(as_of: date, wish: int | None) -> list[Params]:
            return [{} for _ in range(wish or shards)]

        self.jobs[name] = Job(name, "test", compute, plan, needs, **options)  # type: ignore[arg-type]

    def run(self, day: date = DAY, **options: object) -> NightRun:
        run = ledger.night_start(as_of=day, **options)  # type: ignore[arg-type]
        return engine.run_inline(run_id=run.pk)


def states(run: NightRun) -> dict[str, str]:
    return dict(run.jobs.values_list("job", "state"))


def value_job(values: dict[date, int], shop: Seller, **options: object) -> Job:
    def compute(ctx: ShardContext) -> None:
        select = "SELECT %(seller)s AS seller_id, 'test.value' AS metric, %(value)s AS value"
        params = {"seller": shop.pk, "value": values[ctx.as_of]}
        stage_differences(ctx, MetricValue, select, params, scope_sql="s.metric = 'test.value'")

    return Job("value", "test", compute, one_shard, standings=(MetricValue,), **options)  # type: ignore[arg-type]


def value_of(day: date) -> int | None:
    with unscoped():
        row = MetricValue.objects.as_of(day).filter(metric="test.value").first()
    return int(row.value) if row else None
