"""Answers of text travel compressed (UI-5)."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

_TEXT = re.compile(
    r"text/|image/svg\+xml|application/(vnd\.oai\.openapi|([\w.-]+\+)?(json|xml|javascript))\b"
)


class TextGZipMiddleware(GZipMiddleware):
    """Django's gzip for text only; pictures, PDF and workbooks are compressed in themselves.

    Lengths do not tell what a page keeps secret (BREACH): the CSRF token is masked anew in each answer, up
    to a hundred random bytes are added to each, and a session's cookie does not go along with requests
    that other sites make on their own.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> Any:
        """Return the answer, compressed where the browser takes gzip and the answer is text."""
        if not _TEXT.match(response.headers.get("Content-Type", "")):
            return response
        return super().process_response(request, response)
