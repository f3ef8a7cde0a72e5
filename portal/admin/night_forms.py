"""What staff fill in to start, recompute and stop nights (NGT-4, NGT-6)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import platform_time
from portal.nightly.registry import registry


class DayForm(forms.Form):
    """A day that may be computed, and why."""

    day = forms.DateField(
        label=gettext_lazy("As of (Pacific day)"),
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200, required=False)

    def clean_day(self) -> Any:
        """Refuse days whose figures are not there yet (K-2)."""
        day = self.cleaned_data["day"]
        if day > platform_time.latest_as_of():
            raise forms.ValidationError(_("This day cannot be computed yet."))
        return day


class StartForm(DayForm):
    """One night of all or some jobs."""

    field_order = ["day", "jobs", "reason"]
    jobs = forms.MultipleChoiceField(
        label=gettext_lazy("Jobs"),
        required=False,
        help_text=gettext_lazy("None chosen means all. What they need comes along."),
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["jobs"].choices = [  # type: ignore[attr-defined]
            (job.name, job.name) for job in registry.ordered()
        ]
        if not self.is_bound:
            self.initial.setdefault("day", platform_time.latest_as_of())


class RecomputeForm(DayForm):
    """All computed days from one on. `previewed` is what staff saw before they confirmed."""

    previewed = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["day"].label = gettext_lazy("Recompute from (Pacific day)")


class StopForm(forms.Form):
    """Why a night is stopped."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200)
