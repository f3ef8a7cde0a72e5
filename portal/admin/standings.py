"""Standings as staff look at them: by shop, and as of a day (K-2, NGT-5)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from portal import platform_time
from portal.admin.audit import TextFilter


class HoldsOnFilter(TextFilter):
    """The standings that hold as of a day; a text that is no day finds none."""

    title = gettext_lazy("day (as of)")
    parameter_name = "as_of"
    template = "admin/portal/day_filter.html"

    def queryset(self, request: Any, queryset: QuerySet) -> QuerySet | None:
        """Keep the rows that hold on the day."""
        typed = self.value()
        if not typed:
            return None
        try:
            day = platform_time.parse_day(typed)
        except platform_time.InvalidInstant:
            return queryset.none()
        return queryset.filter(valid_from__lte=day, valid_to__gte=day)
