"""The OpenAPI schema: what every operation shares is said here, once (API-1)."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.utils.translation import get_language
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from portal.api.problems import CONTENT_TYPE, ProblemSerializer
from portal.services.idempotency import HEADER as IDEMPOTENCY_HEADER
from portal.services.people import SELLER_HEADER

UNSAFE_WITH_BODY = ("POST", "PUT", "PATCH")
PROBLEMS = {
    "400": "The input is not valid; `errors` names each field.",
    "401": "No valid token or session.",
    "403": "The caller's role or permissions do not allow it.",
    "404": "It does not exist, or not for this shop.",
    "406": "The answer is JSON only.",
    "415": "The body must be of a documented content type.",
    "429": "Too many calls; `Retry-After` says when to come back.",
}


_kept: dict[str, Any] = {}
"""The schema in each language: it follows from the code alone, and making it takes most of a second."""


class KeptSchemaGenerator(SchemaGenerator):
    """Makes the schema once per process and language."""

    def get_schema(self, request: Request | None = None, public: bool = False) -> Any:
        """Return the whole schema as a dictionary, for all callers the same."""
        if not public:
            return super().get_schema(request, public)
        language = get_language() or ""
        if language not in _kept:
            _kept[language] = super().get_schema(request, public)
        return _kept[language]


class TokenScheme(OpenApiAuthenticationExtension):
    """`Authorization: Token …`."""

    target_class = "portal.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Describe the header."""
        return build_bearer_security_scheme_object(
            header_name="Authorization", token_prefix=str(settings.REST_KNOX["AUTH_HEADER_PREFIX"])
        )


class PortalAutoSchema(AutoSchema):
    """Adds the shop header and the problems any operation may answer with.

    A view documents its own refusals (409) with `ProblemSerializer`; error bodies are always
    `application/problem+json`, whatever the view's renderer.
    """

    def get_override_parameters(self) -> list[Any]:
        """Let members of several shops name the one they mean, and repeat a POST that spends."""
        parameters = []
        if getattr(self.view, "acts_for_a_shop", False):
            parameters.append(
                OpenApiParameter(
                    SELLER_HEADER,
                    str,
                    OpenApiParameter.HEADER,
                    description="Member id of the shop to act for, for people in several shops.",
                )
            )
        if getattr(self.view, "takes_idempotency_key", False) and self.method == "POST":
            parameters.append(
                OpenApiParameter(
                    IDEMPOTENCY_HEADER,
                    str,
                    OpenApiParameter.HEADER,
                    description=(
                        "A name of your own for this request, up to 128 printable ASCII characters;"
                        " it counts for you and this shop."
                        " Sent again with the same body, the first answer comes back with"
                        " `Idempotent-Replayed: true` and nothing happens twice; kept for 7 days."
                        " With another body: 409 `idempotency_key_reused`. Refused requests are"
                        " not remembered."
                    ),
                )
            )
        return parameters

    def get_operation_id(self) -> str:
        """Call a list a list, also where the view builds it itself."""
        name: str = super().get_operation_id()
        if "List" in type(self.view).__name__:
            name = re.sub("_retrieve$", "_list", name)
        return name

    def _get_parameters(self) -> list[dict[str, Any]]:
        """Say what every list takes for a page size."""
        parameters: list[dict[str, Any]] = super()._get_parameters()
        for one in parameters:
            if one["name"] == "page_size":
                one["schema"]["minimum"] = 1
        return parameters

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        for code in self._problem_codes():
            bodies.setdefault(
                code,
                {
                    **self._get_response_for_code(
                        ProblemSerializer, code, [CONTENT_TYPE], direction
                    ),
                    "description": PROBLEMS[code],
                },
            )
        for code, body in bodies.items():
            if code >= "400":
                described = self._get_response_for_code(
                    ProblemSerializer, code, [CONTENT_TYPE], direction
                )
                (content, *_rest) = (body.get("content") or described["content"]).values()
                body["content"] = {CONTENT_TYPE: content}
        return dict(sorted(bodies.items()))

    def _problem_codes(self) -> list[str]:
        codes = ["400", "401", "403", "404", "406", "429"]
        return [*codes, "415"] if self.method in UNSAFE_WITH_BODY else codes
