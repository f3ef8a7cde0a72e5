"""The check (检测): a product or a draft against a theme, without saving anything (LST-7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from listings.choices import ProductKind, ProductStatus
from listings.models import Product, Theme
from listings.services.product_catalogue import Catalogue, nearest
from listings.services.product_rules import service_code
from listings.themes.facts import category_paths, product_facts, theme_specs
from listings.themes.rules import ProductFacts, Requirement, evaluate, values_of
from portal import platform_time
from portal.errors import InvalidInput
from portal.ingest.columns import (
    CellError,
    Choice,
    Code,
    Column,
    Country,
    Json,
    Money,
    Text,
    TextList,
    quote,
)
from portal.models import Category

CONSIDERED = 500
"""Other themes looked at for suggestions; the ones with the highest traffic come first."""
SUGGESTED = 10
NOT_THE_DRAFTS = frozenset({"status", "window"})
"""Requirements that say nothing about what was typed."""


@dataclass(frozen=True)
class Suggestion:
    """Another theme that the draft meets, or misses by one requirement."""

    theme: Theme
    missing: list[Requirement]

    @property
    def matches(self) -> bool:
        """Whether nothing that was typed is missing."""
        return not self.missing


@dataclass(frozen=True)
class CheckResult:
    """What the check found; without a theme there are suggestions only."""

    theme: Theme | None
    requirements: list[Requirement] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)
    considered: int = 0
    """Other themes looked at; `CONSIDERED` of them means that there may be more."""

    @property
    def matches(self) -> bool:
        """Whether every requirement of the theme is met (LST-4)."""
        return all(requirement.met for requirement in self.requirements)

    @property
    def missing(self) -> int:
        """Number of requirements not met."""
        return sum(not requirement.met for requirement in self.requirements)

    @property
    def cut(self) -> bool:
        """Whether themes may have been left out of the suggestions."""
        return self.considered >= CONSIDERED


def check_product(theme: Theme | None, product: Product) -> CheckResult:
    """Check a stored product; four queries."""
    paths = category_paths([product.category_id])
    return _check(theme, product_facts(product, paths))


def check_content(theme: Theme | None, content: Mapping[str, Any]) -> CheckResult:
    """Check what a form holds: `content` has the keys of a revision, `category` is a code.

    What is still a draft is judged as if it were published.
    """
    category = Category.objects.filter(code=content.get("category") or "").first()
    if content.get("status") == ProductStatus.DRAFT:
        content = {**content, "status": None}
    return _check(theme, content_facts(content, category))


def content_facts(content: Mapping[str, Any], category: Category | None) -> ProductFacts:
    """Return the facts of a draft, its values spelled as saving would spell them; three queries."""
    if category is None:
        return ProductFacts.of_content(content, [])
    path = category_paths([category.pk]).get(category.pk, [])
    typed = {code: values_of(values) for code, values in (content.get("attributes") or {}).items()}
    spelled = Catalogue.load([category.code]).spelled(category.code, typed)
    return ProductFacts.of_content({**content, "attributes": spelled}, path)


def _check(theme: Theme | None, facts: ProductFacts) -> CheckResult:
    day = platform_time.today()
    others = (
        Theme.objects.in_force(day)
        .filter(category__code__in=facts.category_path)
        .select_related("category")
        .order_by(F("traffic_gain").desc(nulls_last=True), "-pk")
    )
    if theme is not None:
        others = others.exclude(pk=theme.pk)
    considered = list(others[:CONSIDERED])
    specs = theme_specs([*considered, *([theme] if theme else [])])
    suggestions = []
    for other in considered:
        missing = [
            one
            for one in evaluate(specs[other.pk], facts, day)
            if not one.met and one.key not in NOT_THE_DRAFTS
        ]
        if len(missing) <= 1:
            suggestions.append(Suggestion(other, missing))
    suggestions.sort(key=lambda one: len(one.missing))
    requirements = evaluate(specs[theme.pk], facts, day) if theme else []
    return CheckResult(theme, requirements, suggestions[:SUGGESTED], len(considered))


# --- Drafts from the API --------------------------------------------------------------------------

DRAFT_COLUMNS: dict[str, Column] = {
    column.name: column
    for column in (
        Code("category", optional=True),
        Text("title", max_length=300, optional=True),
        Choice("kind", choices=ProductKind.values, optional=True),
        Choice("status", choices=ProductStatus.values, optional=True),
        Money("price_min", max_digits=12, optional=True),
        Money("price_max", max_digits=12, optional=True),
        Json("tiers", shape=list, optional=True),
        Json("skus", shape=list, optional=True),
        Json("attributes", optional=True),
        Json("custom_attributes", optional=True),
        TextList("target_countries", item=Country("country"), optional=True),
        TextList("services", item=Text("service", max_length=60), optional=True),
    )
}
"""What themes can ask about, read as ingest reads it; other fields of a product are let be."""

_PRICE = Money("price", max_digits=12)
_VALUE = Text("value", max_length=200)
_MISSHAPEN = gettext_lazy("holds something that is not a price")


def parse_draft(raw: Mapping[str, Any]) -> ProductFacts:
    """Return the facts of a draft sent as JSON.

    Raises `InvalidInput` naming every field at fault as `product.<field>`. A draft without a status
    is judged as if it were published; tiers or specifications decide the price range.
    """
    errors: list[tuple[str, str]] = []
    content: dict[str, Any] = {}
    for name, column in DRAFT_COLUMNS.items():
        if name not in raw:
            continue
        try:
            content[name] = _REFINED.get(name, lambda value: value)(column.clean(raw[name]))
        except CellError as error:
            errors.append((f"product.{name}", str(error)))
    category = _category(content.get("category"), errors)
    if not errors:
        _settle_prices(content, errors)
    if errors:
        raise InvalidInput(errors)
    return content_facts(content, category)


def check_draft(theme: Theme, raw: Mapping[str, Any]) -> CheckResult:
    """Check a draft sent as JSON; raises `InvalidInput`."""
    return _check(theme, parse_draft(raw))


def _category(code: str | None, errors: list[tuple[str, str]]) -> Category | None:
    if not code:
        return None
    category = Category.objects.filter(code=code).first()
    if category is None:
        names = nearest(code, Category.objects.values_list("code", flat=True))
        message = _("There is no category %(code)s.") % {"code": quote(code)}
        if names:
            message += " " + _("Nearest: %(names)s") % {"names": ", ".join(names)}
        errors.append(("product.category", message))
    return category


def _settle_prices(content: dict[str, Any], errors: list[tuple[str, str]]) -> None:
    prices = [*content.get("tiers", ()), *content.get("skus", ())]
    low, high = content.get("price_min"), content.get("price_max")
    if prices:
        low, high = min(prices), max(prices)
    low, high = (high if low is None else low), (low if high is None else high)
    if low is not None and high is not None and low > high:
        errors.append(("product.price_max", _("is below price_min")))
    content["price_min"], content["price_max"] = low, high


def _tier_prices(tiers: list[Any]) -> list[Decimal]:
    """Return the prices of [[quantity, price], …] or [{"price": …}, …]."""
    prices = []
    for tier in tiers:
        if isinstance(tier, list) and len(tier) == 2:
            prices.append(_PRICE.clean(tier[1]))
        elif isinstance(tier, dict) and "price" in tier:
            prices.append(_PRICE.clean(tier["price"]))
        else:
            raise CellError(str(_MISSHAPEN))
    return prices


def _attribute_values(attributes: dict[str, Any]) -> dict[str, list[str]]:
    """Return code → list of texts; a value may be one text or number, or a list of them."""
    found = {}
    for code, value in attributes.items():
        values = value if isinstance(value, list) else [value]
        try:
            found[code] = [_VALUE.parse(one) for one in values if one not in (None, "")]
        except CellError as error:
            raise CellError(f"{code}: {error}") from None
    return found


def _service_codes(services: list[str]) -> list[str]:
    return [service_code(text) for text in services]


_REFINED: dict[str, Callable[[Any], Any]] = {
    "services": _service_codes,
    "tiers": _tier_prices,
    "skus": _tier_prices,
    "attributes": _attribute_values,
    "custom_attributes": _attribute_values,
}
