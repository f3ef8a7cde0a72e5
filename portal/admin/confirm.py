"""Actions on lists ask before they act: what a click chose is shown first (UI-7)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

SHOWN = 100
"""Rows the question lists by name."""

AdminAction = Callable[[Any, Any, QuerySet], HttpResponse | None]


def asks_first(action: AdminAction) -> AdminAction:
    """Let an action of a list show what was chosen and act only when that page is sent back.

    Below `@admin.action`, whose description is the question's title.
    """

    @wraps(action)
    def ask(self: Any, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        if request.POST.get("confirmed"):
            return action(self, request, queryset)
        count = queryset.count()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": ask.short_description,  # type: ignore[attr-defined]
            "rows": queryset[:SHOWN],
            "more": max(count - SHOWN, 0),
            "name": action.__name__,
            "checkbox_name": ACTION_CHECKBOX_NAME,
            "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "across": request.POST.get("select_across", "0"),
        }
        return TemplateResponse(request, "admin/confirm_action.html", context)

    return ask
