"""The quote form and the form of templates (RFQ-6, RFQ-25).

Values are judged by `quotes.terms`, for pages and API alike; the forms only show fields, what was
typed, and what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.currencies import CURRENCIES
from portal.filters import DayInput
from rfq.quotes.content import ELEMENT_LENGTH
from rfq.quotes.self_check import ELEMENTS
from rfq.quotes.terms import MAX_MESSAGE, QuoteTerms
from rfq.services.quote_templates import NAME_LENGTH

COMMON_CURRENCIES = ("USD", "EUR", "GBP", "CNY", "JPY", "AUD", "CAD")
Problems = Iterable[tuple[str, str]]


class FilesInput(forms.ClearableFileInput):
    """A file input that takes several."""

    allow_multiple_selected = True


class AnyChoice(forms.ChoiceField):
    """A choice whose value the service judges."""

    def valid_value(self, value: str) -> bool:
        """Accept whatever was sent."""
        return True


def _currencies() -> list[Any]:
    rest = [(code, code) for code in sorted(CURRENCIES.difference(COMMON_CURRENCIES))]
    return [(_("Common"), [(code, code) for code in COMMON_CURRENCIES]), (_("All others"), rest)]


class _ProblemsForm(forms.Form):
    """Shows a service's problems at the fields they name."""

    def show_problems(self, problems: Problems) -> None:
        """Put each problem at its field, or at the top of the form."""
        self.is_valid()
        for name, text in problems:
            field = "uploads" if name == "files" else name
            if self.has_error(field, "required"):
                continue  # "must not be empty" says again what the field says
            self.add_error(field if field in self.fields else None, text)


class TermsForm(_ProblemsForm):
    """What templates and quotes have in common."""

    currency = AnyChoice(label=_("Currency"), choices=_currencies, required=False)
    moq = forms.CharField(
        label=_("Minimum order quantity"),
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    lead_time_days = forms.CharField(
        label=_("Lead time (days)"),
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    ship_from = forms.CharField(
        label=_("Ships from"),
        required=False,
        widget=forms.TextInput(attrs={"maxlength": 80, "placeholder": _("Port or city")}),
    )
    sample_offered = forms.BooleanField(label=_("Sample offered"), required=False)
    message = forms.CharField(
        label=_("Message to the buyer"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 12, "maxlength": MAX_MESSAGE}),
        help_text=_("Answer what was asked, say why the price is good, introduce your company."),
    )


class QuoteForm(TermsForm):
    """A quote as it is typed. `content` is what to start with: texts by field."""

    unit_price = forms.CharField(
        label=_("Unit price"), widget=forms.TextInput(attrs={"inputmode": "decimal"})
    )
    valid_until = forms.CharField(label=_("Valid until"), required=False, widget=DayInput())
    products = forms.CharField(
        label=_("Linked products"),
        required=False,
        help_text=_("Numbers of your products, separated by commas; at most 10."),
    )
    uploads = forms.FileField(
        label=_("Attachments"),
        required=False,
        widget=FilesInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg"}),
        help_text=_("PDF, PNG or JPEG, up to 10 MB each. Only you, the buyer and staff see them."),
    )
    # Translators: 报价置顶
    pin = forms.BooleanField(label=_("Pin this quote"), required=False)

    def __init__(self, content: Mapping[str, Any] | None = None, *, bound: bool = False) -> None:
        values = {"currency": "USD", **(content or {})}
        super().__init__(values if bound else None, initial=values)


def terms_given(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the raw terms of what was typed, in the form `terms.terms_from` reads."""
    names = ("unit_price", "currency", "moq", "lead_time_days", "ship_from", "valid_until")
    given: dict[str, Any] = {name: str(content.get(name) or "").strip() or None for name in names}
    given["sample_offered"] = bool(content.get("sample_offered"))
    given["message"] = str(content.get("message") or "")
    products = str(content.get("products") or "").replace("，", ",").replace("\n", ",")
    ids = [part.strip() for part in products.split(",")]
    given["products"] = [part for part in dict.fromkeys(ids) if part]
    return given


def content_of(terms: QuoteTerms) -> dict[str, Any]:
    """Return a quote's terms as the form shows them."""
    content = {name: "" if value is None else value for name, value in terms.as_columns().items()}
    content["unit_price"] = f"{terms.unit_price.normalize():f}"
    content["valid_until"] = terms.valid_until.isoformat() if terms.valid_until else ""
    content["products"] = ", ".join(terms.products)
    return content


class TemplateForm(TermsForm):
    """A template: its name, terms and wording, and the six elements of the company introduction."""

    name = forms.CharField(
        label=_("Name"), required=False, widget=forms.TextInput(attrs={"maxlength": NAME_LENGTH})
    )
    valid_days = forms.CharField(
        label=_("Valid for (days)"),
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        help_text=_("From the day the template is used."),
    )

    def __init__(self, content: Mapping[str, Any] | None = None, *, bound: bool = False) -> None:
        values = dict(content or {})
        super().__init__(values if bound else None, initial=values)
        self.fields["message"].help_text = _("Wording that is added to the message of a quote.")
        for key, label in ELEMENTS.items():
            self.fields[f"intro_{key}"] = forms.CharField(
                label=str(label),
                required=False,
                widget=forms.TextInput(
                    attrs={"maxlength": ELEMENT_LENGTH, "placeholder": _EXAMPLES[key]}
                ),
            )

    def introduction(self) -> list[forms.BoundField]:
        """Return the six elements' fields in order."""
        return [self[f"intro_{key}"] for key in ELEMENTS]


# Introductions are written to buyers abroad, so the examples are English in every interface.
_EXAMPLES = {
    "years": "15 years of manufacturing, founded in 2007",
    "output": "Annual output 200,000 sets",
    "capacity": "4 production lines, 20,000 sets per month",
    "customization": "OEM and ODM, your logo from 100 sets",
    "brands": "Supplier of brands such as …",
    "certificates": "CE, RoHS, ISO 9001",
}


def elements_given(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the elements of a posted template form."""
    return {key: data.get(f"intro_{key}") for key in ELEMENTS}
