"""Stars as staff see them: computed and fixed, never edited (GRO-12, UI-7)."""

from __future__ import annotations

from django.contrib import admin

from growth.models import StarAssessment, StarStanding
from portal.admin.base import ReadOnlyAdmin

SELLER_SEARCH = ("=seller__member_id", "seller__name_en", "seller__name_zh")
POWERS = ("trade", "trade_bonus", "product", "marketing", "marketing_bonus", "guarantee")


@admin.register(StarStanding)
class StarStandingAdmin(ReadOnlyAdmin):
    """Predicted stars by the days they hold for."""

    list_display = ("seller", "valid_from", "valid_to", "star", *POWERS, "rulebook")
    list_filter = ("star", "rulebook")
    list_select_related = ("seller",)
    search_fields = SELLER_SEARCH
    ordering = ("-valid_from", "-pk")


@admin.register(StarAssessment)
class StarAssessmentAdmin(ReadOnlyAdmin):
    """Assessed stars, fixed once on the 5th; whether they took effect, and whether core tasks were open."""

    list_display = (
        "seller", "month", "star", "awaits_core_tasks", "applied", *POWERS, "rulebook", "fixed_at",
    )  # fmt: skip
    list_filter = ("star", "awaits_core_tasks", "applied", "rulebook")
    list_select_related = ("seller",)
    search_fields = SELLER_SEARCH
    date_hierarchy = "month"
