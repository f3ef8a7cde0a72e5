"""Inputs of the staff form of a theme: lists by line, attributes as JSON with readable complaints."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from listings.models import Theme
from portal.admin.json_fields import JsonObjectField


class ListField(forms.CharField):
    """A list of texts, one per line or separated by commas or `|`."""

    widget = forms.Textarea(attrs={"rows": 3})

    def __init__(self, *, separators: str = r"[\n|,，]", **kwargs: Any) -> None:
        self.separators = re.compile(separators)
        super().__init__(required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Show a list by lines."""
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        """Return the texts."""
        if isinstance(value, list):
            return value
        return [text.strip() for text in self.separators.split(value or "") if text.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare lists, not their spelling."""
        return (initial or []) != self.to_python(data)


class ThemeForm(forms.ModelForm):
    """What staff write; `listings.services.themes` judges it against the catalogue."""

    keywords = ListField(
        label=gettext_lazy("Title keywords"),
        separators=r"[\n|]",
        help_text=gettext_lazy("One per line; a phrase is one keyword."),
    )
    services = ListField(
        label=gettext_lazy("Services needed"),
        help_text=gettext_lazy("Codes such as overseas_after_sales, dispatch_7d."),
    )
    countries = ListField(
        label=gettext_lazy("Target countries"),
        separators=r"[\s|,，]+",
        help_text=gettext_lazy(
            "Codes of two letters. Any makes the theme national; one is enough."
        ),
    )
    attributes = JsonObjectField(
        label=gettext_lazy("System attributes"),
        help_text=gettext_lazy('Code → accepted values: {"voltage": ["36V", "48V"]}.'),
    )

    class Meta:
        model = Theme
        fields = (
            "theme_id", "title_en", "title_zh", "reason_en", "reason_zh", "picture", "category",
            "keywords", "keyword_mode", "kind", "attributes", "services", "countries",
            "price_min", "price_max", "starts_on", "ends_on",
            "traffic_gain", "conversion_gain", "trade_gain",
        )  # fmt: skip

    def _get_validation_exclusions(self) -> set[str]:
        """Leave the order of days and of prices to the service, which names the field.

        The model's constraints would only speak for the form as a whole.
        """
        left_out: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return left_out | {"starts_on", "price_min"}

    def data_for_service(self) -> dict[str, Any]:
        """Return what was typed as the service takes it: the category as a code."""
        data = dict(self.cleaned_data)
        data["category"] = data["category"].code if data.get("category") else ""
        return data
