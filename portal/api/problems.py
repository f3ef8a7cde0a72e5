"""Errors as `application/problem+json` (RFC 9457) with a stable `code` (API-1)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from portal.errors import Refusal

CONTENT_TYPE = "application/problem+json"


def problem(
    *, code: str, title: str, http_status: int, errors: list[dict[str, str]] | None = None, **extra: Any
) -> Response:
    """Build a problem response; `errors` lists `{field, message}`."""
    body: dict[str, Any] = {"type": "about:blank", "status": http_status, "code": code, "title": title}
    if errors is not None:
        body["errors"] = errors
    body.update(extra)
    return Response(body, status=http_status, content_type=CONTENT_TYPE)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn any expected error into a problem; unexpected ones stay 500 and are logged by Django."""
    if isinstance(error, Refusal):
        errors = [{"field": field, "message": text} for field, text in error.fields]
        return problem(
            code=error.code, title=str(error), http_status=error.http_status, errors=errors or None
        )
    response = drf_exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, Http404):
        code, title = "not_found", "Not found."
    elif isinstance(error, PermissionDenied):
        code, title = "permission_denied", str(error) or "You may not do this."
    elif isinstance(error, exceptions.ValidationError):
        code, title = "invalid", "Some fields are not valid."
    else:
        code = str(getattr(error, "default_code", "error"))
        title = str(getattr(error, "detail", error))
    errors = _flatten(error.detail) if isinstance(error, exceptions.ValidationError) else None
    answer = problem(code=code, title=title, http_status=response.status_code, errors=errors)
    for header in ("WWW-Authenticate", "Retry-After"):
        if header in response:
            answer[header] = response[header]
    return answer


def _flatten(detail: Any, field: str = "") -> list[dict[str, str]]:
    """Turn DRF's nested error detail into rows of field and message."""
    if isinstance(detail, dict):
        return [
            row
            for key, value in detail.items()
            for row in _flatten(value, f"{field}.{key}" if field else str(key))
        ]
    if isinstance(detail, list):
        rows: list[dict[str, str]] = []
        for index, value in enumerate(detail):
            nested = isinstance(value, (dict, list))
            rows += _flatten(value, f"{field}[{index}]" if nested else field)
        return rows
    return [{"field": field, "message": str(detail)}]


NOT_FOUND = status.HTTP_404_NOT_FOUND
