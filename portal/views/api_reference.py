"""The calls of the API to read: light pages, without a script (API-1, UI-5).

Whoever is signed in may read them, with a shop or without. The page to try calls out, `/api/v1/docs`,
stands beside them.
"""

from __future__ import annotations

from itertools import groupby

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import View

from portal.api import reference
from portal.api.schema import KeptSchemaGenerator


def _schema() -> reference.Schema:
    kept: reference.Schema = KeptSchemaGenerator().get_schema(public=True)
    return kept


class ReferencePage(LoginRequiredMixin, View):
    """Every call, by part."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the list."""
        schema = _schema()
        parts = groupby(reference.operations(schema), key=lambda one: one.part)
        return render(
            request,
            "portal/api/reference.html",
            {
                "about": schema["info"]["description"],
                "parts": [(part, list(operations)) for part, operations in parts],
            },
        )


class OperationPage(LoginRequiredMixin, View):
    """One call: what it takes and answers, and every object in it."""

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        """Show the call."""
        schema = _schema()
        operation = next((one for one in reference.operations(schema) if one.key == key), None)
        if operation is None:
            raise Http404
        bodies = reference.bodies(schema, operation)
        answers = reference.answers(schema, operation)
        named = [name for body in (*bodies, *answers) for name in body.shapes]
        return render(
            request,
            "portal/api/operation.html",
            {
                "operation": operation,
                "parameters": reference.parameters(operation),
                "bodies": bodies,
                "answers": answers,
                "shapes": reference.shapes(schema, named),
            },
        )
