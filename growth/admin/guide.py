"""Stages and tasks done as staff see them: computed, never edited (GRO-1, GRO-5, UI-7)."""

from __future__ import annotations

from django.contrib import admin

from growth.models import StageStanding, TaskDone
from portal.admin.base import SELLER_SEARCH, ReadOnlyAdmin
from portal.admin.standings import HoldsOnFilter


@admin.register(StageStanding)
class StageStandingAdmin(ReadOnlyAdmin):
    """Stages and phases by the days they hold for."""

    list_display = (
        "seller", "valid_from", "valid_to", "stage", "phase", "opportunities", "orders", "received",
        "core_done_on", "rulebook",
    )  # fmt: skip
    list_filter = (HoldsOnFilter, "stage", "phase", "rulebook")
    list_select_related = ("seller",)
    search_fields = SELLER_SEARCH
    ordering = ("-valid_from", "-pk")


@admin.register(TaskDone)
class TaskDoneAdmin(ReadOnlyAdmin):
    """Task rules that shops fulfil, by the days they do."""

    list_display = ("seller", "rule", "since", "valid_from", "valid_to")
    list_filter = (HoldsOnFilter,)
    list_select_related = ("seller",)
    search_fields = (*SELLER_SEARCH, "rule")
    ordering = ("-valid_from", "-pk")
