"""Filters of the kernel's lists."""

from __future__ import annotations

from datetime import date
from typing import Any

import django_filters
from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.choices import TradeKind
from portal.models import Inquiry, Order
from portal.orders import OrderState, orders_in

CALENDAR = [MinValueValidator(date(1990, 1, 1)), MaxValueValidator(date(2199, 12, 31))]
"""Days whose ends are instants in every zone."""
DAY_FORMATS = ["%Y-%m-%d"]
"""What browsers send and the API documents."""


class DayInput(forms.DateInput):
    """The browser's own calendar; the value travels as `YYYY-MM-DD`."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"class": "form-control", **(attrs or {})}, format="%Y-%m-%d")


def _search() -> forms.TextInput:
    return forms.TextInput(attrs={"class": "form-control", "type": "search"})


def _select() -> forms.Select:
    return forms.Select(attrs={"class": "form-select"})


class PeriodFilterSet(django_filters.FilterSet):
    """Keep rows between two Pacific days; `period_field` names the instant they are judged by."""

    period_field = "at"

    since = django_filters.DateFilter(
        method="keep_since",
        label=_("From day"),
        widget=DayInput(),
        validators=CALENDAR,
        input_formats=DAY_FORMATS,
    )
    until = django_filters.DateFilter(
        method="keep_until",
        label=_("To day"),
        widget=DayInput(),
        validators=CALENDAR,
        input_formats=DAY_FORMATS,
    )

    def keep_since(self, queryset: QuerySet, name: str, value: date) -> QuerySet:
        """Keep what happened on or after a Pacific day."""
        return queryset.filter(**{f"{self.period_field}__gte": platform_time.start_of(value)})

    def keep_until(self, queryset: QuerySet, name: str, value: date) -> QuerySet:
        """Keep what happened on or before a Pacific day."""
        return queryset.filter(**{f"{self.period_field}__lt": platform_time.end_of(value)})


class OrderFilter(PeriodFilterSet):
    """Orders by number, state, kind and creation day."""

    period_field = "created_at"

    q = django_filters.CharFilter(
        "order_id", lookup_expr="icontains", label=_("Order number"), widget=_search()
    )
    state = django_filters.ChoiceFilter(
        method="keep_state",
        choices=OrderState.choices,
        label=_("State"),
        empty_label=_("All"),
        widget=_select(),
    )
    kind = django_filters.ChoiceFilter(
        choices=TradeKind.choices, label=_("Kind"), empty_label=_("All"), widget=_select()
    )

    class Meta:
        model = Order
        fields = ["q", "state", "kind"]

    def keep_state(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        """Keep the orders in one state now."""
        return queryset.filter(orders_in(value, platform_time.now()))


class InquiryFilter(PeriodFilterSet):
    """Inquiries by keyword, product and day."""

    q = django_filters.CharFilter(
        "keyword", lookup_expr="icontains", label=_("Keyword"), widget=_search()
    )
    product = django_filters.CharFilter("product_ref", label=_("Product number"), widget=_search())

    class Meta:
        model = Inquiry
        fields = ["q", "product"]
