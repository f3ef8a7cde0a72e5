"""Cells of the admin's lists that know their column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

register = template.Library()

OPENING = len("<td")
"""A cell starts with `<td` or `<th`; its attributes follow."""


@register.filter
def named_cells(
    cells: Iterable[SafeString], headers: Iterable[Mapping[str, Any]]
) -> Iterator[SafeString]:
    """Yield the cells of a row with the name of their column as `data-label`.

    The box that chooses the row has a box as the head of its column and gets no name.
    """
    for cell, header in zip(cells, headers, strict=True):
        if "action-checkbox" in header.get("class_attrib", ""):
            yield cell
        else:
            name = format_html(' data-label="{}"', capfirst(header["text"]))
            yield SafeString(f"{cell[:OPENING]}{name}{cell[OPENING:]}")
