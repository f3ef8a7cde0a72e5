"""P-4: ingest of files as upstream sends them, kind by kind, against `COPY` of the finished rows.

    python -m tests.benchmarks.bench_ingest                     20,000 rows of each kind on both databases
    python -m tests.benchmarks.bench_ingest --rows 200000 --database postgres --kind orders --kind visits

Ingest reads the CSV file, checks every cell, resolves shops, buyers and categories, compares with what is
stored and writes the difference. The reference takes exactly the rows that this left, in every table, and
writes them again from a dump that is already what the table wants: `COPY` of its own text on PostgreSQL,
one prepared statement on SQLite. They take turns; the best of the rounds counts.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks import frame

NOW = "2022-08-03T12:00:00-07:00"
GOAL = 0.1
NEW, AGAIN, CHANGED, COPY = "new rows", "unchanged rows", "1 % changed", "COPY"


def main() -> int:
    """Run the benchmark on each database asked for."""
    parser = frame.parser(__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="of each kind")
    parser.add_argument("--kind", action="append", help="only these kinds")
    parser.add_argument("--rounds", type=int, default=3)
    return frame.run(parser, "bench_ingest", _measured, now=NOW)


# --- In the child -------------------------------------------------------------------------------


def _measured(options: argparse.Namespace) -> None:
    from tests.benchmarks.worlds import ingest

    frame.size(f"{options.rows:,} rows of each kind")
    ingest.load()
    feed = ingest.Feed(options.seed)
    print(f"{'rows a second':16}{NEW:>12}{AGAIN:>16}{CHANGED:>14}{COPY:>12}{'new to COPY':>14}")
    wanted = set(options.kind or feed.kinds)
    needed = wanted | ({"orders"} if "order_lines" in wanted else set())
    needed |= {"rfqs"} if "quotes" in wanted else set()
    for kind in [name for name in feed.kinds if name in needed]:
        best = _measure(feed, kind, options.rows, options.rounds)
        share = best[COPY] / best[NEW]
        speeds = [options.rows / best[way] for way in (NEW, AGAIN, CHANGED, COPY)]
        print(
            f"{kind:16}{speeds[0]:12,.0f}{speeds[1]:16,.0f}{speeds[2]:14,.0f}{speeds[3]:12,.0f}"
            f"{share:13.0%}",
            flush=True,
        )
        frame.ratio("P-4", f"ingest of new {kind} to COPY", share, unit="%", at_least=GOAL)


def _measure(feed: Any, kind: str, rows: int, rounds: int) -> dict[str, float]:
    """Return the best seconds of each way; the rows of the last round stay."""
    folder, watch = Path(os.environ["VAR_DIR"]), frame.Stopwatch()
    first, second = folder / f"{kind}.csv", folder / f"{kind}-2.csv"
    feed.write(first, kind, rows)
    feed.write(second, kind, rows, version=1)
    for _round in range(rounds):
        dump = Dump()
        watch(NEW, _ingest(kind, first))
        dump.take()
        watch(AGAIN, _ingest(kind, first))
        watch(CHANGED, _ingest(kind, second))
        dump.remove()
        watch(COPY, dump.write)
        if _round < rounds - 1:
            dump.remove()
        frame.tidy()
    dump.let_sequences_follow()
    return watch.best


def _ingest(kind: str, path: Path) -> Callable[[], None]:
    from portal.ingest.engine import ingest_file
    from portal.ingest.kinds import kind_named

    found = kind_named(kind)
    assert found is not None, kind

    def run() -> None:
        report = ingest_file(found, path)
        if not report.ok:
            raise SystemExit(report.error or [str(one) for one in report.rejections[:3]])

    return run


# --- What was written -----------------------------------------------------------------------------


@dataclass
class Dump:
    """The rows that all tables have since it was made, ready to be written again."""

    new: dict[str, str] = field(default_factory=dict)
    """Table → the condition that its new rows fulfil."""
    rows: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Note the last key of every table; rows without a key of their own are as new as whose they are."""
        from django.apps import apps
        from django.db.models import AutoField, BigAutoField, CompositePrimaryKey, Max

        models = [one for one in apps.get_models(include_auto_created=True) if one._meta.managed]
        for model in models:
            if isinstance(model._meta.pk, AutoField | BigAutoField):
                last = model._base_manager.aggregate(last=Max("pk"))["last"]
                self.new[model._meta.db_table] = f"id > {last or 0}"
        for model in models:
            if isinstance(model._meta.pk, CompositePrimaryKey):
                (owner,) = [one for one in model._meta.pk.fields if one.is_relation]
                table = owner.related_model._meta.db_table
                after = self.new[table].removeprefix("id ")
                self.new[model._meta.db_table] = f"{owner.column} {after}"

    def take(self) -> None:
        """Read what is new."""
        from django.db import connection

        self.rows = {}
        with connection.cursor() as cursor:
            for table, is_new in self.new.items():
                if connection.vendor == "postgresql":
                    query = f"COPY (SELECT * FROM {table} WHERE {is_new}) TO STDOUT"
                    with cursor.copy(query) as copy:
                        found: Any = b"".join(copy)
                else:
                    cursor.execute(f"SELECT * FROM {table} WHERE {is_new}")
                    found = cursor.fetchall()
                if found:
                    self.rows[table] = found

    def remove(self) -> None:
        """Delete what is new."""
        from tests.benchmarks.worlds.generated import loading

        with loading() as cursor:
            for table in self.rows:
                cursor.execute(f"DELETE FROM {table} WHERE {self.new[table]}")

    def write(self) -> None:
        """Write it again, with every constraint and index in force."""
        from django.db import connection, transaction

        with transaction.atomic(), connection.cursor() as cursor:
            for table, rows in self.rows.items():
                if connection.vendor == "postgresql":
                    with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                        stream = io.BytesIO(rows)
                        while part := stream.read(1 << 16):
                            copy.write(part)
                else:
                    marks = ", ".join(["%s"] * len(rows[0]))
                    cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    @staticmethod
    def let_sequences_follow() -> None:
        """Let new keys follow those that were written with the rows."""
        from tests.benchmarks.worlds.writing import let_sequences_follow

        let_sequences_follow()


if __name__ == "__main__":
    sys.exit(main())
