"""What list pages share."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest

PAGE_SIZE = 25


def page_of(request: HttpRequest, rows: Any, *, size: int = PAGE_SIZE) -> Page:
    """Return the page of `rows` that `?page=` asks for; a page that is not there is the nearest one."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


class Counted:
    """Rows whose number is known already, so that the pager does not count again."""

    def __init__(self, rows: Any, number: int) -> None:
        self.rows = rows
        self.number = number
        self.ordered = True

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, place: Any) -> Any:
        return self.rows[place]
