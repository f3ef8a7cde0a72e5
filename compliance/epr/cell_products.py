"""Live products of a shop by how they stand, as conditions over rows: lists of any size (EPR-11).

The same order of reasons as `Coverage.of`, compiled into one expression; tests hold both equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Case, CharField, F, Q, QuerySet, Value, When

from compliance.choices import CoverState
from compliance.epr.coverage import Coverage, Registration
from compliance.epr.schema import EprRules, Requirement
from compliance.epr.shop_overview import live_products, sold_to
from compliance.models import CertificateCategory, CertificateProduct, GatedProduct
from compliance.rules import interrupts_at
from portal.models import CategoryClosure, Seller
from portal.scoping import unscoped

EVERYTHING = Q(pk__isnull=False)
NOTHING = Q(pk__isnull=True)


def covers(rows: Iterable[Registration]) -> Q:
    """Return the condition "in the scope of one of these registrations"."""
    rows = list(rows)
    if any(row.covers_all for row in rows):
        return EVERYTHING
    if not rows:
        return NOTHING
    pks = [row.pk for row in rows]
    with unscoped():  # The caller's registrations are the shop's own.
        named = CertificateProduct.objects.filter(certificate__in=pks).values("product")
        roots = CertificateCategory.objects.filter(certificate__in=pks).values("category")
    below = CategoryClosure.objects.filter(ancestor__in=roots).values("descendant")
    return Q(pk__in=named) | Q(category__in=below)


def with_bits(products: QuerySet[GatedProduct], requirement: Requirement) -> QuerySet[GatedProduct]:
    """Annotate `bit_<category>`: above zero when the product belongs to the category."""
    name = _bit(requirement)
    if name in products.query.annotations:
        return products
    return products.annotate(**{name: F("traits").bitand(requirement.category.bit)})


def _bit(requirement: Requirement) -> str:
    return f"bit_{requirement.category.value}"


def needing(seller: Seller, requirement: Requirement) -> QuerySet[GatedProduct]:
    """Return the live products that are sold to the country and belong to the category."""
    products = with_bits(live_products(seller), requirement)
    return products.filter(sold_to(requirement.country), **{f"{_bit(requirement)}__gt": 0})


def with_state(
    products: QuerySet[GatedProduct], coverage: Coverage, seller: Seller, requirement: Requirement
) -> QuerySet[GatedProduct]:
    """Annotate `state`, a `CoverState`, of products that need the number."""
    line = coverage.line(seller.pk, requirement.country, requirement.category.value)
    cases = [
        When(covers(line.counting), then=Value(CoverState.COVERED.value)),
        When(covers(line.waiting), then=Value(CoverState.IN_REVIEW.value)),
    ]
    for row in line.over:
        state = row.state_at(coverage.at)
        if state is not None:
            cases.append(When(covers([row]), then=Value(state.value)))
    rest = CoverState.NOT_COVERED if line.counting else CoverState.MISSING
    return products.annotate(
        state=Case(*cases, default=Value(rest.value), output_field=CharField(max_length=12))
    )


def stopping(
    seller: Seller, rules: EprRules, coverage: Coverage, countries: Sequence[str]
) -> QuerySet[GatedProduct]:
    """Return the live products that stop selling to one of the countries, or have stopped.

    They lack a number without which trade is interrupted, now or later.
    """
    products, any_of = live_products(seller), NOTHING
    for row in rules.requirements:
        if row.country not in countries or interrupts_at(row) is None:
            continue
        products = with_bits(products, row)
        line = coverage.line(seller.pk, row.country, row.category.value)
        need = Q(sold_to(row.country), **{f"{_bit(row)}__gt": 0})
        any_of |= need & ~covers(line.counting)
    return products.filter(any_of)


def depending(
    seller: Seller, coverage: Coverage, requirement: Requirement, certificate: int, at: datetime
) -> QuerySet[GatedProduct]:
    """Return the live products that have no number at an instant but this certificate's (EPR-12)."""
    country, category = requirement.country, requirement.category.value
    own = [row for row in coverage.registrations if row.pk == certificate]
    others = coverage.at_instant(at, without=certificate).line(seller.pk, country, category)
    return needing(seller, requirement).filter(covers(own) & ~covers(others.counting))
