"""`manage.py ingest KIND FILE [--strict]`: feed a CSV or XLSX file (K-15)."""

from __future__ import annotations

import gc
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.demo.guard import refuse_without_demo_clock
from portal.ingest.columns import did_you_mean
from portal.ingest.engine import Report, ingest_file
from portal.ingest.kinds import Progress, all_kinds, kind_named

SHOWN = 200
GC_THRESHOLDS = (100_000, 50, 100)


class Command(BaseCommand):
    """Exactly one line on standard output; rejected rows and the progress bar go to standard error."""

    help = "Ingest a CSV or XLSX file; exits with 1 when rows were rejected."
    # Checks load every page and form; that would be a third of the time of a short command.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare kind, file and `--strict`."""
        parser.add_argument("kind", help="one of: " + ", ".join(kind.name for kind in all_kinds()))
        parser.add_argument("file", type=Path, help="a CSV or XLSX file")
        parser.add_argument(
            "--strict", action="store_true", help="apply nothing if any row is rejected"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Ingest and report."""
        kind = kind_named(options["kind"])
        if kind is None:
            names = [kind.name for kind in all_kinds()]
            raise CommandError(
                f"there is no kind “{options['kind'][:60]}”."
                + did_you_mean(options["kind"], names)
                + f" Kinds: {', '.join(names)}"
            )
        refuse_without_demo_clock()
        with _seldom_collected(), _progress_bar(kind.name) as progress:
            report = ingest_file(kind, options["file"], strict=options["strict"], progress=progress)
        self._tell(report)
        if not report.ok:
            sys.exit(1)

    def _tell(self, report: Report) -> None:
        for item in report.rejections[:SHOWN]:
            where = f"row {item.row}, field {item.field}" if item.field else f"row {item.row}"
            self.stderr.write(f"{where}: {item.message}")
        if report.rejected > SHOWN:
            self.stderr.write(f"… and {report.rejected - SHOWN} more")
        if report.error:
            self.stderr.write(f"{report.batch.kind}: {report.error}")
        elif report.batch.strict and report.rejected:
            self.stderr.write("nothing was applied (--strict)")
        self.stdout.write(report.summary())


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Look for reference cycles less often: rows are many short-lived objects that have none."""
    usual = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@contextmanager
def _progress_bar(name: str) -> Iterator[Progress | None]:
    """Yield a callback that draws a bar on standard error, if a person is watching."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None, rows=0)

        def show(rows: int, share: float | None) -> None:
            if share is None:
                bar.update(task, rows=rows)
            else:
                bar.update(task, rows=rows, total=1.0, completed=share)

        yield show
