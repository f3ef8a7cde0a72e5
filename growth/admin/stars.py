"""Stars as staff see them: computed and fixed, never edited (GRO-12, UI-7)."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from growth.models import StarAssessment, StarStanding
from portal.admin.base import SELLER_SEARCH, ReadOnlyAdmin
from portal.admin.standings import HoldsOnFilter

POWERS = ("trade", "trade_bonus", "product", "marketing", "marketing_bonus", "guarantee")


@admin.register(StarStanding)
class StarStandingAdmin(ReadOnlyAdmin):
    """Predicted stars by the days they hold for."""

    list_display = ("seller", "valid_from", "valid_to", "star", *POWERS, "rulebook")
    list_filter = (HoldsOnFilter, "star", "rulebook")
    list_select_related = ("seller",)
    search_fields = SELLER_SEARCH
    ordering = ("-valid_from", "-pk")


@admin.register(StarAssessment)
class StarAssessmentAdmin(ReadOnlyAdmin):
    """Assessed stars, fixed once on the 5th; whether they took effect, and whether core tasks were open."""

    list_display = (
        "seller", "month", "star", "effect", *POWERS, "rulebook", "fixed_at",
    )  # fmt: skip
    list_filter = ("star", "awaits_core_tasks", "applied", "rulebook")
    list_select_related = ("seller",)
    search_fields = SELLER_SEARCH
    date_hierarchy = "month"

    # Translators: 是否生效
    @admin.display(description=gettext_lazy("effect"), ordering="applied")
    def effect(self, assessment: StarAssessment) -> str:
        """Say whether the shop's star became this one, and whether core tasks kept it at 0."""
        if assessment.awaits_core_tasks:
            return _("Core tasks are open")
        return _("Took effect") if assessment.applied else _("Without effect")
