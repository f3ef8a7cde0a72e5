"""Ingest of an order file, as upstream sends it, against `COPY` of the finished rows.

    python -m tests.benchmarks.bench_ingest                     100,000 orders on both databases
    python -m tests.benchmarks.bench_ingest --orders 1000000 --database postgres

Ingest reads the CSV file, checks every cell, resolves sellers, buyers and categories, compares with
what is stored and writes the difference. `COPY` (on SQLite one prepared statement) only writes rows
that are already what the table wants. They take turns; the best of the rounds counts.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import frame

SELLERS, BUYERS = 5_000, 20_000
AT = "2022-07-%02dT%02d:%02d:00-07:00"
HEADER = (
    "order_id", "seller", "buyer", "channel", "kind", "category", "amount", "created_at", "paid_at",
    "received_at", "received", "ship_by", "dispatched_at", "delivered_at", "carrier", "method",
    "tracking", "destination", "fake",
)  # fmt: skip


def main() -> int:
    """Run the benchmark on each database asked for."""
    parser = frame.parser(__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    return frame.run(parser, "bench_ingest", _measured)


# --- In the child -------------------------------------------------------------------------------


def _measured(options: argparse.Namespace) -> None:
    folder = Path(os.environ["VAR_DIR"])
    _world()
    for name, changed in (("orders", 0), ("changed", 100)):
        _write_file(folder / f"{name}.csv", options.orders, changed)
    best = _measure(folder, options.rounds)
    frame.size(f"{options.orders:,} orders of {len(HEADER)} columns")
    for name, seconds in best.items():
        print(f"  {name:<28}{options.orders / seconds:>10,.0f} rows/s")
    share = best["COPY of finished rows"] / best["ingest, new rows"]
    frame.ratio("P-4", "ingest of new orders to COPY", share, unit="%", at_least=0.1)


def _world() -> None:
    from portal.models import Buyer, Seller
    from tests import factories

    leaf = factories.tree_create()["e-bike-kits"]
    shared = {"membership": "basic", "company_type": "trader", "main_category": leaf}
    Seller.objects.bulk_create(
        Seller(member_id=f"s{n}", name_en=f"S{n}", industry=leaf.parent.parent.parent, **shared)
        for n in range(SELLERS)
    )
    Buyer.objects.bulk_create(Buyer(buyer_id=f"b{n}", country="US") for n in range(BUYERS))


def _write_file(path: Path, orders: int, changed_every: int) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADER)
        for n in range(orders):
            at = AT % (1 + n % 28, n % 24, n % 60)
            amount = f"{n % 9000}.{n % 100:02d}"
            received = "1.00" if changed_every and n % changed_every == 0 else amount
            writer.writerow(
                [
                    f"o{n}", f"s{n * 7919 % SELLERS}", f"b{n * 104729 % BUYERS}", "trade_assurance",
                    "rts" if n % 2 else "customization", "e-bike-kits", amount, at, at, at, received,
                    "2022-08-01", at, at, "DHL", "express", "normal", "US", "false",
                ]
            )  # fmt: skip


def _measure(folder: Path, rounds: int) -> dict[str, float]:
    """Return the best seconds of each way."""
    from portal.ingest.engine import ingest_file
    from portal.ingest.kinds import kind_named
    from portal.models import Order
    from tests.benchmarks.worlds.writing import copy_rows

    kind = kind_named("orders")

    def feed(name: str) -> Callable[[], None]:
        def run() -> None:
            report = ingest_file(kind, folder / f"{name}.csv")
            if not report.ok:
                raise RuntimeError(report.error or f"{report.rejected} rows rejected")

        return run

    best: dict[str, float] = {}

    def clock(name: str, way: Callable[[], None]) -> None:
        began = time.perf_counter()
        way()
        best[name] = min(best.get(name, float("inf")), time.perf_counter() - began)

    for _round in range(rounds):
        Order.objects.all()._raw_delete("default")
        clock("ingest, new rows", feed("orders"))
        clock("ingest, unchanged rows", feed("orders"))
        clock("ingest, 1 % changed", feed("changed"))
        fields = [field.column for field in Order._meta.concrete_fields if not field.primary_key]
        rows = [{**row, "after_sales": "[]"} for row in Order.objects.values(*fields)]
        Order.objects.all()._raw_delete("default")
        clock("COPY of finished rows", lambda rows=rows: copy_rows(Order._meta.db_table, rows))
    return best


if __name__ == "__main__":
    sys.exit(main())
