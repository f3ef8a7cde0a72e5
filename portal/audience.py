"""Whom a bulletin concerns: conditions on a seller, as data (K-17).

An audience is a list of `{field, op, value}` that must all hold; an empty one concerns everybody.
Other apps add fields of their own (`register_audience_field`), so the kernel need not know them.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_countries import countries

from portal.choices import CompanyType, Membership
from portal.models import Category, Order, Seller
from portal.scoping import unscoped

Values = Mapping[int, Any]
"""Value by seller primary key."""


class FieldType(StrEnum):
    """How a field is compared."""

    TEXT = "text"
    NUMBER = "number"
    MANY = "many"
    """A seller has a set of values: `eq` asks whether one is in it, `in` whether any is."""


@dataclass(frozen=True)
class AudienceField:
    """A field conditions may name. `load` reads the values of many sellers in one query."""

    code: str
    type: FieldType
    load: Callable[[QuerySet[Seller]], Values]
    allowed: Callable[[], Iterable[str]] | None = None

    @property
    def operators(self) -> tuple[str, ...]:
        """Operators that make sense for the field."""
        if self.type == FieldType.NUMBER:
            return ("eq", "ne", "gte", "gt", "lte", "lt", "in")
        return ("eq", "ne", "in")


FIELDS: dict[str, AudienceField] = {}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gte": operator.ge,
    "gt": operator.gt,
    "lte": operator.le,
    "lt": operator.lt,
}


def register_audience_field(field: AudienceField) -> None:
    """Let audiences name a field; once per code."""
    if field.code in FIELDS:
        raise ValueError(f"audience field {field.code!r} is declared twice")
    FIELDS[field.code] = field


def condition_holds(condition: Mapping[str, Any], value: Any) -> bool:
    """Tell whether one valid condition holds for a seller's value. Pure; a missing value only meets `ne`."""
    wanted, op = condition["value"], condition["op"]
    if isinstance(value, (set, frozenset)):
        met = bool(value & set(wanted)) if op == "in" else wanted in value
        return not met if op == "ne" else met
    if value is None:
        return op == "ne"
    if op == "in":
        return value in wanted
    return _COMPARE[op](value, wanted)


def audience_errors(audience: Any) -> list[str]:
    """Return what is wrong with an audience, with places and nearest names; empty when valid."""
    if not isinstance(audience, list):
        return [_("An audience is a list of conditions.")]
    return [
        f"[{index}] {text}"
        for index, condition in enumerate(audience)
        for text in _condition_errors(condition)
    ]


def _condition_errors(condition: Any) -> list[str]:
    if not isinstance(condition, dict) or set(condition) != {"field", "op", "value"}:
        return [_("A condition has exactly the keys field, op and value.")]
    field = FIELDS.get(str(condition["field"]))
    if field is None:
        nearest = difflib.get_close_matches(str(condition["field"]), FIELDS, n=3, cutoff=0.4)
        return [
            _("There is no field “%(field)s”. Nearest: %(nearest)s.")
            % {"field": condition["field"], "nearest": ", ".join(nearest or sorted(FIELDS))}
        ]
    if condition["op"] not in field.operators:
        return [
            _("“%(field)s” can be compared with: %(operators)s.")
            % {"field": field.code, "operators": ", ".join(field.operators)}
        ]
    return _value_errors(field, condition["op"], condition["value"])


def _value_errors(field: AudienceField, op: str, value: Any) -> list[str]:
    if (op == "in") != isinstance(value, list):
        return [_("“in” takes a list, every other comparison one value.")]
    values = value if isinstance(value, list) else [value]
    numeric = field.type == FieldType.NUMBER
    if any(
        isinstance(one, bool) or not isinstance(one, (int, float) if numeric else str)
        for one in values
    ):
        return [_("The value must be a number.") if numeric else _("The value must be a text.")]
    if field.allowed is None:
        return []
    allowed = set(field.allowed())
    return [
        _("“%(value)s” is not a value of %(field)s. Nearest: %(nearest)s.")
        % {
            "value": one,
            "field": field.code,
            "nearest": ", ".join(
                difflib.get_close_matches(str(one), sorted(allowed), n=3, cutoff=0.4)
                or sorted(allowed)[:5]
            ),
        }
        for one in values
        if one not in allowed
    ]


def sellers_concerned(
    audiences: Iterable[list[Mapping[str, Any]]], sellers: QuerySet[Seller]
) -> list[set[int]]:
    """Return, audience by audience, the primary keys of the sellers it concerns.

    One query for the sellers and one per field named, however many audiences and sellers. A
    condition on a field that no longer exists concerns nobody.
    """
    audiences = list(audiences)
    everybody = set(sellers.values_list("pk", flat=True))
    named = {str(condition["field"]) for audience in audiences for condition in audience}
    with unscoped():
        values = {code: FIELDS[code].load(sellers) for code in named if code in FIELDS}
    return [
        {
            pk
            for pk in everybody
            if all(
                condition["field"] in values
                and condition_holds(condition, values[condition["field"]].get(pk))
                for condition in audience
            )
        }
        for audience in audiences
    ]


# --- The kernel's fields ------------------------------------------------------------------------


def _column(name: str) -> Callable[[QuerySet[Seller]], Values]:
    def load(sellers: QuerySet[Seller]) -> Values:
        return dict(sellers.values_list("pk", name))

    return load


def _sold_to(sellers: QuerySet[Seller]) -> Values:
    """Countries of paid orders that are not fake."""
    found: dict[int, set[str]] = {pk: set() for pk in sellers.values_list("pk", flat=True)}
    sold = (
        Order.objects.filter(
            seller__in=sellers.order_by().values("pk"), paid_at__isnull=False, fake=False
        )
        .exclude(destination="")
        .order_by()
        .values_list("seller_id", "destination")
        .distinct()
    )
    for seller_id, destination in sold:
        found[seller_id].add(destination)
    return found


def _industries() -> Iterable[str]:
    return Category.objects.filter(parent__isnull=True).values_list("code", flat=True)


for _field in (
    AudienceField("membership", FieldType.TEXT, _column("membership"), lambda: Membership.values),
    AudienceField(
        "company_type", FieldType.TEXT, _column("company_type"), lambda: CompanyType.values
    ),
    AudienceField("assessed_star", FieldType.NUMBER, _column("assessed_star")),
    AudienceField("industry", FieldType.TEXT, _column("industry__code"), _industries),
    AudienceField("province", FieldType.TEXT, _column("province")),
    AudienceField("sold_to", FieldType.MANY, _sold_to, lambda: dict(countries)),
):
    register_audience_field(_field)
