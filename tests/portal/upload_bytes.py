"""Bytes of small pictures and documents to upload."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from PIL import Image
from pypdf import PdfWriter


def image(kind: str = "PNG", size: tuple[int, int] = (30, 20), **save: Any) -> bytes:
    """Return a picture of one colour; `save` goes to Pillow."""
    written = io.BytesIO()
    Image.new("RGB", size, (180, 80, 40)).save(written, kind, **save)
    return written.getvalue()


def pdf(change: Callable[[PdfWriter], Any] | None = None) -> bytes:
    """Return a document of one empty page, changed as asked before it is written."""
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    if change:
        change(writer)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()
