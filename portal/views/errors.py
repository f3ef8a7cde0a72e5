"""The page people see when something broke on our side."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import get_language

from portal.request_context import request_id


def page_server_error(
    request: HttpRequest, status: int = 500, *, heading: str = ""
) -> HttpResponse:
    """Answer with the request's id; without the database, which may be what broke.

    `heading` replaces the one that speaks of something broken.
    """
    context = {
        "request_id": request_id.get(),
        "language": get_language() or "en",
        "status": status,
        "heading": heading,
    }
    return HttpResponse(render_to_string("500.html", context), status=status)
