"""The fields of a certificate: as they were given, and as they are kept; pure (EPR-4, CRT-1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from stdnum import casrn

from compliance.certificates.numbers import (
    MAX_TYPED,
    CheckedNumber,
    check_number,
    check_other_number,
)
from compliance.certificates.types import TYPE_RULES, TypeRules, Whose
from compliance.choices import CertificateType, EprCategory
from compliance.epr.schema import EprRules
from portal.country_names import country_name
from portal.ingest.cells import CellError, did_you_mean, quote, safe_text
from portal.ingest.columns import Bool, Choice, Code, Column, Country, Day, Text, TextList

MAX_SCOPE = 1024
MAX_BRANDS, MAX_CAS = 50, 200
MAX_PRODUCTS, MAX_CATEGORIES = 10_000, 500

TEXTS = (
    "type",
    "name",
    "admission",
    "entity_name",
    "company_name",
    "country",
    "category",
    "number",
    "issued_on",
    "expires_on",
    "scope_en",
    "scope_zh",
    "own",
)
"""Fields that a form and a body send as one text each."""
LISTS = ("brands", "device_types", "cas_numbers", "products")

Problems = list[tuple[str, str]]
"""(name of the field in the API, what is wrong with it)."""


@dataclass(frozen=True, kw_only=True)
class CertificateFields:
    """A certificate as somebody filled it in; nothing is checked yet.

    Days may be texts (`YYYY-MM-DD`), flags words (`true`, `no`), lists texts separated by `|`.
    `products` are product ids, `categories` codes; with neither it covers all products.
    """

    type: str
    entity_name: str = ""
    number: str = ""
    issued_on: date | str | None = None
    expires_on: date | str | None = None
    name: str = ""
    admission: str = ""
    company_name: str = ""
    country: str = ""
    category: str = ""
    scope_en: str = ""
    scope_zh: str = ""
    brands: Sequence[str] | str = ()
    device_types: Sequence[str] | str = ()
    cas_numbers: Sequence[str] | str = ()
    own: bool | str | None = None
    declaration: bool | str | None = None
    products: Sequence[str] | str = ()
    categories: Sequence[str] | str = ()


@dataclass(frozen=True)
class CheckedFields:
    """What of the fields is kept: columns of the model, and what it covers by external ids."""

    rules: TypeRules
    columns: dict[str, Any]
    products: list[str]
    categories: list[str]

    @property
    def own(self) -> bool:
        """Whether it is the shop's own, not an upstream supplier's."""
        return bool(self.columns["own"])


class _Lines(Text):
    """Text on several lines; a line end is one character, however the browser sends it."""

    def parse(self, raw: Any) -> str:
        return super().parse(raw.replace("\r\n", "\n") if isinstance(raw, str) else raw)


class _Cas(Code):
    """A CAS number with its check digit."""

    def parse(self, raw: Any) -> str:
        text = super().parse(raw)
        if not casrn.is_valid(text):
            raise CellError(
                _(
                    "%(value)s is not a CAS number such as 7732-18-5; its last digit is a check digit."
                )
                % {"value": quote(raw)}
            )
        return casrn.compact(text)


_TEXTS = ("name", "entity_name", "company_name")
_COLUMNS: dict[str, Column] = {
    **{name: Text(name, optional=True) for name in _TEXTS},
    "admission": Code("admission", optional=True, max_length=40),
    "country": Country("country", optional=True),
    "category": Choice("category", choices=EprCategory.values, optional=True),
    "issued_on": Day("issued_on", optional=True),
    "expires_on": Day("expires_on", optional=True),
    "scope_en": _Lines("scope_en", optional=True, max_length=MAX_SCOPE),
    "scope_zh": _Lines("scope_zh", optional=True, max_length=MAX_SCOPE),
    "brands": TextList("brands", optional=True, max_items=MAX_BRANDS, item_length=120),
    "device_types": TextList("device_types", optional=True, max_items=MAX_BRANDS, item_length=120),
    "cas_numbers": TextList(
        "cas_numbers", optional=True, max_items=MAX_CAS, item_length=14, item=_Cas("cas_numbers")
    ),
    "own": Bool("own", optional=True, default=None),
    "declaration": Bool("declaration", optional=True, default=False),
    "products": TextList("products", optional=True, max_items=MAX_PRODUCTS, item_length=64),
    "categories": TextList("categories", optional=True, max_items=MAX_CATEGORIES, item_length=64),
}


def checked_fields(
    fields: CertificateFields, *, rules: EprRules, today: date
) -> tuple[CheckedFields | None, Problems]:
    """Return the fields as they are kept, and everything that is wrong with them (EPR-4, EPR-5).

    Fields a type does not ask for are left out, whatever they hold. `today` is a Pacific day. There
    are no checked fields when the type itself is none.
    """
    kind = str(fields.type or "").strip()
    if kind not in CertificateType.values:
        text = _("Choose the type of the certificate.") + did_you_mean(kind, CertificateType.values)
        return None, [("type", text)]
    check = _Check(fields, TYPE_RULES[CertificateType(kind)], rules, today)
    return check.run(), check.problems


class _Check:
    """One pass over the fields; collects problems in the order of the form."""

    def __init__(
        self, fields: CertificateFields, type_rules: TypeRules, rules: EprRules, today: date
    ) -> None:
        self.fields = fields
        self.type_rules = type_rules
        self.rules = rules
        self.today = today
        self.problems: Problems = []
        self.values: dict[str, Any] = {}

    def run(self) -> CheckedFields:
        for name, column in _COLUMNS.items():
            self.values[name] = self._value(name, column)
        for name in _COLUMNS:
            self._require(name)
        if self.is_epr:
            self._place()
        number = self._number()
        self._days()
        self._whose()
        if not self.values["declaration"]:
            self.problem("declaration", _("Confirm the declaration."))
        columns = {
            name: self.values[name]
            for name in _COLUMNS
            if name not in ("declaration", "products", "categories")
        }
        columns |= {"type": self.type_rules.type, "number": number.number}
        columns["number_typed"] = str(self.fields.number or "").strip()[:MAX_TYPED]
        columns["own"] = self.values["own"] is not False
        products, categories = self.values["products"], self.values["categories"]
        columns["covers_all"] = not products and not categories
        return CheckedFields(self.type_rules, columns, products, categories)

    @property
    def is_epr(self) -> bool:
        return self.type_rules.type == CertificateType.EPR

    def problem(self, name: str, text: str) -> None:
        """Note what is wrong with a field, unless something is already."""
        if name not in dict(self.problems):
            self.problems.append((name, text))

    def _value(self, name: str, column: Column) -> Any:
        if name not in self.type_rules.fields and not self._asks_whose(name):
            return column.empty_value()
        raw = getattr(self.fields, name)
        try:
            return column.clean(None if raw == () else raw)
        except CellError as error:
            self.problem(name, str(error))
            return column.empty_value()

    def _asks_whose(self, name: str) -> bool:
        return name == "own" and self.type_rules.whose is not Whose.NOT_ASKED

    def _require(self, name: str) -> None:
        required = self.type_rules.requires | {"entity_name", "issued_on"}
        if name in required and self.values[name] in (None, "", []):
            self.problem(name, _("This field is required."))
        scope = self.values.get("scope_en") or self.values.get("scope_zh")
        if name == "scope_zh" and self.type_rules.scope_required and not scope:
            self.problem("scope_en", _("Copy the scope from the licence, in either language."))

    def _place(self) -> None:
        """Check that the country asks for the category at all (EPR-1)."""
        country, category = self.values["country"], self.values["category"]
        if country and country not in self.rules.countries:
            text = _("No EPR numbers are asked for in this country. Countries: %(countries)s.")
            self.problem(
                "country", text % {"countries": ", ".join(map(country_name, self.rules.countries))}
            )
        elif country and category and self.rules.requirement(country, category) is None:
            asked = [
                row.category.value for row in self.rules.requirements if row.country == country
            ]
            text = _("%(country)s does not ask for this category. It asks for: %(asked)s.")
            self.problem(
                "category", text % {"country": country_name(country), "asked": ", ".join(asked)}
            )

    def _number(self) -> CheckedNumber:
        try:
            typed = safe_text(self.fields.number or "", MAX_TYPED)
        except CellError as error:
            self.problem("number", str(error))
            return CheckedNumber("")
        if not typed:
            self.problem("number", _("This field is required."))
            return CheckedNumber("")
        if not self.is_epr:
            checked = check_other_number(typed)
        elif {"country", "category"} & dict(self.problems).keys():
            return CheckedNumber("")  # of what, is not known yet
        else:
            values = self.values
            checked = check_number(
                self.rules, values["country"], values["category"], typed, values["issued_on"]
            )
        if checked.problem is not None:
            self.problem("number", checked.problem.text)
        return checked

    def _days(self) -> None:
        issued, expires = self.values["issued_on"], self.values["expires_on"]
        if issued is not None and issued > self.today:
            self.problem("issued_on", _("This day is still to come."))
        if expires is None:
            return
        if issued is not None and expires < issued:
            self.problem("expires_on", _("The last day is before the day of issue."))
        elif expires < self.today:
            self.problem("expires_on", _("This certificate has expired already."))

    def _whose(self) -> None:
        if self.type_rules.whose is Whose.OWN_ONLY and self.values["own"] is False:
            text = _("This must be your company's own; one of another company is not accepted.")
            self.problem("own", text)
