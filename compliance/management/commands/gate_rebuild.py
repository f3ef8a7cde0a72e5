"""`manage.py gate_rebuild`: have every product told of again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from compliance.services.gated_products import products_rebuild


class Command(BaseCommand):
    help = (
        "Bring what the gate knows of products in line with the products, and work out again what "
        "holds for them. Needed after products were written past the services; safe to repeat and "
        "to interrupt."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        told, gone = products_rebuild()
        self.stdout.write(f"rebuilt: {told} products differed, {gone} were gone")
