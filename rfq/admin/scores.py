"""Scores and assessments as staff see them: computed, never edited (RFQ-18, UI-7)."""

from __future__ import annotations

from django.contrib import admin

from portal.admin.base import ReadOnlyAdmin
from rfq.models import Assessment, PeerBenchmark, ServiceScore


@admin.register(ServiceScore)
class ServiceScoreAdmin(ReadOnlyAdmin):
    """Predicted scores by the days they hold for."""

    list_display = (
        "seller",
        "valid_from",
        "valid_to",
        "rulebook",
        "total",
        "bonus",
        "quotes",
        "gmv",
    )
    list_filter = ("rulebook",)
    list_select_related = ("seller",)
    search_fields = ("=seller__member_id", "seller__name_en", "seller__name_zh")
    ordering = ("-valid_from", "-pk")


@admin.register(Assessment)
class AssessmentAdmin(ReadOnlyAdmin):
    """Assessed scores, fixed once; an empty amount is unlimited."""

    list_display = (
        "seller", "as_of", "rulebook", "total", "quote_rights", "gold_rights", "fast_lane_rights",
        "pin_rights", "early_access", "fixed_at",
    )  # fmt: skip
    list_filter = ("rulebook", "early_access")
    list_select_related = ("seller",)
    search_fields = ("=seller__member_id", "seller__name_en", "seller__name_zh")
    date_hierarchy = "as_of"


@admin.register(PeerBenchmark)
class PeerBenchmarkAdmin(ReadOnlyAdmin):
    """Where the best tenth of each industry begins."""

    list_display = ("industry", "factor", "peers", "threshold", "valid_from", "valid_to")
    list_filter = ("factor",)
    list_select_related = ("industry",)
    ordering = ("-valid_from", "-pk")
