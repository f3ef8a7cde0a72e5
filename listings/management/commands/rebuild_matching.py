"""`manage.py rebuild_matching`: derive projections and compiled themes again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from listings.services.projection import projections_rebuild
from listings.services.themes import themes_recompile


class Command(BaseCommand):
    help = (
        "Derive every match projection and compiled theme again. Needed after an upgrade that "
        "changes how texts and values are compared; safe to repeat and to interrupt."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        products, themes = projections_rebuild(), themes_recompile()
        self.stdout.write(f"rebuilt: {products} products and {themes} themes differed")
