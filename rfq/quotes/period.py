"""The period the figures of quotes are about, chosen by a form or the API."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import platform_time
from portal.filters import CALENDAR, DayInput
from portal.platform_time import Window, last_days

DEFAULT_DAYS = 30


class PeriodForm(forms.Form):
    """First and last Pacific day, both included; without them the last 30 days."""

    since = forms.DateField(
        label=gettext_lazy("From day"), required=False, widget=DayInput(), validators=CALENDAR
    )
    until = forms.DateField(
        label=gettext_lazy("To day"), required=False, widget=DayInput(), validators=CALENDAR
    )

    def __init__(self, data: Any = None) -> None:
        last = platform_time.today()
        first = last_days(DEFAULT_DAYS, last).first
        super().__init__(data, initial={"since": first, "until": last})

    def clean(self) -> None:
        """Refuse a period that ends before it starts."""
        super().clean()
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", _("The last day lies before the first."))

    def period(self) -> Window:
        """Return the period chosen; where it cannot be read, the last 30 days."""
        chosen = self.cleaned_data if self.is_valid() else {}
        last = chosen.get("until") or platform_time.today()
        return Window(chosen.get("since") or last_days(DEFAULT_DAYS, last).first, last)
