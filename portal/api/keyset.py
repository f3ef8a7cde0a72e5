"""Cursor pagination over several columns, for lists whose order is not one unique column."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError as InvalidValue
from django.db.models import DateField, DateTimeField, Q
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.utils.urls import replace_query_param

from portal.api.pagination import PortalCursorPagination
from portal.platform_time import InvalidInstant, parse_day, parse_instant

DEFAULT_SIZE = 50
PAGING = [
    OpenApiParameter("cursor", str, description="From `next` of the page before."),
    OpenApiParameter("page_size", int, description="Rows per page, at most 500."),
]
"""What a view that pages by itself documents among its parameters."""


class KeysetPagination(PortalCursorPagination):
    """Pages by "after this row", where a row is known by all the columns of the order.

    The stock cursor knows the first column only and counts equal values by an offset, which ends
    at 1,000 of them; "own categories first" has two values for thousands of rows. The queryset is
    ordered by `view.keyset`: names with a leading `-` for descending, unique as a whole, never null.
    """

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> list[Any]:
        """Return one page and remember the position of its last row."""
        self.request, self.keyset = request, tuple(view.keyset)
        size = self.get_page_size(request) or DEFAULT_SIZE
        rows = list(self._from_cursor(queryset).order_by(*self.keyset)[: size + 1])
        self.last = rows[size - 1] if len(rows) > size else None
        return rows[:size]

    def get_next_link(self) -> str | None:
        """Return the address of the next page, or nothing on the last one."""
        if self.last is None:
            return None
        position = position_of(self.last, self.keyset)
        url = self.request.build_absolute_uri()
        return replace_query_param(url, self.cursor_query_param, write_cursor(position))

    def _from_cursor(self, queryset: Any) -> Any:
        cursor = self.request.query_params.get(self.cursor_query_param)
        if not cursor:
            return queryset
        position = read_cursor(cursor, len(self.keyset))
        if not all(map(_fits, _columns(queryset, self.keyset), position)):
            raise _not_valid()
        try:
            return queryset.filter(after(self.keyset, position))
        except (TypeError, ValueError, InvalidValue) as error:
            # A cursor of another order: its values do not fit these columns.
            raise _not_valid() from error


def _columns(queryset: Any, keyset: Sequence[str]) -> list[Any]:
    """Return the field of each column of the order: the model's own, or an annotation's."""
    names = [name.lstrip("-") for name in keyset]
    annotations, options = queryset.query.annotations, queryset.model._meta
    return [
        annotations[name].output_field
        if name in annotations
        else options.pk if name == "pk" else options.get_field(name)
        for name in names
    ]  # fmt: skip


def _fits(column: Any, value: Any) -> bool:
    """Tell whether a value may be of a column: an instant is no day, and a day no instant."""
    if isinstance(column, DateTimeField):
        return isinstance(value, datetime)
    if isinstance(column, DateField):
        return isinstance(value, date) and not isinstance(value, datetime)
    return not isinstance(value, date)


def position_of(row: Any, keyset: Sequence[str]) -> list[Any]:
    """Return a row's values (model instance or dict) for the columns of the order."""
    names = [name.lstrip("-") for name in keyset]
    if isinstance(row, dict):
        return [row[name] for name in names]
    return [getattr(row, name) for name in names]


def after(keyset: Sequence[str], position: Sequence[Any]) -> Q:
    """Return the condition "comes after this position" in the order `keyset`."""
    condition, equal = Q(), Q()
    for name, value in zip(keyset, position, strict=True):
        column = name.lstrip("-")
        step = "lt" if name.startswith("-") else "gt"
        condition |= equal & Q(**{f"{column}__{step}": value})
        equal &= Q(**{column: value})
    return condition


def write_cursor(position: Sequence[Any]) -> str:
    """Encode a position as an opaque text."""
    plain = [_plain(value) for value in position]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    return str(value) if isinstance(value, Decimal) else value


def read_cursor(cursor: str, length: int) -> list[Any]:
    """Decode a position; raise 400 for anything that is not one."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(plain, list) or len(plain) != length:
            raise _not_valid()
        return [_value(item) for item in plain]
    except (ValueError, RecursionError, InvalidInstant) as error:
        raise _not_valid() from error


def _value(item: Any) -> Any:
    """Return one value of a position: a day, an instant, a number a column can hold, or a plain text."""
    if isinstance(item, dict) and set(item) == {"day"}:
        return parse_day(str(item["day"]))
    if isinstance(item, dict) and set(item) == {"at"}:
        return parse_instant(str(item["at"]))
    if isinstance(item, int) and not isinstance(item, bool) and abs(item) < 2**63:
        return item
    if isinstance(item, str) and item.isprintable():
        item.encode()
        return item
    raise _not_valid()


def _not_valid() -> ValidationError:
    return ValidationError({"cursor": [_("This cursor is not valid.")]})
