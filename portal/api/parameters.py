"""Query parameters of the API: one that a call does not know is an error, not a filter passed over (API-1)."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from portal.errors import InvalidInput
from portal.ingest.cells import did_you_mean

ALWAYS = frozenset({"cursor", "page_size", "format"})
"""Known to every call: lists that are one page are asked for pages like others."""
_known: dict[type[Any], frozenset[str]] = {}


def refuse_unknown(view: Any, request: Request) -> None:
    """Raise `InvalidInput` naming each parameter of a GET that its documentation does not."""
    if request.method != "GET" or not request.query_params:
        return
    known = known_parameters(view)
    problems = [
        (name, _("There is no such parameter.") + did_you_mean(name, known))
        for name in request.query_params
        if name not in known
    ]
    if problems:
        raise InvalidInput(problems)


def known_parameters(view: Any) -> frozenset[str]:
    """Return the names a view's GET is documented with; found once per view."""
    found = _known.get(type(view))
    if found is None:
        found = _known[type(view)] = ALWAYS | _of_filters(view) | _of_documentation(view)
    return found


def _of_filters(view: Any) -> frozenset[str]:
    filterset = getattr(view, "filterset_class", None)
    return frozenset(filterset.base_filters) if filterset else frozenset()


def _of_documentation(view: Any) -> frozenset[str]:
    """Return what `extend_schema` of the handler names; the schema is made of the same."""
    documented = getattr(getattr(view, "get", None), "kwargs", {}).get("schema")
    if documented is None:
        return frozenset()
    schema = documented()
    schema.view, schema.method = view, "GET"
    names: set[str] = set()
    for one in schema.get_override_parameters():
        if not isinstance(one, OpenApiParameter):
            names |= set(one().fields)  # a serializer stands for one parameter per field
        elif one.location == OpenApiParameter.QUERY:
            names.add(one.name)
    return frozenset(names)
