"""`manage.py standings`: every standing of a day as canonical JSON lines (NGT-3)."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal import platform_time
from portal.nightly.export import STANDINGS, published_jobs, standing_lines


class Command(BaseCommand):
    help = (
        "Print the standings of an as-of day as sorted JSON lines by external ids: the same bytes on "
        "every database. Standings whose job has not published that day are left out."
    )
    # Checks load every page and form; that would be a third of the time of a short command.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", required=True, metavar="DAY", help="Pacific day, 2022-07-19")
        parser.add_argument("--module", metavar="NAME", help="only the standings of this module")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            day = platform_time.parse_day(options["as_of"])
        except platform_time.InvalidInstant as error:
            raise CommandError(str(error)) from error
        module = options["module"]
        modules = sorted({name for each in STANDINGS.values() for name in each.names})
        if module is not None and module not in modules:
            raise CommandError(f"there is no module {module} with standings: {', '.join(modules)}")
        if not published_jobs(day):
            self.stderr.write(f"No job has published {day}.")
        # Bytes, not text: the locale of the terminal must not change them.
        out = getattr(self.stdout._out, "buffer", None)
        for line in standing_lines(day, module):
            if out is None:
                self.stdout.write(line)
            else:
                out.write(line.encode() + b"\n")
        (out or sys.stdout).flush()
