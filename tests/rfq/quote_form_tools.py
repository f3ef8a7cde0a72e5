"""The quote form for the tests: what is typed, and sending it."""

from __future__ import annotations

import html
import io
import re
from typing import Any

from django.test import Client
from django.urls import reverse
from PIL import Image

from portal.scoping import unscoped
from rfq.models import QuoteDraft, Rfq, RightEntry

TYPED = {
    "unit_price": "184.50",
    "currency": "USD",
    "moq": "50",
    "lead_time_days": "21",
    "message": "We make it.",
}


def png() -> bytes:
    """Return a small picture."""
    content = io.BytesIO()
    Image.new("RGB", (4, 4), "orange").save(content, "PNG")
    return content.getvalue()


def form_url(rfq: Rfq) -> str:
    """Return where a quote for an RFQ is written."""
    return reverse("rfq:quote-form", args=[rfq.rfq_id])


def text_of(response: Any) -> str:
    """Return the words of a page without its markup."""
    plain = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(html.unescape(plain).split())


def send(client: Client, rfq: Rfq, **over: Any) -> Any:
    """Send the form as the page does that announced one quoting right."""
    data = {**TYPED, "announced": "quote", "send": "1", **over}
    return client.post(form_url(rfq), data)


def spent() -> int:
    """Return how many entries used rights up."""
    with unscoped():
        return RightEntry.objects.filter(delta__lt=0).count()


def draft_content() -> dict[str, Any] | None:
    """Return what the only draft holds, or nothing."""
    with unscoped():
        draft = QuoteDraft.objects.first()
    return draft.content if draft else None
