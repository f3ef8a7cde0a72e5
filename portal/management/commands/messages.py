"""`manage.py messages`: collect the strings of the interface and compile their translation."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Update and compile the Chinese catalogues; needs Babel, a development requirement."""

    help = "Collect the strings of the interface and compile their Chinese translation."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--check` only says what is missing, with exit code 1."""
        parser.add_argument("--check", action="store_true", help="exit 1 when a string is missing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Update every catalogue and print one line for each."""
        try:
            from portal import messages
        except ImportError as error:
            raise CommandError("Babel is missing: pip install -r requirements-dev.txt") from error
        missing = 0
        for result in messages.update():
            missing += len(result.missing)
            self.stdout.write(
                f"{result.app}: {result.total} strings, {len(result.missing)} not translated"
            )
            for text in result.missing:
                self.stdout.write(f"  {text!r}")
        if missing and options["check"]:
            raise CommandError(f"{missing} strings have no translation.")
