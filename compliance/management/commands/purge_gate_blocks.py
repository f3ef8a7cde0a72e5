"""`manage.py purge_gate_blocks`: forget blocked trades older than 400 days (EPR-11)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from compliance.services.gate_blocks import gate_blocks_purge
from portal.demo.guard import refuse_without_demo_clock


class Command(BaseCommand):
    help = "Delete blocked trades that are older than 400 days."

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_without_demo_clock()
        self.stdout.write(f"purged {gate_blocks_purge()} blocked trades")
