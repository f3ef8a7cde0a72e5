"""What the certificate form offers to choose from; bounded lists, whatever the shop's size (EPR-4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q

from compliance.admissions.schema import ADMISSIONS
from compliance.choices import CertificateType
from compliance.epr.schema import EprRules
from compliance.models import GatedProduct
from portal.country_names import country_name
from portal.models import Category
from portal.services.rulebooks import RulebookMissing, rulebook_for

FOUND, SUGGESTED, SHOWN = 20, 8, 10


@dataclass(frozen=True)
class ChosenProducts:
    """The products a form names: the first of them, and how many there are in all."""

    first: list[GatedProduct]
    number: int
    more: int


def country_choices(rules: EprRules) -> list[tuple[str, str]]:
    """Return the countries that ask for EPR numbers, by name."""
    return [(code, country_name(code)) for code in rules.countries]


def admission_choices(day: date) -> list[tuple[str, str]]:
    """Return the admissions for which a document of its own is issued."""
    try:
        rules = rulebook_for(ADMISSIONS, day).content
    except RulebookMissing:
        return []
    return [
        (one.code, one.name)
        for one in rules.admissions
        if any(CertificateType.ADMISSION in chosen.documents for chosen in one.document_sets)
    ]


def _words(query: str) -> list[str]:
    return query.replace("\0", "").split()[:6]


def products_found(query: str) -> list[GatedProduct]:
    """Return some products of the shop whose number or title holds all the words."""
    words = _words(query)
    if not words:
        return []
    products = GatedProduct.objects.filter(deleted=False)
    for word in words:
        products = products.filter(Q(title__icontains=word) | Q(product_id__icontains=word))
    return list(products.order_by("-live", "product_id")[:FOUND])


def products_chosen(product_ids: Sequence[str]) -> ChosenProducts:
    """Return what a list of ids names, as far as it can be shown; at most two queries."""
    if not product_ids:
        return ChosenProducts([], 0, 0)
    products = GatedProduct.objects.filter(product_id__in=product_ids)
    first = list(products.order_by("product_id")[:SHOWN])
    number = len(first) if len(first) < SHOWN else products.count()
    return ChosenProducts(first, number, number - len(first))


def categories_found(query: str) -> list[Category]:
    """Return some categories whose path holds all the words, in either language."""
    words = _words(query)
    if not words:
        return []
    categories = Category.objects.all()
    for word in words:
        categories = categories.filter(Q(path_en__icontains=word) | Q(path_zh__icontains=word))
    return list(categories.order_by("depth", "path_en")[:FOUND])


def categories_chosen(codes: Sequence[str]) -> list[Category]:
    """Return the categories of some codes by path; codes that are none are left out."""
    wanted = [code for code in codes if code.isprintable()]
    return list(Category.objects.filter(code__in=wanted).order_by("path_en")) if wanted else []


def categories_suggested(without: Sequence[str]) -> list[Category]:
    """Return the categories with most of the shop's live products; two queries."""
    rows = (
        GatedProduct.objects.filter(live=True, deleted=False)
        .exclude(category__code__in=[code for code in without if code.isprintable()])
        .order_by()
        .values("category")
        .annotate(number=Count("pk"))
        .order_by("-number", "category")[:SUGGESTED]
    )
    pks = [row["category"] for row in rows]
    return list(Category.objects.filter(pk__in=pks).order_by("path_en")) if pks else []
