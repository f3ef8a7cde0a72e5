"""The certificate form: shows the fields a type asks for, what was typed and what is wrong with it.

Values are judged by `services.certificates`, for pages and API alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.forms.utils import ErrorDict
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from compliance.certificates.fields import MAX_SCOPE
from compliance.certificates.input import ALL, OWN, SOME, UPSTREAM
from compliance.certificates.numbers import MAX_TYPED
from compliance.certificates.types import TypeRules
from compliance.choices import CertificateType, EprCategory
from compliance.epr.schema import EprRules, NumberFormat
from portal.filters import DayInput

UPLOADS = {"files": "new_files", "invoices": "new_invoices"}
"""Field of the service → field of the form that takes new uploads."""
ACCEPT = ".pdf,.png,.jpg,.jpeg,application/pdf,image/png,image/jpeg"


class FilesInput(forms.ClearableFileInput):
    """A file input that takes several."""

    allow_multiple_selected = True


class AnyChoice(forms.ChoiceField):
    """A choice whose value the service judges."""

    def valid_value(self, value: str) -> bool:
        """Accept whatever was sent."""
        return True


def _text(label: Any, **attrs: Any) -> forms.CharField:
    return forms.CharField(
        label=label, required=False, widget=forms.TextInput(attrs={"maxlength": 200, **attrs})
    )


def _lines(label: Any, help_text: Any, rows: int = 2) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        widget=forms.Textarea(attrs={"rows": rows}),
        help_text=help_text,
    )


def _scope(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": MAX_SCOPE}),
    )


_ONE_PER_LINE = _("One per line, or separated by commas.")


class CertificateForm(forms.Form):
    """A certificate as it is typed; fields the type does not ask for are left out."""

    type = AnyChoice(label=_("Type of certificate"), choices=CertificateType.choices)
    admission = AnyChoice(label=_("Industry admission"), required=False)
    country = AnyChoice(label=_("Country"))
    category = AnyChoice(label=_("EPR category"))
    number = _text("", maxlength=MAX_TYPED, autocomplete="off", spellcheck="false")
    # Translators: 证书名称
    name = _text(_("Name of the certificate"))
    entity_name = _text("")
    company_name = _text("")
    # Translators: 颁证日期
    issued_on = forms.CharField(label=_("Issued on"), widget=DayInput())
    # Translators: 到期时间
    expires_on = forms.CharField(
        label=_("Last day"), required=False, widget=DayInput(), help_text=_("It counts that day.")
    )
    own = AnyChoice(
        label=_("Whose registration is it?"),
        widget=forms.RadioSelect,
        help_text=_(
            "Who first puts the goods on that country's market is the producer and needs its own"
            " number, also when selling from abroad. If your supplier is, give its number with your"
            " purchase invoice."
        ),
    )
    # Translators: 范围
    scope_en = _scope(_("Scope (English)"))
    # Translators: 范围(中文)
    scope_zh = _scope(_("Scope (Chinese)"))
    brands = _lines(_("Brands"), _ONE_PER_LINE)
    device_types = _lines(_("Kinds of device"), _ONE_PER_LINE)
    cas_numbers = _lines(
        _("CAS numbers"), _("What the licence allows, such as 7664-93-9. One per line."), 3
    )
    new_files = forms.FileField(
        label=_("Files of the certificate"), widget=FilesInput(attrs={"accept": ACCEPT})
    )
    new_invoices = forms.FileField(
        # Translators: 购货发票
        label=_("Purchase invoices"),
        required=False,
        widget=FilesInput(attrs={"accept": ACCEPT}),
        help_text=_(
            "Only for an upstream supplier's number: they show that you buy from the holder."
        ),
    )
    coverage = AnyChoice(
        label=_("What does it cover?"),
        widget=forms.RadioSelect,
        choices=[
            (ALL, _("All products of my shop")),
            (SOME, _("Only the products and categories below")),
        ],
    )
    products = _lines(pgettext_lazy("certificate", "Products"), _("Product numbers, one per line."))
    declaration = forms.BooleanField(label=_("We confirm this declaration."))

    def __init__(
        self,
        content: Mapping[str, Any],
        *,
        type_rules: TypeRules,
        rules: EprRules,
        countries: Sequence[tuple[str, str]],
        admissions: Sequence[tuple[str, str]],
        bound: bool = False,
    ) -> None:
        super().__init__(content if bound else None, initial=dict(content))
        self.type_rules = type_rules
        self.rules = rules
        self.content = content
        self.section_problems: dict[str, list[str]] = {}
        """What is wrong with inputs the template draws by itself."""
        self._ask(countries, admissions)
        self._name_fields()
        asked = type_rules.fields | {"coverage", "new_files"}
        if type_rules.takes_invoices:
            asked |= {"new_invoices", "own"}
        for name in set(self.fields).difference(asked):
            del self.fields[name]

    def _ask(
        self, countries: Sequence[tuple[str, str]], admissions: Sequence[tuple[str, str]]
    ) -> None:
        """Fill the choices that depend on rulebooks."""
        empty = [("", gettext("Choose"))]
        self._choose("country", [*empty, *countries])
        asked = [
            row.category
            for row in self.rules.requirements
            if row.country == self.content.get("country")
        ]
        labels = [(one.value, one.label) for one in asked or self.rules.categories]
        chosen = self.content.get("category")
        if chosen in EprCategory.values and chosen not in dict(labels):
            # What was chosen for another country is shown, so that the message about it makes sense.
            labels.append((str(chosen), EprCategory(chosen).label))
        self._choose("category", [*empty, *labels])
        self._choose("admission", [("", gettext("Another one")), *admissions])
        self._choose(
            "own",
            [
                (OWN, gettext("Our own")),
                (UPSTREAM, gettext("An upstream supplier's (with the purchase invoice)")),
            ],
        )

    def _choose(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = choices

    def _name_fields(self) -> None:
        rules = self.type_rules
        self.fields["number"].label = str(rules.number_name)
        self.fields["entity_name"].label = str(rules.entity_name)
        self.fields["entity_name"].help_text = gettext("As it is written on the certificate.")
        self.fields["company_name"].label = str(rules.company_name)
        self.fields["type"].help_text = str(rules.help)
        for name in ("number", "entity_name"):
            self.fields[name].required = True
        for name in ("expires_on", "company_name", "brands"):
            self.fields[name].required = name in rules.requires
        if not rules.expiry_required:
            self.fields["expires_on"].help_text = gettext(
                "It counts that day. Leave it empty if the certificate has no end."
            )
        expected = self.number_format
        if expected is not None:
            text = gettext("%(name)s, for example %(example)s. Spaces and hyphens do not matter.")
            self.fields["number"].help_text = text % {
                "name": expected.name,
                "example": expected.example,
            }

    @property
    def number_format(self) -> NumberFormat | None:
        """How the number of the chosen country and category looks."""
        content = self.content
        if self.type_rules.type != CertificateType.EPR:
            return None
        return self.rules.number_format(
            str(content.get("country", "")), str(content.get("category", ""))
        )

    def full_clean(self) -> None:
        """Judge nothing: the service says what is wrong, all of it at once."""
        self._errors = ErrorDict(renderer=self.renderer)
        self.cleaned_data: dict[str, Any] = {}

    def show_problems(self, problems: Iterable[tuple[str, str]]) -> None:
        """Put each problem at its field, or at the top of the form."""
        for name, text in problems:
            if name == "categories":
                self.section_problems.setdefault(name, []).append(text)
                continue
            field = UPLOADS.get(name, name)
            self.add_error(field if field in self.fields else None, text)
