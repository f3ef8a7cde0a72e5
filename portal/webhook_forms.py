"""Forms of webhooks."""

from __future__ import annotations

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from portal.choices import DeliveryState
from portal.filters import CALENDAR, DayInput, PeriodFilterSet
from portal.models import WebhookDelivery
from portal.models.webhooks import MAX_URL
from portal.services.webhooks import MAX_DESCRIPTION
from portal.webhooks.events import TEST, WEBHOOK_EVENTS, webhook_kinds


class WebhookForm(forms.Form):
    """Where events go, and which."""

    url = forms.CharField(
        # Translators: 接收地址
        label=_("Address"),
        max_length=MAX_URL,
        widget=forms.URLInput(attrs={"placeholder": "https://erp.example.com/hooks"}),
        help_text=_("HTTPS, on the public internet. We send a POST with JSON there."),
    )
    events = forms.MultipleChoiceField(
        # Translators: 订阅的事件
        label=_("Events"),
        widget=forms.CheckboxSelectMultiple,
    )
    description = forms.CharField(
        label=_("Description"),
        max_length=MAX_DESCRIPTION,
        required=False,
        help_text=_("For yourselves: which system it is."),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["events"].choices = [  # type: ignore[attr-defined]
            (kind.type, f"{kind.label} ({kind.type})") for kind in webhook_kinds()
        ]


class ReplayForm(forms.Form):
    """From which day on what failed is sent again."""

    since = forms.DateField(
        # Translators: 从哪一天起
        label=_("From day"),
        widget=DayInput(),
        validators=CALENDAR,
        help_text=_("Pacific; the day the events occurred."),
    )


class DeliveryFilter(PeriodFilterSet):
    """Deliveries by state, type of event and day."""

    period_field = "event__occurred_at"

    state = django_filters.ChoiceFilter(
        choices=DeliveryState.choices,
        label=_("State"),
        empty_label=_("All"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    type = django_filters.ChoiceFilter(
        "event__type",
        choices=lambda: [(one, WEBHOOK_EVENTS[one].label) for one in _types()],
        label=_("Event"),
        empty_label=_("All"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )

    class Meta:
        model = WebhookDelivery
        fields = ["state", "type"]


def _types() -> list[str]:
    return [*(kind.type for kind in webhook_kinds()), TEST]


def deliveries_shown(deliveries: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
    """Return deliveries newest first, with what a list shows of each."""
    return deliveries.select_related("event").order_by("-pk")
