"""P-2: the service score of all sellers, a whole night, against two other ways.

    python -m tests.benchmarks.bench_score                                      20,000 sellers
    python -m tests.benchmarks.bench_score --sellers 200000 --database postgres the large size

A hundred quotes and five orders per seller in 90 days, in 40 industries. The night runs on the real
engine: planning, shards, staged differences, publication. It starts from the scores of the day before
and is rolled back; the ways take turns and the best of the rounds counts. Before anything is reported
their results are compared: the loop's for its sample, the others' for every seller.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tests.benchmarks import frame

NOW = "2022-09-05T12:00:00-07:00"
NIGHT, HAND, LOOP = "the night", "one statement by hand", "a loop over sellers (extrapolated)"
COLUMNS, FLOOR = "in columns (DuckDB), with reading", "in columns, the statement alone"
OPTIONS = ("sellers", "rounds", "sample", "shards")


def main() -> int:
    """Run the benchmark on each database asked for."""
    parser = frame.parser(__doc__)
    parser.add_argument("--sellers", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=500, help="sellers the loop looks at")
    parser.add_argument("--shards", type=int, default=0, help="0: as many as the night plans")
    parser.add_argument("--plan", action="store_true", help="print the plan of the statement")
    return frame.run(parser, "bench_score", _measured, now=NOW)


# --- In the child -------------------------------------------------------------------------------


def _measured(options: argparse.Namespace) -> None:
    from tests.benchmarks.worlds.score import DAY, World, load

    world = World(options.sellers, options.sellers * 100, options.sellers * 5, options.seed)
    frame.size(f"{world.sellers:,} sellers, {world.quotes:,} quotes, {world.orders:,} orders")
    began = time.perf_counter()
    load(world)
    frame.tidy()
    print(f"loaded in {time.perf_counter() - began:.0f} s", flush=True)
    if options.plan:
        _explain()
    frame.night(DAY - timedelta(days=1), "rfq.score", shards=options.shards)
    frame.tidy()
    before = frame.memory()
    best, peak = _measure(options)
    _report(best)
    print(f"memory of the process: {before} MiB before the night, {peak} MiB at its peak")


def _measure(options: argparse.Namespace) -> tuple[dict[str, float], int]:
    """Return the best seconds of each way, having compared what they find, and the night's memory."""
    from django.db import connection, transaction

    from portal.nightly.engine import allow_long_work
    from tests.benchmarks.score_references import by_hand
    from tests.benchmarks.worlds.score import DAY

    best: dict[str, float] = {}
    peak = 0

    def clock(name: str, way: Callable[[], None]) -> None:
        began = time.perf_counter()
        way()
        seconds = time.perf_counter() - began
        best[name] = min(best.get(name, seconds), seconds)

    for number in range(options.rounds):
        with transaction.atomic():
            allow_long_work()
            clock(HAND, lambda: by_hand("by_hand"))
            clock(NIGHT, lambda: frame.night(DAY, "rfq.score", shards=options.shards))
            peak = peak or frame.memory()
            _compare_all()
            if number == 0:
                best[LOOP] = _loop(options)
            if number == options.rounds - 1 and connection.vendor == "postgresql":
                best[COLUMNS], best[FLOOR] = _columns()
            transaction.set_rollback(True)
        print(f"round {number + 1}: " + _seconds(best), flush=True)
    return best, peak


def _seconds(best: dict[str, float]) -> str:
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in best.items())


# --- Equal or not -------------------------------------------------------------------------------

DIFFERENT = """
SELECT COUNT(*), COUNT(s.seller_id) FROM by_hand h FULL JOIN rfq_servicescore s
    ON s.seller_id = h.seller_id
WHERE (s.valid_from IS NULL OR (s.valid_from <= %(day)s AND s.valid_to >= %(day)s))
    AND (s.seller_id IS NULL OR h.seller_id IS NULL OR s.total <> h.total
    OR s.quotes <> h.quotes OR s.quotes_in_time <> h.in_time OR s.quoted_30d <> h.quoted
    OR s.replied_30d <> h.replied OR ROUND(s.gmv * 100) <> h.cents OR s.bonus <> h.bonus
    OR s.login_days <> h.login_days OR s.quotes_points <> h.quotes_points
    OR s.response_rate_points <> h.response_points OR s.reply_rate_points <> h.reply_points
    OR s.gmv_points <> h.gmv_points)
"""


def _compare_all() -> None:
    """Stop unless the night and the statement by hand say the same of every seller."""
    from django.db import connection

    from portal.nightly.registry import adapt_params
    from rfq.models import ServiceScore
    from tests.benchmarks.worlds.score import DAY

    with connection.cursor() as cursor:
        cursor.execute(DIFFERENT, adapt_params(connection, {"day": DAY}))
        different, _also = cursor.fetchone()
        cursor.execute("SELECT COUNT(*) FROM by_hand")
        (number,) = cursor.fetchone()
    published = ServiceScore.objects.as_of(DAY).count()
    if different or number != published:
        raise SystemExit(f"{different} sellers differ; {number} by hand, {published} by the night")


def _loop(options: argparse.Namespace) -> float:
    """Time the loop on a sample spread over all sellers, compare it, and extrapolate."""
    from dataclasses import replace

    from portal.models import Seller
    from portal.services.rulebooks import rulebook_for
    from rfq.models import ServiceScore
    from rfq.score.rules import score_of
    from tests.benchmarks.score_references import scores_by_loop
    from tests.benchmarks.worlds.score import DAY

    every = max(1, options.sellers // options.sample)
    sample = [
        seller for seller in Seller.objects.order_by("pk").iterator() if seller.pk % every == 0
    ]
    began = time.perf_counter()
    found = scores_by_loop(sample)
    seconds = (time.perf_counter() - began) * options.sellers / len(sample)
    rules = rulebook_for("rfq.score", DAY).content
    ranks = ("quotes_rank", "quotes_peers", "response_rank", "response_peers")
    for row in ServiceScore.objects.as_of(DAY).filter(seller__in=list(found)):
        figures, _score = found[row.seller_id]
        figures = replace(figures, **{name: getattr(row, name) for name in ranks})
        counted = [name for name in figures.__dataclass_fields__ if hasattr(row, name)]
        wrong = [name for name in counted if getattr(row, name) != getattr(figures, name)]
        if wrong or score_of(rules, figures).total != row.total:
            raise SystemExit(f"seller {row.seller_id}: the loop differs in {wrong or 'the total'}")
    print(f"the loop agrees on {len(found)} sellers", flush=True)
    return seconds


def _columns() -> tuple[float, float]:
    """Time the statement over columns, with and without reading the facts; compare every total."""
    from rfq.models import ServiceScore
    from tests.benchmarks.score_references import in_columns
    from tests.benchmarks.worlds.score import DAY

    began = time.perf_counter()
    totals, alone = in_columns(Path(os.environ["VAR_DIR"]))
    seconds = time.perf_counter() - began
    published = dict(ServiceScore.objects.as_of(DAY).values_list("seller_id", "total"))
    if totals != published:
        raise SystemExit("the columns do not agree")
    return seconds, alone


def _explain() -> None:
    """Print how PostgreSQL runs the statement of one shard."""
    from django.db import connection, transaction

    from portal.nightly.engine import allow_long_work
    from portal.nightly.plans import HIGHEST_KEY
    from portal.nightly.registry import adapt_params
    from portal.services.rulebooks import rulebook_for
    from rfq.nightly.score_sql import score_statement
    from tests.benchmarks.worlds.score import DAY

    rulebook = rulebook_for("rfq.score", DAY)
    statement = score_statement(rulebook.content, rulebook.version, DAY)
    explain = "EXPLAIN (ANALYZE, BUFFERS, SETTINGS) " if connection.vendor == "postgresql" else ""
    explain = explain or "EXPLAIN QUERY PLAN "
    with transaction.atomic(), connection.cursor() as cursor:
        allow_long_work()
        values = adapt_params(connection, {**statement.params, "lo": 0, "hi": HIGHEST_KEY})
        cursor.execute(explain + statement.sql, values)
        for row in cursor.fetchall():
            print("   ", row[-1])


def _report(best: dict[str, float]) -> None:
    night = best[NIGHT]
    print(f"{'':36}{'seconds':>9}{'to the night':>14}")
    for name, seconds in sorted(best.items(), key=lambda pair: pair[1]):
        print(f"{name:36}{seconds:9.2f}{seconds / night:13.2f}×")
    frame.ratio("P-2", "score: the night over a loop over sellers", best[LOOP] / night, at_least=30)
    frame.ratio("P-2", "score: the night to one statement by hand", night / best[HAND], at_most=2)
    if FLOOR in best:
        frame.ratio("P-2", "score: the night to the statement in columns", night / best[FLOOR])


if __name__ == "__main__":
    sys.exit(main())
