"""What list pages share."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest

PAGE_SIZE = 25


def page_of(request: HttpRequest, rows: Any, *, size: int = PAGE_SIZE) -> Page:
    """Return the page of `rows` that `?page=` asks for; a page that is not there is the nearest one."""
    return Paginator(rows, size).get_page(request.GET.get("page"))
