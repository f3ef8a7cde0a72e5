"""Filters by date in the admin: their today is the platform's, not the machine's (K-1, K-5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.contrib import admin
from django.db import models

from portal import platform_time

WEEK = 7


class PlatformDateFilter(admin.DateFieldListFilter):
    """Django's filter by date with the Pacific days of the platform's clock."""

    def __init__(self, field: models.Field, *args: Any, **kwargs: Any) -> None:
        super().__init__(field, *args, **kwargs)
        today = platform_time.today()
        tomorrow = today + timedelta(days=1)
        month = today.replace(day=1)
        spans = [
            (today, tomorrow),
            (today - timedelta(days=WEEK), tomorrow),
            (month, (month + timedelta(days=31)).replace(day=1)),
            (month.replace(month=1), date(today.year + 1, 1, 1)),
        ]
        # The words are Django's; those about no date, where a field may have none, stay as they are.
        stay = 1 + len(spans)
        self.links = (
            self.links[0],
            *(
                (link[0], self._between(field, *span))
                for link, span in zip(self.links[1:stay], spans, strict=True)
            ),
            *self.links[stay:],
        )

    def _between(self, field: models.Field, first: date, end: date) -> dict[str, Any]:
        """Return the lookup from `first` up to, but without, `end`."""
        bound: Callable[[date], Any] = (
            platform_time.start_of if isinstance(field, models.DateTimeField) else lambda day: day
        )
        return {self.lookup_kwarg_since: bound(first), self.lookup_kwarg_until: bound(end)}


admin.FieldListFilter.register(
    lambda field: isinstance(field, models.DateField), PlatformDateFilter, take_priority=True
)
