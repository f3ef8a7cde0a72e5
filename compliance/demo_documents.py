"""Specimen certificates for the demo: pictures that look like what sellers upload, drawn on the spot."""

from __future__ import annotations

import io
from collections.abc import Sequence

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageDraw, ImageFont

SIZE = (1000, 700)
PAPER, INK, FAINT, EDGE = "#fbfaf5", "#1c2733", "#c9ced6", "#5a7d9a"


def specimen(name: str, title: str, lines: Sequence[tuple[str, str]]) -> SimpleUploadedFile:
    """Return a PNG with a heading, labelled lines and "SPECIMEN" across it."""
    picture = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((24, 24, SIZE[0] - 24, SIZE[1] - 24), outline=EDGE, width=4)
    draw.text((SIZE[0] / 2, 330), "SPECIMEN", FAINT, ImageFont.load_default(150), anchor="mm")
    draw.text((70, 80), title, INK, ImageFont.load_default(40))
    for number, (label, value) in enumerate(lines):
        top = 190 + number * 62
        draw.text((70, top), label, EDGE, ImageFont.load_default(22))
        room = SIZE[0] - 360 - 48  # a long company name is written smaller, not over the edge
        size = min(28.0, 28 * room / max(draw.textlength(value, ImageFont.load_default(28)), 1))
        draw.text((360, top - 4), value, INK, ImageFont.load_default(size))
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return SimpleUploadedFile(f"{name}.png", content.getvalue(), "image/png")
