"""`manage.py demo`: build the demo world in the configured database."""

from __future__ import annotations

import logging
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.demo import log_in_lines
from portal.demo.build import DemoFailed, demo_build


class Command(BaseCommand):
    """Feed the demo rows, run its nights, set its clock, say how to sign in."""

    help = "Build the demo world: 30 sellers, 2,000 products, 60 themes, a lived-through year."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """No arguments: the world is always the same."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Build; refuse outside a demo, whose accounts share one printed password."""
        if not settings.DEMO:
            raise CommandError("Set PORTAL_DEMO=1: the demo's accounts share a published password.")
        started = time.monotonic()
        # The broker may not run yet; the sweeper delivers later what it does not take now.
        logging.getLogger("portal.queueing").setLevel(logging.ERROR)

        def tell(line: str) -> None:
            self.stdout.write(f"  {time.monotonic() - started:5.1f} s  {line}")

        try:
            demo_build(tell=tell)
        except DemoFailed as error:
            raise CommandError(str(error)) from error
        for line in log_in_lines():
            self.stdout.write(line)
