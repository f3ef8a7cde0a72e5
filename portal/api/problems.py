"""Errors as `application/problem+json` (RFC 9457) with a stable `code` (API-1)."""

from __future__ import annotations

import logging
import sys
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions, serializers, status
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from portal.errors import Refusal
from portal.locks import Busy, waited_in_vain
from portal.outages import Unavailable, is_outage
from portal.upload_limits import UploadLost
from portal.views.errors import page_server_error

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"


class FieldErrorSerializer(serializers.Serializer):
    """One input at fault."""

    field = serializers.CharField(help_text="Path of the input, such as `rows[3].price_min`.")
    message = serializers.CharField(help_text="What is wrong with it, in the caller's language.")


class ProblemSerializer(serializers.Serializer):
    """What every error looks like; only for the schema."""

    type = serializers.CharField(help_text="Always `about:blank`: `code` tells errors apart.")
    status = serializers.IntegerField(help_text="HTTP status.")
    code = serializers.CharField(help_text="Stable; made for programs.")
    title = serializers.CharField(help_text="For people, in the caller's language.")
    errors = FieldErrorSerializer(many=True, required=False)  # type: ignore[assignment]


def problem(
    *,
    code: str,
    title: str,
    http_status: int,
    errors: list[dict[str, str]] | None = None,
    **extra: Any,
) -> Response:
    """Build a problem response; `errors` lists `{field, message}`."""
    body = _body(code, _encodable(title), http_status)
    if errors is not None:
        body["errors"] = [{name: _encodable(text) for name, text in one.items()} for one in errors]
    body.update(extra)
    return Response(body, status=http_status, content_type=CONTENT_TYPE)


def _encodable(text: object) -> str:
    """Return text that quotes what was sent, each half of a character (a surrogate) as `?`."""
    return str(text).encode(errors="replace").decode()


def _body(code: str, title: str, http_status: int) -> dict[str, Any]:
    return {"type": "about:blank", "status": http_status, "code": code, "title": title}


class TooLarge(exceptions.APIException):
    """413: more than the portal takes in one call."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is too large; send it in several calls."
    default_code = "too_large"


class NoRoom(exceptions.APIException):
    """503: a file of the call could not be kept long enough to be read."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "There is no room for the uploaded file just now; try again later."
    default_code = "file_not_stored"
    wait = 60
    """Seconds for `Retry-After`."""


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn any expected error into a problem; unexpected ones stay 500 and are logged by Django."""
    error = _understood(error)
    if isinstance(error, Refusal):
        errors = [{"field": field, "message": text} for field, text in error.fields]
        refused = problem(
            code=error.code, title=str(error), http_status=error.http_status, errors=errors or None
        )
        if error.retry_after is not None:
            refused["Retry-After"] = str(error.retry_after)
        return refused
    response = drf_exception_handler(error, context)
    if response is None:
        return None
    errors_found = None
    if isinstance(error, Http404):
        code, title = "not_found", _("Not found.")
    elif isinstance(error, PermissionDenied):
        code, title = "permission_denied", str(error) or _("You may not do this.")
    elif isinstance(error, exceptions.ValidationError):
        code, title = "invalid", _("Some fields are not valid.")
        errors_found = _flatten(error.detail)
    else:
        code, title = _code_and_title(error)
    answer = problem(code=code, title=title, http_status=response.status_code, errors=errors_found)
    for header in ("WWW-Authenticate", "Retry-After"):
        if header in response:
            answer[header] = response[header]
    return answer


def _understood(error: Exception) -> Exception:
    """Return what an error of Django or the database means to the caller; others as they are."""
    if waited_in_vain(error):
        return Busy()
    if is_outage(error):
        logger.error("the database is away", exc_info=error)
        return Unavailable()
    if isinstance(error, RequestDataTooBig):
        return TooLarge()
    if isinstance(error, UploadLost):
        return NoRoom()
    return error


def _code_and_title(error: Exception) -> tuple[str, str]:
    """Return the code the error was raised with and its text."""
    detail = getattr(error, "detail", None)
    code = getattr(detail, "code", None) or getattr(error, "default_code", "error")
    return str(code), str(detail if detail is not None else error)


def _flatten(detail: Any, field: str = "") -> list[dict[str, str]]:
    """Turn DRF's nested error detail into rows of field and message."""
    if isinstance(detail, dict):
        rows: list[dict[str, str]] = []
        for key, value in detail.items():
            # What concerns an object as a whole belongs to the object.
            own = field if key == "non_field_errors" else f"{field}.{key}" if field else str(key)
            rows += _flatten(value, own)
        return rows
    if isinstance(detail, list):
        rows = []
        for index, value in enumerate(detail):
            nested = isinstance(value, (dict, list))
            rows += _flatten(value, f"{field}[{index}]" if nested else field)
        return rows
    return [{"field": field, "message": str(detail)}]


# --- Outside the views --------------------------------------------------------------------------


@csrf_exempt
def not_found(request: HttpRequest) -> JsonResponse:
    """Answer an address below `/api/` that does not exist."""
    return JsonResponse(
        _body("not_found", _("There is no such address."), 404),
        status=404,
        content_type=CONTENT_TYPE,
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a failure of ours: a problem to API callers, a page to people; 503 when it will pass by itself."""
    passing = _passing(sys.exc_info()[1])
    http_status = passing.http_status if passing else 500
    answer: HttpResponse
    if request.path.startswith("/api/"):
        code, title = "server_error", _("Something failed on our side.")
        if passing:
            code, title = passing.code, str(passing)
        body = _body(code, title, http_status)
        answer = JsonResponse(body, status=http_status, content_type=CONTENT_TYPE)
    else:
        heading = str(passing) if isinstance(passing, Busy) else ""
        answer = page_server_error(request, http_status, heading=heading)
    if passing:
        answer["Retry-After"] = str(passing.retry_after)
    return answer


def _passing(error: BaseException | None) -> Busy | Unavailable | None:
    """Return what an error is when the same may be sent again: the database was busy or away."""
    if waited_in_vain(error):
        return Busy()
    return Unavailable() if is_outage(error) else None
