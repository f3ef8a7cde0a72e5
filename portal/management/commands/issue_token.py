"""`manage.py issue_token USERNAME`: print a new API token and nothing else."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.models import User
from portal.services.tokens import token_issue


class Command(BaseCommand):
    """The token is shown once; only its hash is stored."""

    help = "Print a new API token of a user."
    # Checks load every page and form; that would be a third of the time of a short command.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the user."""
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        """Issue and print the token."""
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"there is no user “{options['username'][:150]}”")
        if not user.is_active:
            raise CommandError(f"the user “{user.username}” is not active")
        self.stdout.write(token_issue(user=user))
