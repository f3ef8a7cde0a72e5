"""`growth.diagnosis`: benchmarks of every industry and the growth score of every open shop (GRO-11, NGT-2).

A shard is a group of whole industries, because a benchmark is taken over one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from growth.diagnosis.schema import DIAGNOSIS
from growth.models import GrowthBenchmark, GrowthScore
from growth.nightly.diagnosis_sql import diagnosis_sql
from portal.metrics import DERIVED, PLAIN
from portal.nightly.export import register_standing
from portal.nightly.registry import Params, ShardContext, job
from portal.nightly.standings import add_to_new_set, new_set, stage_new_set
from portal.rule_changes import rulebook_to_come
from portal.services.rulebooks import RulebookMissing, rulebook_for, rulebooks_published
from rfq.nightly.score import plan_industries

JOB = "growth.diagnosis"


@job(
    JOB,
    app="growth",
    needs=(PLAIN, DERIVED),
    shards=plan_industries,
    standings=(GrowthBenchmark, GrowthScore),
    rulebook_modules=(DIAGNOSIS,),
)
def diagnosis(ctx: ShardContext) -> None:
    """Stage the benchmarks and growth scores of a group of industries (GRO-11).

    The rulebook in force on the as-of day says what is compared; days before the first one have
    neither. Benchmarks that only announced rules need are counted, too, so that shops can be told what
    changes for them (K-17). The same statements whatever the number of items, shops and industries.
    """
    with new_set(ctx, GrowthBenchmark) as benchmarks, new_set(ctx, GrowthScore):
        try:
            rulebook = rulebook_for(DIAGNOSIS, ctx.as_of)
        except RulebookMissing:
            pass
        else:
            coming = rulebook_to_come(rulebooks_published(DIAGNOSIS), ctx.as_of)
            sql = diagnosis_sql(
                rulebook.content,
                rulebook.version,
                ctx.as_of,
                ahead=coming.content if coming else None,
            )
            params = {**ctx.params, **sql.params}
            with _values(ctx, sql.values, params) as values:
                add_to_new_set(ctx, GrowthBenchmark, sql.benchmarks(values), params)
                add_to_new_set(ctx, GrowthScore, sql.scores(values, benchmarks), params)
        stage_new_set(
            ctx,
            GrowthBenchmark,
            ctx.params,
            scope_sql="s.industry_id BETWEEN %(lo)s AND %(hi)s",
            keys_unique=True,
        )
        mine = "(SELECT id FROM portal_seller WHERE industry_id BETWEEN %(lo)s AND %(hi)s)"
        stage_new_set(
            ctx,
            GrowthScore,
            ctx.params,
            scope_sql=f"s.seller_id IN {mine}",
            keys_unique=True,
        )


@contextmanager
def _values(ctx: ShardContext, select: str, params: Params) -> Iterator[str]:
    """Write down what is compared, which both selects read; yield the name of the table."""
    table = "night_diagnosis_values"
    ctx.execute(f"DROP TABLE IF EXISTS {table}")
    ctx.execute(f"CREATE TEMPORARY TABLE {table} AS {select}", params)
    if ctx.is_postgres:
        ctx.execute(f"ANALYZE {table}")
    yield table
    ctx.execute(f"DROP TABLE {table}")


# --- Export -------------------------------------------------------------------------------------


def benchmark_rows(as_of: date) -> Iterator[dict[str, Any]]:
    """Yield the benchmarks as of a day."""
    names = ("metric", "value", "sellers", "scope")
    rows = GrowthBenchmark.objects.as_of(as_of).values_list("industry__code", *names)
    for industry, *values in rows.iterator():
        yield {"industry": industry, **dict(zip(names, values, strict=True))}


def score_rows(as_of: date) -> Iterator[dict[str, Any]]:
    """Yield the growth scores as of a day by external ids."""
    names = ("rulebook", "score", "suggestions")
    rows = GrowthScore.objects.as_of(as_of).values_list("seller__member_id", *names)
    for seller, *values in rows.iterator():
        yield {"seller": seller, **dict(zip(names, values, strict=True))}


register_standing("growth", "benchmarks", benchmark_rows, job=JOB)
register_standing("growth", "diagnosis", score_rows, job=JOB)
