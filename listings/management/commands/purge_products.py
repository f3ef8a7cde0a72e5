"""`manage.py purge_products`: empty the recycle bins of what is older than 30 days (LST-2)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from listings.exchange.uploads import uploads_purge
from listings.services.product_actions import products_purge
from portal.demo.guard import refuse_without_demo_clock


class Command(BaseCommand):
    help = "Delete for good what has been in a recycle bin for 30 days, and import files left over."

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_without_demo_clock()
        self.stdout.write(f"purged {products_purge()} products, {uploads_purge()} import files")
