"""Whom something concerns: conditions on a seller, as data (K-17, GRO-6, GRO-17).

An audience is a list of `{field, op, value}` or `{metric, op, value}` that must all hold; an empty one
concerns everybody. Other apps add fields of their own (`register_audience_field`), so the kernel need
not know them. Metrics are read on their newest published day.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import platform_time
from portal.metrics import METRICS, metric_empty, metric_job, metric_known, metric_title
from portal.models import MetricValue, Seller
from portal.nightly.published import published_day
from portal.scoping import unscoped
from portal.templatetags.portal_ui import list_text

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
    """A field conditions may name.

    `load` reads the values of many sellers on a Pacific day in one query; `own` takes the value of one
    seller from the seller at hand, where that saves the query. `names` gives the words of the values that
    readers are shown; `allowed` the values there are.
    """

    code: str
    type: FieldType
    load: Callable[[QuerySet[Seller], date], Values]
    allowed: Callable[[], Iterable[str]] | None = None
    title: Any = ""
    names: Callable[[Collection[str]], Mapping[str, Any]] | None = None
    own: Callable[[Seller, date], Any] | None = None

    @property
    def operators(self) -> tuple[str, ...]:
        """Operators that make sense for the field."""
        return NUMERIC if self.type == FieldType.NUMBER else ("eq", "ne", "in")


NUMERIC = ("eq", "ne", "gte", "gt", "lte", "lt", "in")
FIELDS: dict[str, AudienceField] = {}
KEYS = ({"field", "op", "value"}, {"metric", "op", "value"})
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
    wanted, op = _exact(condition["value"], value), condition["op"]
    if isinstance(value, (set, frozenset)):
        met = bool(value & set(wanted)) if op == "in" else wanted in value
        return not met if op == "ne" else met
    if value is None:
        return op == "ne"
    if op == "in":
        return value in wanted
    return _COMPARE[op](value, wanted)


def _exact(wanted: Any, value: Any) -> Any:
    """Return what a number is compared with as the decimal that was written: 0.1 in JSON is not 1/10."""
    if isinstance(value, bool) or not isinstance(value, (Decimal, int)):
        return wanted
    if isinstance(wanted, list):
        return [_exact(one, value) for one in wanted]
    return Decimal(str(wanted))


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
    if not isinstance(condition, dict) or set(condition) not in KEYS:
        return [_("A condition has exactly the keys field or metric, op and value.")]
    if "metric" in condition:
        return _metric_errors(condition)
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


def _metric_errors(condition: Mapping[str, Any]) -> list[str]:
    key = condition["metric"]
    if not isinstance(key, str) or not metric_known(key):
        nearest = difflib.get_close_matches(str(key), METRICS, n=3, cutoff=0.4)
        text = _("There is no metric “%(metric)s”. Nearest: %(nearest)s.")
        return [text % {"metric": key, "nearest": ", ".join(nearest) or "ext.*"}]
    if condition["op"] not in NUMERIC:
        return [
            _("“%(field)s” can be compared with: %(operators)s.")
            % {"field": key, "operators": ", ".join(NUMERIC)}
        ]
    return _shape_errors(condition["op"], condition["value"], numeric=True, quoted=True)


def _shape_errors(op: str, value: Any, *, numeric: bool, quoted: bool = False) -> list[str]:
    """`quoted`: digits in quotes are a number too, as money is written; only metrics are money."""
    if (op == "in") != isinstance(value, list):
        return [_("“in” takes a list, every other comparison one value.")]
    values = value if isinstance(value, list) else [value]
    if numeric and not all(_is_number(one, quoted) for one in values):
        return [_("The value must be a number.")]
    if not numeric and not all(isinstance(one, str) for one in values):
        return [_("The value must be a text.")]
    return []


def _is_number(given: Any, quoted: bool) -> bool:
    """Tell whether JSON gives a finite number."""
    if isinstance(given, bool) or not isinstance(
        given, (int, float, str) if quoted else (int, float)
    ):
        return False
    try:
        return Decimal(str(given)).is_finite()
    except InvalidOperation:
        return False


def _value_errors(field: AudienceField, op: str, value: Any) -> list[str]:
    errors = _shape_errors(op, value, numeric=field.type == FieldType.NUMBER)
    values = value if isinstance(value, list) else [value]
    if errors:
        return errors
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


# --- Many sellers -------------------------------------------------------------------------------


def sellers_concerned(
    audiences: Iterable[list[Mapping[str, Any]]],
    sellers: QuerySet[Seller],
    *,
    day: date | None = None,
) -> list[set[int]]:
    """Return, audience by audience, the primary keys of the sellers it concerns on a Pacific day (today).

    One query for the sellers, one per field named and one for all metrics of the same night, however many
    audiences and sellers. A condition on a field or metric that no longer exists concerns nobody.
    """
    audiences = list(audiences)
    everybody = set(sellers.values_list("pk", flat=True))
    values = _load(_subjects(audiences), sellers, day or platform_time.today())
    return [
        {pk for pk in everybody if all(_holds(condition, values, pk) for condition in audience)}
        for audience in audiences
    ]


def audiences_concerning(
    seller: Seller, audiences: Iterable[list[Mapping[str, Any]]], *, day: date | None = None
) -> list[bool]:
    """Tell, audience by audience, whether it concerns a shop on a Pacific day (today).

    As `sellers_concerned`, of a shop at hand: what it says of itself is taken as it is, without a query.
    """
    audiences = list(audiences)
    values = _load_own(_subjects(audiences), seller, day or platform_time.today())
    return [
        all(_holds(condition, values, seller.pk) for condition in audience)
        for audience in audiences
    ]


def subject_of(condition: Mapping[str, Any]) -> Subject:
    """Return what a condition is about: ("field", code) or ("metric", key)."""
    kind = "metric" if "metric" in condition else "field"
    return kind, str(condition[kind])


Subject = tuple[str, str]
Loaded = dict[Subject, tuple[Values, Any]]
"""Subject → value by seller, and the value of sellers that are not named."""


def _subjects(audiences: Iterable[list[Mapping[str, Any]]]) -> set[Subject]:
    return {subject_of(condition) for audience in audiences for condition in audience}


def _load(subjects: set[Subject], sellers: QuerySet[Seller], day: date) -> Loaded:
    with unscoped():
        found: Loaded = {
            ("field", name): (FIELDS[name].load(sellers, day), None)
            for kind, name in subjects
            if kind == "field" and name in FIELDS
        }
        metrics = {name for kind, name in subjects if kind == "metric" and metric_known(name)}
        return found | _metrics_of(metrics, sellers, day)


def _load_own(subjects: set[Subject], seller: Seller, day: date) -> Loaded:
    """Return what `_load` does for a shop at hand; a query only for what it does not say of itself."""
    known: Loaded = {}
    for kind, name in subjects:
        field = FIELDS.get(name) if kind == "field" else None
        if field is not None and field.own is not None:
            known[kind, name] = {seller.pk: field.own(seller, day)}, None
    return known | _load(subjects - known.keys(), Seller.objects.filter(pk=seller.pk), day)


def _metrics_of(keys: set[str], sellers: QuerySet[Seller], day: date) -> Loaded:
    """Read metrics on the newest published day up to a day; the newest of all where none is so old."""
    nights: dict[date, list[str]] = {}
    for key in keys:
        job = metric_job(key)
        if counted := published_day(job, day) or published_day(job):
            nights.setdefault(counted, []).append(key)
    values: dict[str, dict[int, Any]] = {key: {} for key in keys}
    for counted, asked in nights.items():
        rows = MetricValue.objects.filter(
            metric__in=asked, seller__in=sellers.order_by().values("pk")
        )
        for key, seller_id, value in rows.as_of(counted).values_list(
            "metric", "seller_id", "value"
        ):
            values[key][seller_id] = value
    return {("metric", key): (values[key], metric_empty(key)) for key in keys}


def _holds(condition: Mapping[str, Any], values: Loaded, pk: int) -> bool:
    loaded = values.get(subject_of(condition))
    if loaded is None:
        return False
    by_seller, empty = loaded
    return condition_holds(condition, by_seller.get(pk, empty))


# --- One seller, in words -----------------------------------------------------------------------


@dataclass(frozen=True)
class ConditionReading:
    """A condition as one seller reads it: "Assessed star: at least 1", what it has, whether it holds."""

    text: str
    value: str
    met: bool


def audience_readings(
    seller: Seller, audiences: Iterable[list[Mapping[str, Any]]], *, day: date | None = None
) -> list[list[ConditionReading]]:
    """Return, audience by audience, every condition with the seller's value (GRO-17).

    One query per field named that the shop at hand does not say of itself, and one for all metrics of the
    same night. Conditions on what no longer exists are not met.
    """
    audiences = list(audiences)
    values = _load_own(_subjects(audiences), seller, day or platform_time.today())
    return [
        [_reading(condition, values, seller.pk) for condition in audience] for audience in audiences
    ]


def _reading(condition: Mapping[str, Any], values: Loaded, pk: int) -> ConditionReading:
    by_seller, empty = values.get(subject_of(condition), ({}, None))
    value = by_seller.get(pk, empty)
    shown = value if isinstance(value, (set, frozenset, list)) else [value]
    wanted = condition["value"] if isinstance(condition["value"], list) else [condition["value"]]
    words = _words(condition, [*shown, *wanted])
    text = _OPERATORS[condition["op"]] % {
        "subject": _subject_title(condition),
        "value": list_text(words(one) for one in wanted),
    }
    said = list_text(words(one) for one in sorted(shown, key=str) if one is not None)
    return ConditionReading(text, said or "–", _holds(condition, values, pk))


def _subject_title(condition: Mapping[str, Any]) -> str:
    kind, name = subject_of(condition)
    if kind == "metric":
        return metric_title(name)
    return str(FIELDS[name].title) if name in FIELDS else name


def _words(condition: Mapping[str, Any], values: Iterable[Any]) -> Callable[[Any], str]:
    """Return what writes a value of the condition's subject in the reader's words."""
    kind, name = subject_of(condition)
    field = FIELDS.get(name) if kind == "field" else None
    texts = {str(one) for one in values if isinstance(one, str)}
    names = field.names(texts) if field and field.names and texts else {}

    def word(value: Any) -> str:
        if isinstance(value, (Decimal, float)):
            return f"{Decimal(str(value)).normalize():,f}"
        return str(names.get(value, value))

    return word


_OPERATORS = {
    "eq": gettext_lazy("%(subject)s: %(value)s"),
    "ne": gettext_lazy("%(subject)s: not %(value)s"),
    "gte": gettext_lazy("%(subject)s: at least %(value)s"),
    "gt": gettext_lazy("%(subject)s: more than %(value)s"),
    "lte": gettext_lazy("%(subject)s: at most %(value)s"),
    "lt": gettext_lazy("%(subject)s: less than %(value)s"),
    "in": gettext_lazy("%(subject)s: one of %(value)s"),
}
