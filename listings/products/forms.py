"""The product form: reads and shows raw input; what is right or wrong is said by the service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.gate import traits_asked
from listings.choices import SERVICES, EprTrait, PriceMode, ProductKind, VideoQuality
from listings.matching.countries import COUNTRIES
from listings.models import ShippingTemplate
from listings.services.product_attributes import split_attributes
from listings.services.product_catalogue import Offer
from listings.services.product_data import MAX_TIERS, MAX_TITLE, ProductData, money_text
from listings.services.product_rules import Problem, cas_problem
from portal.choices import AttributeType
from portal.country_names import country_name
from portal.models import Category, Member

SPARE_ROWS = 3
MANY_VALUES = 12
"""A multi-select with more values than this is a list box instead of check boxes."""


def country_choices() -> list[tuple[str, str]]:
    """Return the countries by name, with their codes."""
    named = [(code, f"{country_name(code)} ({code})") for code in COUNTRIES]
    return sorted(named, key=lambda pair: pair[1])


class ProductForm(forms.Form):
    """One page for everything a product says, in the sections of `product_form.html`.

    System attributes of the category become the fields `attr:CODE`, each with a field `own:CODE` for
    a value that is not in the list. Rows (tiers, specifications, custom attributes) are repeated
    inputs of one name.
    """

    category = forms.CharField(required=False, widget=forms.HiddenInput)
    version = forms.CharField(required=False, widget=forms.HiddenInput)
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), choices=ProductKind.choices, widget=forms.RadioSelect
    )
    title = forms.CharField(
        label=gettext_lazy("Title"),
        required=False,
        max_length=MAX_TITLE,
        help_text=gettext_lazy("At most 300 characters. Themes look for their keywords here."),
    )
    keywords = forms.CharField(
        label=gettext_lazy("Keywords"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("One per line."),
    )
    brand = forms.CharField(label=gettext_lazy("Brand"), required=False)
    cas = forms.CharField(
        label=gettext_lazy("CAS number"),
        required=False,
        help_text=gettext_lazy("For chemicals, such as 7664-93-9."),
    )
    price_mode = forms.ChoiceField(
        label=gettext_lazy("Pricing"), choices=PriceMode.choices, widget=forms.RadioSelect
    )
    price_min = forms.CharField(label=gettext_lazy("Lowest price (USD)"), required=False)
    price_max = forms.CharField(label=gettext_lazy("Highest price (USD)"), required=False)
    moq = forms.CharField(label=gettext_lazy("Minimum order"), required=False)
    unit = forms.CharField(label=gettext_lazy("Unit"), required=False)
    shipping_template = forms.ChoiceField(label=gettext_lazy("Shipping template"), required=False)
    dispatch_days = forms.CharField(label=gettext_lazy("Dispatch within (days)"), required=False)
    services = forms.MultipleChoiceField(
        label=gettext_lazy("Services"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    more_services = forms.CharField(
        label=gettext_lazy("Further services"),
        required=False,
        help_text=gettext_lazy("Codes, separated by commas."),
    )
    target_countries = forms.MultipleChoiceField(
        label=gettext_lazy("Target countries"),
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 10}),
        help_text=gettext_lazy("Hold Ctrl or ⌘ to choose several."),
    )
    epr_traits = forms.MultipleChoiceField(
        label=gettext_lazy("EPR traits"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None chosen: the category's default holds."),
    )
    description = forms.CharField(
        label=gettext_lazy("Description"), required=False, widget=forms.Textarea(attrs={"rows": 8})
    )
    images = forms.CharField(
        label=gettext_lazy("Pictures"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("One address per line, the main picture first."),
    )
    video = forms.ChoiceField(
        label=gettext_lazy("Video"), required=False, choices=VideoQuality.choices
    )
    showcase = forms.BooleanField(label=gettext_lazy("Put in the showcase"), required=False)
    owner = forms.ChoiceField(label=gettext_lazy("Responsible"), required=False)

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        content: ProductData | None = None,
        category: Category | None = None,
        offers: Sequence[Offer] = (),
        version: int | None = None,
    ) -> None:
        self.content = content or ProductData()
        self.chosen_category = category
        self.offers = {offer.code: offer for offer in offers}
        self.section_errors: dict[str, list[str]] = {}
        self.posted = data if data is not None else QueryDict()
        super().__init__(data, initial=self._initial(version))
        self._fill_choices()
        for offer in offers:
            self._add_attribute(offer)

    def _initial(self, version: int | None) -> dict[str, Any]:
        data = self.content
        plain = {name: getattr(data, name) for name in _SAME}
        return plain | {
            "category": self.chosen_category.code if self.chosen_category else data.category,
            "version": version or "",
            "price_min": money_text(data.price_min) or "",
            "price_max": money_text(data.price_max) or "",
            "keywords": "\n".join(data.keywords),
            "images": "\n".join(data.images),
            "services": [code for code in data.services if code in SERVICES],
            "more_services": ", ".join(code for code in data.services if code not in SERVICES),
            "epr_traits": data.epr_traits or [],
        }

    def _fill_choices(self) -> None:
        members = Member.objects.filter(is_active=True).select_related("user")
        empty = [("", "–")]
        self._choose(
            "owner",
            empty
            + [
                (str(one.pk), one.user.get_full_name() or one.user.get_username())
                for one in members.order_by("user__username")
            ],
        )
        templates = ShippingTemplate.objects.values_list("pk", "name")
        self._choose("shipping_template", empty + [(str(pk), name) for pk, name in templates])
        self._choose("services", SERVICES.items())
        traits = {*traits_asked(), *(self.content.epr_traits or ())}
        traits.update(self.posted.getlist("epr_traits"))
        self._choose("epr_traits", [pair for pair in EprTrait.choices if pair[0] in traits])
        chosen = {*self.content.target_countries, *self.posted.getlist("target_countries")}
        self._choose(
            "target_countries", sorted(country_choices(), key=lambda pair: pair[0] not in chosen)
        )

    def _choose(self, name: str, choices: Iterable[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = list(choices)

    def _add_attribute(self, offer: Offer) -> None:
        name = f"attr:{offer.code}"
        values = self.content.attributes.get(offer.code, [])
        label = f"{offer.name} ({offer.unit})" if offer.unit else offer.name
        known = [(value, value) for value in offer.values]
        known += [(value, value) for value in values if value not in offer.values]
        field: forms.Field
        if offer.is_closed and offer.type == AttributeType.MULTI:
            widget = (
                forms.SelectMultiple(attrs={"size": 6})
                if len(known) > MANY_VALUES
                else forms.CheckboxSelectMultiple()
            )
            field = AnyChoices(label=label, required=False, choices=known, widget=widget)
            field.initial = values
        elif offer.is_closed:
            field = AnyChoice(label=label, required=False, choices=[("", "–"), *known])
            field.initial = values[0] if values else ""
        else:
            field = forms.CharField(label=label, required=False)
            field.initial = " | ".join(values)
        self.fields[name] = field
        if offer.is_closed:
            self.fields[f"own:{offer.code}"] = forms.CharField(
                label=_("Own value for %(name)s") % {"name": offer.name},
                required=False,
                widget=forms.TextInput(attrs={"placeholder": _("Own value")}),
            )

    # --- Reading ----------------------------------------------------------------------------------

    def given(self) -> tuple[dict[str, Any], list[str]]:
        """Return the raw fields for the service, and warnings about own values (LST-4)."""
        data = self.posted
        given: dict[str, Any] = {name: (data.get(name) or "").strip() for name in _TEXTS}
        if given["price_mode"] not in PriceMode.values:
            given["price_mode"] = PriceMode.FOB
        if given["price_mode"] != PriceMode.FOB:
            del given["price_min"], given["price_max"]
        given["showcase"] = bool(data.get("showcase"))
        given["keywords"] = _lines(data.get("keywords") or "")
        given["images"] = _lines(data.get("images") or "")
        more = (data.get("more_services") or "").replace("，", ",")
        given["services"] = [*data.getlist("services"), *_parts(more, ",")]
        given["target_countries"] = data.getlist("target_countries")
        given["epr_traits"] = data.getlist("epr_traits")
        given["tiers"] = [list(row) for row in self._posted(TIERS)]
        given["skus"] = [dict(zip(("name", "price", "stock"), row, strict=True)) for row in
                         self._posted(SKUS)]  # fmt: skip
        system, own, warnings = split_attributes(self._typed_attributes(), self.offers)
        given["attributes"] = system
        given["custom_attributes"] = own | {row[0]: row[1] for row in self._posted(CUSTOM)}
        return given, warnings

    def _typed_attributes(self) -> dict[str, list[str]]:
        typed: dict[str, list[str]] = {}
        for code, offer in self.offers.items():
            values = [value.strip() for value in self.posted.getlist(f"attr:{code}")]
            if not offer.is_closed:
                values = (
                    _parts("|".join(values), "|") if offer.type == AttributeType.TEXT else values
                )
            own = (self.posted.get(f"own:{code}") or "").strip()
            if own and offer.type != AttributeType.MULTI:
                values = [own]
            elif own:
                values.append(own)
            if any(values):
                typed[code] = [value for value in values if value]
        return typed

    def _posted(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the rows that hold anything, as they were typed."""
        columns = [self.posted.getlist(name) for name in names]
        rows = zip(*columns, strict=False)
        return [
            row for row in (tuple(cell.strip() for cell in cells) for cells in rows) if any(row)
        ]

    def typing_problems(self) -> list[Problem]:
        """Return what only people are asked for: a check digit that fits."""
        typed = (self.posted.get("cas") or "").strip()
        message = cas_problem(typed) if typed else ""
        return [("cas", message)] if message else []

    # --- Showing ----------------------------------------------------------------------------------

    def tier_rows(self) -> list[tuple[str, ...]]:
        """Return four rows of quantity and price."""
        rows = self._posted(TIERS) if self.is_bound else _texts(self.content.tiers)
        return [*rows, *[("", "")] * (MAX_TIERS - len(rows))]

    def sku_rows(self) -> list[tuple[str, ...]]:
        """Return the specifications and spare rows."""
        stored = [(sku["name"], sku["price"], sku.get("stock")) for sku in self.content.skus]
        rows = self._posted(SKUS) if self.is_bound else _texts(stored)
        return [*rows, *[("", "", "")] * SPARE_ROWS]

    def custom_rows(self) -> list[tuple[str, ...]]:
        """Return the custom attributes and spare rows."""
        rows = (
            self._posted(CUSTOM)
            if self.is_bound
            else _texts(self.content.custom_attributes.items())
        )
        return [*rows, *[("", "")] * SPARE_ROWS]

    def attribute_rows(self) -> list[dict[str, Any]]:
        """Return the attributes' bound fields, each with the field for an own value."""
        return [
            {
                "field": self[f"attr:{code}"],
                "own": self[f"own:{code}"] if offer.is_closed else None,
            }
            for code, offer in self.offers.items()
        ]

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Put each of the service's problems at its field."""
        self.is_valid()
        for name, text in problems:
            code, _colon, rest = text.partition(": ")
            if name == "attributes" and code in self.offers:
                self.add_error(f"attr:{code}", rest)
            elif name in SECTIONS:
                self.section_errors.setdefault(name, []).append(text)
            elif name in self.fields and name not in ("category", "version"):
                self.add_error(name, text)
            elif name == "category":
                self.section_errors.setdefault("category", []).append(text)
            else:
                self.add_error(None, text)


class AnyChoice(forms.ChoiceField):
    """A choice whose value the service judges."""

    def valid_value(self, value: str) -> bool:
        """Accept whatever was sent."""
        return True


class AnyChoices(forms.MultipleChoiceField):
    """Several choices whose values the service judges."""

    def valid_value(self, value: str) -> bool:
        """Accept whatever was sent."""
        return True


TIERS = ("tier_quantity", "tier_price")
SKUS = ("sku_name", "sku_price", "sku_stock")
CUSTOM = ("custom_name", "custom_value")
SECTIONS = frozenset({"attributes", "custom_attributes", "tiers", "skus", "status"})

_SAME = (
    "kind", "title", "brand", "cas", "price_mode", "moq", "unit", "shipping_template",
    "dispatch_days", "target_countries", "description", "video", "showcase", "owner",
)  # fmt: skip
_TEXTS = (
    "category", "kind", "title", "brand", "cas", "price_mode", "price_min", "price_max", "moq",
    "unit", "shipping_template", "dispatch_days", "description", "video", "owner",
)  # fmt: skip


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _parts(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]


def _texts(rows: Any) -> list[tuple[str, ...]]:
    return [tuple("" if cell is None else str(cell) for cell in row) for row in rows]


def content_from(prefill: Mapping[str, Any]) -> ProductData:
    """Return form content from a prefill: a content with fields missing."""
    return ProductData.from_content({**ProductData().as_content(), **prefill})
