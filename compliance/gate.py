"""The trade gate: may this product be sold to that country at this instant? (EPR-11, EPR-12)

The public face of compliance for `listings`, and the only place that decides. Whatever the number of
pairs, an answer costs a constant number of statements: the rulebook, products, registrations with
their products and categories, chemicals, goods that are only shown, and one for what was blocked.

    gate(product, country, at=None)            one answer
    gate_many(pairs, at=None)                  many, in the order asked
    requirements_of(products, at)              every requirement of each product, met or not
    traits_asked()                             what a product can be asked to say of itself
    products_told(rows), products_forgotten()  what `listings` tells of
    register_product_source(source)            where compliance asks for products itself
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Q

from compliance.choices import ChemicalListing, CoverState, EprCategory, GateDecision, TermEffect
from compliance.epr.coverage import Coverage, Covered
from compliance.epr.schema import EPR, EprRules, Requirement
from compliance.models import Chemical, GatedProduct, ProductHit
from compliance.rules import BITS, decision_without, interrupts_at, needed, worst
from compliance.services.gate_blocks import Block, gate_blocks_log
from compliance.services.gated_products import (
    ProductSource,
    ProductTold,
    product_source,
    products_forgotten,
    products_told,
    register_product_source,
)
from portal import platform_time
from portal.ingest.columns import country_codes
from portal.scoping import unscoped
from portal.services.rulebooks import RulebookMissing, rulebook_for, rulebooks_published

logger = logging.getLogger(__name__)


class Reason(NamedTuple):
    """Why a pair is warned of or blocked; `category` is an EPR category or None."""

    code: str
    category: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gate says of a pair.

    `reasons` are those of the decision: nothing when allowed. `interrupts_at` is the first instant at
    which trade is interrupted for a number that is lacking, past or to come.
    """

    product_id: str
    country: str
    decision: GateDecision
    reasons: tuple[Reason, ...] = ()
    interrupts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cover:
    """A line of the requirements table for a product.

    `required` tells whether its traits need the number, `certificate` is the one the status speaks of,
    `decision` what the gate says because of this line alone.
    """

    country: str
    category: str
    required: bool
    status: CoverState
    certificate: int | None
    decision: GateDecision
    interrupts_at: datetime | None


class _Product(NamedTuple):
    """What the gate reads of a product."""

    pk: int
    product_id: str
    seller_id: int
    category_id: int
    traits: int
    cas: str

    @property
    def covered(self) -> Covered:
        return Covered(self.pk, self.seller_id, self.category_id)


LOGGED_IDS = 20
ID_LENGTH = 64
UNKNOWN_PRODUCT = Reason("unknown_product", None)
UNKNOWN_COUNTRY = Reason("unknown_country", None)
DISPLAY_ONLY = Reason("display_only", None)
_CHEMICAL_REASONS = {
    ChemicalListing.FORBIDDEN: Reason("forbidden_chemical", None),
    ChemicalListing.RESTRICTED: Reason("no_online_trade", None),
}


def gate(
    product: GatedProduct | str, country: str, at: datetime | None = None, *, log: bool = True
) -> Answer:
    """Return the answer for one product (its row or external id) and country (ISO 3166-1)."""
    product_id = product.product_id if isinstance(product, GatedProduct) else product
    return gate_many([(product_id, country)], at, log=log)[0]


def gate_many(
    pairs: Sequence[tuple[str, str]], at: datetime | None = None, *, log: bool = True
) -> list[Answer]:
    """Return the answers for pairs of product id and country, in order; constant statements (EPR-11).

    A pair that names no product or no country is blocked, and the others are answered all the same.
    `at` None is now. Blocks are kept, those of unknown products in the process's log, unless the instant
    is still to come or `log` is false, which is for pages: reading must not write.
    """
    now = platform_time.now()
    at = at or now
    asked = [(product_id, country.upper()) for product_id, country in pairs]
    products = _products({product_id for product_id, _country in asked if _may_be_id(product_id)})
    rules = _rules(at)
    countries = {country for _id, country in asked}.intersection(rules.countries if rules else ())
    lacking = _Lacking(rules, products.values() if countries else (), at, countries)
    barred = _barred(products.values(), at)
    answers = [
        _answer(product_id, country, products.get(product_id), lacking, barred)
        for product_id, country in asked
    ]
    if log and at <= now:
        _log_unknown(answers, products)
        gate_blocks_log(
            [
                Block(products[answer.product_id].seller_id, answer.product_id, answer.country,
                      answer.reasons)
                for answer in answers
                if answer.decision == GateDecision.BLOCKED
                and answer.product_id in products
                and UNKNOWN_COUNTRY not in answer.reasons
            ],
            at,
        )  # fmt: skip
    return answers


def _log_unknown(answers: Sequence[Answer], products: Collection[str]) -> None:
    """Log blocks of products nobody told of: no shop's list has a row for them."""
    asked = {one.product_id for one in answers if _may_be_id(one.product_id)}
    unknown = sorted(asked.difference(products))
    if unknown:
        shown = ", ".join(unknown[:LOGGED_IDS])
        logger.warning("blocked %d unknown product(s): %s", len(unknown), shown)


def _may_be_id(product_id: str) -> bool:
    return product_id.isprintable() and 0 < len(product_id) <= ID_LENGTH


def _answer(
    product_id: str,
    country: str,
    product: _Product | None,
    lacking: _Lacking,
    barred: dict[int, list[Reason]],
) -> Answer:
    if product is None:
        return Answer(product_id, country, GateDecision.BLOCKED, (UNKNOWN_PRODUCT,))
    if country not in country_codes():
        return Answer(product_id, country, GateDecision.BLOCKED, (UNKNOWN_COUNTRY,))
    gaps = lacking.of(product, country)
    decisions = [decision_without(row, lacking.at) for row, _state in gaps]
    reasons = list(barred.get(product.pk, ()))
    decision = GateDecision.BLOCKED if reasons else worst(decisions)
    if decision != GateDecision.ALLOWED:
        reasons += [
            Reason(f"epr_{state.value}", row.category.value)
            for (row, state), said in zip(gaps, decisions, strict=True)
            if said == decision
        ]
    ends = [instant for row, _state in gaps if (instant := interrupts_at(row)) is not None]
    return Answer(product_id, country, decision, tuple(reasons), min(ends, default=None))


class _Lacking:
    """Says which required numbers products lack at an instant."""

    def __init__(
        self,
        rules: EprRules | None,
        products: Collection[_Product],
        at: datetime,
        countries: Collection[str],
    ) -> None:
        self.rules, self.at = rules, at
        self.coverage = Coverage.load([product.covered for product in products], at, countries)
        self._needed: dict[tuple[int, str], list[Requirement]] = {}

    def of(self, product: _Product, country: str) -> list[tuple[Requirement, CoverState]]:
        """Return the requirements a product does not meet, in the order of the table."""
        if self.rules is None:
            return []
        key = (product.traits, country)
        if key not in self._needed:
            self._needed[key] = needed(self.rules, *key)
        found = [
            (row, self.coverage.of(product.covered, country, row.category.value).state)
            for row in self._needed[key]
        ]
        return [(row, state) for row, state in found if state != CoverState.COVERED]


def requirements_of(
    products: Collection[GatedProduct], at: datetime | None = None
) -> dict[int, list[Cover]]:
    """Return primary key → a line per requirement of the table, in its order; constant statements.

    Lines do not ask whether the product is sold to the country (`rules.sells_to`). `at` None is now.
    """
    at = at or platform_time.now()
    rules = _rules(at)
    if rules is None:
        return {product.pk: [] for product in products}
    asked = {
        product.pk: Covered(product.pk, product.seller_id, product.category_id)
        for product in products
    }
    coverage = Coverage.load(list(asked.values()), at)
    table = [
        _Line(row, decision_without(row, at), interrupts_at(row)) for row in rules.requirements
    ]
    return {
        product.pk: [_cover(product.traits, asked[product.pk], coverage, line) for line in table]
        for product in products
    }


class _Line(NamedTuple):
    """A requirement, and what the gate says at the instant to a product that lacks it."""

    requirement: Requirement
    decision: GateDecision
    interrupts_at: datetime | None


def _cover(traits: int, product: Covered, coverage: Coverage, line: _Line) -> Cover:
    country, category = line.requirement.country, line.requirement.category
    if not traits & BITS[category]:
        state, certificate = CoverState.NOT_REQUIRED, None
    else:
        state, certificate = coverage.of(product, country, category.value)
    met = state in (CoverState.NOT_REQUIRED, CoverState.COVERED)
    return Cover(
        country,
        category.value,
        state != CoverState.NOT_REQUIRED,
        state,
        certificate,
        GateDecision.ALLOWED if met else line.decision,
        None if met else line.interrupts_at,
    )


def traits_asked() -> list[str]:
    """Return the EPR categories a table in force today or announced asks for, in standard order; one query.

    Before the first table its categories are asked already.
    """
    today = platform_time.today()
    tables = [
        book.content
        for book in rulebooks_published(EPR)
        if book.effective_to is None or book.effective_to >= today
    ]
    asked = {category for table in tables for category in table.categories}
    return [category.value for category in EprCategory if category in asked]


def _rules(at: datetime) -> EprRules | None:
    """Return the table in force at an instant; none before the first one."""
    try:
        return rulebook_for(EPR, platform_time.day_of(at)).content
    except RulebookMissing:
        return None


def _products(product_ids: Collection[str]) -> dict[str, _Product]:
    with unscoped():
        rows = GatedProduct.objects.filter(product_id__in=product_ids).order_by()
        found: Any = rows.values_list(*_Product._fields)
        return {row[1]: _Product(*row) for row in found}


def _barred(products: Collection[_Product], at: datetime) -> dict[int, list[Reason]]:
    """Return primary key → why a product is ordered online by nobody at an instant, whatever the country."""
    chemicals, shown_only = _chemicals(products, at), _shown_only(products, at)
    barred: dict[int, list[Reason]] = {}
    for product in products:
        if product.cas in chemicals:
            barred[product.pk] = [chemicals[product.cas]]
        if product.pk in shown_only:
            barred.setdefault(product.pk, []).append(DISPLAY_ONLY)
    return barred


def _shown_only(products: Collection[_Product], at: datetime) -> set[int]:
    """Return the products with a word of a class that may be shown and not ordered (CMP-2)."""
    if not products:
        return set()
    day = platform_time.day_of(at)
    with unscoped():
        hits = ProductHit.objects.filter(
            Q(rule_class__ends_on=None) | Q(rule_class__ends_on__gte=day),
            rule_class__effect=TermEffect.DISPLAY_ONLY,
            rule_class__published_at__isnull=False,
            rule_class__starts_on__lte=day,
            product__in=[product.pk for product in products],
        )
        return set(hits.order_by().values_list("product_id", flat=True))


def _chemicals(products: Collection[_Product], at: datetime) -> dict[str, Reason]:
    """Return CAS number → why nothing with it is traded online at an instant (CMP-4)."""
    numbers = {product.cas for product in products if product.cas}
    if not numbers:
        return {}
    rows = Chemical.objects.filter(cas__in=numbers, starts_on__lte=platform_time.day_of(at))
    return {
        cas: _CHEMICAL_REASONS[ChemicalListing(listing)]
        for cas, listing in rows.order_by().values_list("cas", "listing")
    }


__all__ = [
    "Answer",
    "Cover",
    "ProductSource",
    "ProductTold",
    "Reason",
    "gate",
    "gate_many",
    "product_source",
    "products_forgotten",
    "products_told",
    "register_product_source",
    "requirements_of",
    "traits_asked",
]
