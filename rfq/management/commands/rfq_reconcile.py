"""`manage.py rfq_reconcile`: does what is left of every grant follow from the ledger? (RFQ-9)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rfq.services.rights_check import rights_reconcile


class Command(BaseCommand):
    help = "Compare every grant of rights with its ledger rows; exit 1 when one disagrees."

    def handle(self, *args: Any, **options: Any) -> None:
        mismatches = rights_reconcile()
        for mismatch in mismatches:
            self.stdout.write(str(mismatch))
        if mismatches:
            raise CommandError(f"{len(mismatches)} grants disagree with the ledger")
        self.stdout.write("ledger: every grant agrees")
