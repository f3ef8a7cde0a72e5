"""`rfq.score`: the predicted service score of every seller as of a day (RFQ-18, NGT-2).

A shard is a group of whole industries, because sellers are ranked within theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db.models import Count

from portal.models import Seller
from portal.nightly.export import register_standing
from portal.nightly.plans import HIGHEST_KEY, MOST_SHARDS
from portal.nightly.registry import Params, ShardContext, job
from portal.nightly.standings import add_to_new_set, new_set, stage_differences, stage_new_set
from portal.services.rulebooks import RulebookMissing, rulebook_for
from rfq.models import PeerBenchmark, ServiceScore
from rfq.models.scores import SCORE_PAYLOAD
from rfq.nightly.score_sql import BENCHMARKS, score_statement
from rfq.score.schema import SCORE

SCORES = "rfq.score"
SELLERS_PER_SHARD = 100_000
"""A shard may read the quotes of a month of everybody to find its own, so shards are large."""


def plan_industries(as_of: date, shards: int | None = None) -> list[Params]:
    """Cut industries into ranges of primary keys with about equally many sellers each.

    Closed ranges that together hold every key: an industry that appears after planning, and scores
    of sellers who have moved, belong to exactly one shard.
    """
    counts = list(
        Seller.objects.order_by("industry").values_list("industry").annotate(n=Count("pk"))
    )
    sellers = sum(number for _industry, number in counts)
    wanted = min(shards or -(-sellers // SELLERS_PER_SHARD), MOST_SHARDS, len(counts))
    starts, before = [0], 0
    for industry, number in counts:
        # A new shard begins where the sellers before fill the shards begun so far.
        if before and before * wanted >= sellers * len(starts):
            starts.append(industry)
        before += number
    ends = [start - 1 for start in starts[1:]] + [HIGHEST_KEY]
    return [{"lo": lo, "hi": hi} for lo, hi in zip(starts, ends, strict=True)]


@job(
    SCORES,
    app="rfq",
    shards=plan_industries,
    standings=(ServiceScore, PeerBenchmark),
    rulebook_modules=(SCORE,),
)
def scores(ctx: ShardContext) -> None:
    """Stage the scores and peer benchmarks of a group of industries (RFQ-13 … RFQ-16).

    The rulebook in force on the as-of day judges; days before the first one have no scores.
    """
    with new_set(ctx, ServiceScore) as table:
        try:
            rulebook = rulebook_for(SCORE, ctx.as_of)
        except RulebookMissing:
            pass
        else:
            statement = score_statement(rulebook.content, rulebook.version, ctx.as_of)
            add_to_new_set(ctx, ServiceScore, statement.sql, {**ctx.params, **statement.params})
        mine = "(SELECT id FROM portal_seller WHERE industry_id BETWEEN %(lo)s AND %(hi)s)"
        stage_new_set(
            ctx, ServiceScore, ctx.params, scope_sql=f"s.seller_id IN {mine}", keys_unique=True
        )
        stage_differences(
            ctx,
            PeerBenchmark,
            BENCHMARKS.format(scores=table),
            ctx.params,
            scope_sql="s.industry_id BETWEEN %(lo)s AND %(hi)s",
            keys_unique=True,
        )


# --- Export -------------------------------------------------------------------------------------


def score_rows(as_of: date) -> Iterator[dict[str, Any]]:
    """Yield the scores as of a day by external ids."""
    rows = ServiceScore.objects.as_of(as_of).values_list("seller__member_id", *SCORE_PAYLOAD)
    for seller, *payload in rows.iterator():
        yield {"seller": seller, **dict(zip(SCORE_PAYLOAD, payload, strict=True))}


def benchmark_rows(as_of: date) -> Iterator[dict[str, Any]]:
    """Yield the peer benchmarks as of a day."""
    rows = PeerBenchmark.objects.as_of(as_of)
    for industry, factor, peers, threshold in rows.values_list(
        "industry__code", "factor", "peers", "threshold"
    ).iterator():
        yield {"industry": industry, "factor": factor, "peers": peers, "threshold": threshold}


register_standing("rfq", "score", score_rows, job=SCORES)
register_standing("rfq", "benchmarks", benchmark_rows, job=SCORES)
