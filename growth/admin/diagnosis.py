"""Benchmarks and growth scores as staff see them: computed, never edited (GRO-11, UI-7)."""

from __future__ import annotations

from django.contrib import admin

from growth.models import GrowthBenchmark, GrowthScore
from portal.admin.base import SELLER_SEARCH, ReadOnlyAdmin
from portal.admin.standings import HoldsOnFilter


@admin.register(GrowthScore)
class GrowthScoreAdmin(ReadOnlyAdmin):
    """Growth scores by the days they hold for."""

    list_display = ("seller", "valid_from", "valid_to", "rulebook", "score", "suggestions")
    list_filter = (HoldsOnFilter, "rulebook")
    list_select_related = ("seller",)
    search_fields = SELLER_SEARCH
    ordering = ("-valid_from", "-pk")


@admin.register(GrowthBenchmark)
class GrowthBenchmarkAdmin(ReadOnlyAdmin):
    """The benchmark of each metric in each industry, and over how many sellers it is."""

    list_display = ("industry", "metric", "value", "sellers", "scope", "valid_from", "valid_to")
    list_filter = (HoldsOnFilter, "scope", "metric")
    list_select_related = ("industry",)
    search_fields = ("=industry__code", "industry__name_en", "industry__name_zh", "metric")
    ordering = ("-valid_from", "-pk")
