"""`manage.py nightly`: compute one as-of day by hand (NGT-1)."""

from __future__ import annotations

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from portal import platform_time
from portal.choices import RunState
from portal.demo.guard import refuse_without_demo_clock
from portal.errors import Refusal
from portal.models import NightRun
from portal.models.nights import OPEN_STATES
from portal.nightly import engine, ledger, schedule

POLL_SECONDS = 0.5
SWEEP_EVERY = 10.0


class Command(BaseCommand):
    help = (
        "Compute the standings of one as-of day. Joins the day's open run, if a crash left one; "
        "otherwise opens a new one. Exits 0 only when every job of the day is complete."
    )
    requires_system_checks = ("nights",)  # not those of pages and forms, which take longer

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", required=True, metavar="DAY", help="Pacific day, 2022-07-19")
        parser.add_argument(
            "--job",
            action="append",
            default=[],
            metavar="NAME",
            help="only this job, and what it needs that is not yet published for the day; repeatable",
        )
        parser.add_argument(
            "--shards", type=int, metavar="N", help="shards per job (default: by size)"
        )
        parser.add_argument(
            "--workers",
            choices=[ledger.INLINE, ledger.CELERY],
            default=ledger.INLINE,
            help="compute in this process (default) or hand the shards to Celery workers",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            day = platform_time.parse_day(options["as_of"])
        except platform_time.InvalidInstant as error:
            raise CommandError(str(error)) from error
        shards = options["shards"]
        if shards is not None and shards < 1:
            raise CommandError("--shards has to be 1 or more")
        refuse_without_demo_clock()
        try:
            run = ledger.night_start(
                as_of=day,
                jobs=options["job"],
                mode=options["workers"],
                reason="command line",
                shards=shards,
            )
        except Refusal as error:
            raise CommandError(str(error)) from error
        with _Bars(run) as bars:
            if options["workers"] == ledger.INLINE:
                run = engine.run_inline(run_id=run.pk, on_change=bars.refresh)
            else:
                run = _wait(run, bars)
        self._summary(run)
        if run.state != RunState.COMPLETE:
            raise CommandError(f"the night of {day} is not complete: {run.get_state_display()}")

    def _summary(self, run: NightRun) -> None:
        """Print a table of the jobs, and the errors of those that failed."""
        table = Table(title=f"Night of {run.as_of}, run {run.number}")
        for name, justify in (
            ("job", "left"), ("state", "left"), ("shards", "right"), ("rows read", "right"),
            ("changes", "right"), ("published", "right"), ("seconds", "right"),
        ):  # fmt: skip
            table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
        jobs = ledger.progress(run)
        for each in jobs:
            row = each.job_run
            ended = row.published_at or platform_time.wall_clock()
            seconds = (ended - row.started_at).total_seconds() if row.started_at else 0.0
            table.add_row(
                row.job, row.state, f"{each.done}/{each.shards}", str(each.rows_read),
                str(each.rows_written), str(row.rows_published), f"{seconds:.2f}",
            )  # fmt: skip
        console = Console(width=100)
        with console.capture() as printed:
            console.print(table)
        self.stdout.write(printed.get())
        for each in jobs:
            if each.job_run.state == RunState.FAILED:
                self.stderr.write(f"{each.job_run.job}: {each.job_run.error}")
                shard = each.job_run.shards.filter(state=RunState.FAILED).first()
                if shard is not None:
                    self.stderr.write(f"shard {shard.index}: {shard.error}")


def _wait(run: NightRun, bars: _Bars) -> NightRun:
    """Wait until workers have closed the run; send lost shards again like the sweeper does."""
    swept = time.monotonic()
    while True:
        run.refresh_from_db()
        bars.refresh()
        if run.state not in OPEN_STATES:
            return run
        if time.monotonic() - swept > SWEEP_EVERY:
            schedule.nights_sweep()
            swept = time.monotonic()
        time.sleep(POLL_SECONDS)


class _Bars:
    """One progress bar per job on a terminal's standard error; silent elsewhere."""

    def __init__(self, run: NightRun) -> None:
        self._run = run
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def refresh(self) -> None:
        """Read the ledger and move the bars."""
        if self._progress.disable:
            return
        for each in ledger.progress(self._run):
            name = each.job_run.job
            if name not in self._tasks:
                self._tasks[name] = self._progress.add_task(name, total=None)
            self._progress.update(self._tasks[name], total=each.shards or None, completed=each.done)
