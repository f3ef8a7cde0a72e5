"""Cursor pagination in the shape `{"results": […], "next": …}`."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.response import Response

from portal.errors import InvalidInput

LONGEST = 9
"""Digits of a page size that are looked at."""


class PortalCursorPagination(CursorPagination):
    """Newest first unless the view says otherwise (`view.cursor_ordering`)."""

    ordering = "-pk"
    page_size_query_param = "page_size"
    max_page_size = 500

    def get_page_size(self, request: Any) -> int | None:
        """Return the rows per page: as asked, at most 500; 400 for what is no number of rows."""
        asked = request.query_params.get(self.page_size_query_param)
        if not asked:
            return self.page_size
        digits = asked.lstrip("0")
        if not (digits.isascii() and digits.isdigit()):
            raise InvalidInput([(self.page_size_query_param, _("Write a whole number from 1."))])
        return min(int(digits[:LONGEST]), self.max_page_size)

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        """Return one page; a cursor nobody of us made is not found."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValidationError, ValueError, OverflowError) as error:
            raise NotFound(_("Invalid cursor")) from error

    def decode_cursor(self, request: Any) -> Cursor | None:
        """Return where the page starts; a NUL character is in no column, so nothing starts there."""
        cursor = super().decode_cursor(request)
        if cursor is not None and "\x00" in str(cursor.position or ""):
            raise NotFound(_("Invalid cursor"))
        return cursor

    def get_ordering(self, request: Any, queryset: Any, view: Any) -> tuple[str, ...]:
        """Return the view's ordering; it must be unique and stable."""
        ordering = getattr(view, "cursor_ordering", None) or self.ordering
        return (ordering,) if isinstance(ordering, str) else tuple(ordering)

    def get_paginated_response(self, data: Any) -> Response:
        """Answer with the page and the address of the next one."""
        return Response({"results": data, "next": self.get_next_link()})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe the page for OpenAPI."""
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema,
                "next": {"type": ["string", "null"], "format": "uri"},
            },
        }
