"""Changing only the copy the caller has seen: `If-Match`, or `version` in the body (API-1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter

from portal.api.views import ScopedRequest
from portal.errors import InvalidInput
from portal.ingest.columns import CellError, Int

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The `ETag` of the copy to change."
)
_VERSION = Int("version", least=1)


def version_of(request: ScopedRequest, body: Mapping[str, Any]) -> int | None:
    """Return the version the caller means to change, or none; raise `InvalidInput` for nonsense."""
    raw: Any = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    raw = body.get("version") if raw in ("", "*") else raw
    if raw is None:
        return None
    try:
        return _VERSION.clean(raw)
    except CellError as error:
        raise InvalidInput([("version", str(error))]) from None


def etag(version: int) -> dict[str, str]:
    """Return the header that names a version."""
    return {"ETag": f'"{version}"'}
