"""What the gate blocked, with the reasons and what to do (EPR-11)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as InvalidValue
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from rest_framework.exceptions import ValidationError

from compliance.epr.block_list import KEYSET, block_views, chosen_blocks, export_rows
from compliance.models import GateBlock
from portal import platform_time
from portal.api.keyset import after, position_of, read_cursor, write_cursor
from portal.country_names import country_name
from portal.exports import csv_response
from portal.http import MemberRequest
from portal.views.base import SellerPage

PAGE_SIZE = 50


class GateBlocksPage(SellerPage):
    """Blocked trades, the newest first; page by page behind the last row, for any number of them."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show a page of them."""
        blocks = chosen_blocks(request.seller, request.GET).order_by(*KEYSET)
        cursor = request.GET.get("after", "")
        rows: list[Any] = list(_behind(blocks, cursor)[: PAGE_SIZE + 1])
        more = len(rows) > PAGE_SIZE
        rows = rows[:PAGE_SIZE]
        seen = GateBlock.objects.filter(seller=request.seller).order_by("country")
        codes = seen.values_list("country", flat=True).distinct()
        return render(
            request,
            "compliance/gate_blocks.html",
            {
                "blocks": block_views(rows),
                "next_after": write_cursor(position_of(rows[-1], KEYSET)) if more else "",
                "first_page": not cursor,
                "countries": [(code, country_name(code)) for code in codes],
                "filtered": bool(request.GET.get("product") or request.GET.get("country")),
            },
        )


def _behind(blocks: QuerySet[GateBlock], cursor: str) -> QuerySet[GateBlock]:
    """Keep what comes after a cursor; one that is none is the beginning."""
    if not cursor:
        return blocks
    try:
        return blocks.filter(after(KEYSET, read_cursor(cursor, len(KEYSET))))
    except (InvalidValue, ValidationError, TypeError, ValueError):
        return blocks


class GateBlocksExport(SellerPage):
    """The blocked trades the list's filter finds, as CSV."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Stream the file."""
        rows = export_rows(
            request.seller, chosen_blocks(request.seller, request.GET).order_by(*KEYSET)
        )
        name = f"blocked-trades-{platform_time.today().isoformat()}"
        return csv_response(rows, name)  # type: ignore[return-value]
