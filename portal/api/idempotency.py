"""`Idempotency-Key` for spending POSTs: the same request again gets its first answer (API-1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework.response import Response

from portal.api.views import ScopedRequest
from portal.services.idempotency import HEADER, Act, answer_once, check_key

REPLAYED_HEADER = "Idempotent-Replayed"


class IdempotentMixin:
    """Mixin of a `ScopedView` whose POST spends something; documents the header in OpenAPI.

    A handler checks its input, then returns `self.answer_once(request, act)` where `act()` calls the
    service and returns (status, data). Without the header `act` simply runs.
    """

    takes_idempotency_key = True

    def answer_once(self, request: ScopedRequest, act: Act) -> Response:
        """Answer with what `act` returns, or with the stored answer and `Idempotent-Replayed`."""
        key = request.headers.get(HEADER)
        if key is None:
            status, data = act()
            return Response(data, status=status)
        check_key(key)
        status, data, replayed = answer_once(
            seller=request.seller,
            key=_of_caller(request, key),
            request_digest=request_digest(request),
            act=act,
        )
        return Response(data, status=status, headers={REPLAYED_HEADER: "true"} if replayed else {})


def _of_caller(request: ScopedRequest, key: str) -> str:
    """Return the key as it is kept: a colleague's of the same name is another one."""
    return f"{request.user.pk}:{hashlib.sha256(key.encode()).hexdigest()}"


def request_digest(request: ScopedRequest) -> str:
    """Return the SHA-256 of method, address and what was sent, however it was written down."""
    asked = [request.method, request.get_full_path(), _content(request.data)]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


def _content(data: Any) -> Any:
    if isinstance(data, QueryDict):
        return {name: [_content(value) for value in values] for name, values in data.lists()}
    if isinstance(data, UploadedFile):
        return {"name": data.name, "sha256": _file_digest(data)}
    return data


def _file_digest(file: UploadedFile) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(file):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(file: UploadedFile) -> Iterator[bytes]:
    """Yield a file's content and leave it at its start for whoever stores it."""
    yield from file.chunks()
    file.seek(0)
