"""Forms with which staff confirm a violation (CMP-6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import GatedProduct, Violation
from compliance.penalties.schema import VIOLATIONS, ViolationRules
from compliance.services.penalty_cases import MAX_TEXT
from portal import platform_time
from portal.models import Order, Seller
from portal.services.rulebooks import rulebooks_published


class DayField(forms.DateField):
    """A Pacific day, typed or picked in the browser's calendar."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class ViolationForm(forms.Form):
    """What happened, to whom, under which rule."""

    seller = forms.ModelChoiceField(
        label=gettext_lazy("Shop"),
        queryset=Seller.objects.all(),
        help_text=gettext_lazy("Search by member id or company name."),
    )
    rule = forms.ChoiceField(label=gettext_lazy("Rule"))
    grave = forms.BooleanField(
        # Translators: 情节严重
        label=gettext_lazy("Grave case"),
        required=False,
        help_text=gettext_lazy("Only where the rule says what a grave case costs."),
    )
    points = forms.IntegerField(
        label=gettext_lazy("Points"),
        required=False,
        min_value=0,
        help_text=gettext_lazy("Only where the rule leaves them to you; else leave it empty."),
    )
    happened_on = DayField(
        label=gettext_lazy("Day it happened"), help_text=gettext_lazy("Pacific day.")
    )
    happened_at = forms.TimeField(
        label=gettext_lazy("Time"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}),
        help_text=gettext_lazy(
            "Pacific time. Left empty: noon of that day, or now while noon is still to come."
        ),
    )
    product = forms.CharField(label=gettext_lazy("Product id"), required=False, max_length=64)
    order = forms.CharField(label=gettext_lazy("Order id"), required=False, max_length=64)
    evidence = forms.CharField(
        label=gettext_lazy("What was found"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 6, "cols": 80}),
        help_text=gettext_lazy("The shop reads it. Files that show it are added on the next page."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = Violation._meta.get_field("seller")
        seller: Any = self.fields["seller"]
        seller.widget = AutocompleteSelect(field, admin.site)
        seller.widget.choices = seller.choices
        rule: Any = self.fields["rule"]
        rule.choices = [("", "–"), *rule_choices()]

    def clean(self) -> dict[str, Any]:
        """Find the product and the order, which the shop has to have."""
        data = super().clean() or {}
        seller = data.get("seller")
        if seller is None:
            return data
        data["product"] = self._own(
            "product", GatedProduct.objects.filter(seller=seller, product_id=data.get("product"))
        )
        data["order"] = self._own(
            "order", Order.objects.filter(seller=seller, order_id=data.get("order"))
        )
        return data

    def _own(self, name: str, found: Any) -> Any:
        if not self.cleaned_data.get(name):
            return None
        row = found.first()
        if row is None:
            self.add_error(name, _("This is not one of the shop's."))
        return row

    def happened(self, now: datetime) -> datetime:
        """Return the instant it happened."""
        data = self.cleaned_data
        if data["happened_at"] is not None:
            return platform_time.local_instant(data["happened_on"], data["happened_at"])
        noon = platform_time.local_instant(data["happened_on"], platform_time.NOON)
        today = data["happened_on"] == platform_time.day_of(now)
        return min(noon, now) if today else noon

    def asked(self, now: datetime) -> dict[str, Any]:
        """Return the arguments of `violation_preview`."""
        names = ("seller", "rule", "grave", "points", "product", "order")
        given = {name: self.cleaned_data[name] for name in names}
        return {**given, "happened_at": self.happened(now)}


class ManyFiles(forms.ClearableFileInput):
    """A field for several files."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of uploads; the service says what is wrong with them."""

    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Return them as they are."""
        return data or []


class EvidenceForm(forms.Form):
    """Files that show it, and what the preview showed."""

    uploads = FilesField(
        label=gettext_lazy("Files"),
        required=False,
        widget=ManyFiles(attrs={"accept": "application/pdf,image/png,image/jpeg"}),
        help_text=gettext_lazy("Up to 5: PDF, PNG or JPEG. The shop sees them."),
    )
    key = forms.CharField(max_length=120, widget=forms.HiddenInput)
    seen = forms.CharField(max_length=80, widget=forms.HiddenInput)


def rule_choices() -> list[tuple[str, str]]:
    """Return the rules of all published rulebooks, by their newest names."""
    names: dict[str, str] = {}
    for book in rulebooks_published(VIOLATIONS):
        rules: ViolationRules = book.content
        names |= {rule.key: rule.name for rule in rules.rules}
    return list(names.items())
