"""Reading what the chemicals rules ask of a seller's products, in a constant number of queries (CMP-4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date

from compliance.admissions.schema import RESTRICTED_CHEMICALS
from compliance.choices import CertificateType, ChemicalListing
from compliance.goods.chemicals import ChemicalProblem, ChemicalRules, Licence, Substance
from compliance.models import Certificate, CertificateCategory, Chemical, ChemicalCategory
from compliance.models.certificates import counting_at
from compliance.services.admissions import admitted
from portal import platform_time
from portal.models import CategoryClosure, Seller
from portal.scoping import unscoped

LICENCES = (
    CertificateType.SAFETY_PRODUCTION,
    CertificateType.INDUSTRIAL_PRODUCTION,
    CertificateType.CHEMICAL_OPERATING,
)
"""Certificates whose scope says which substances a seller may make or trade."""


def chemical_problems(
    *, seller: Seller, category_id: int, cas: str, day: date | None = None
) -> list[ChemicalProblem]:
    """Return what keeps one product from being live; `category_id` is a primary key (CMP-4)."""
    rules = chemical_rules(seller=seller, category_ids=[category_id], cas_numbers=[cas], day=day)
    return rules.problems(category_id, cas)


def chemical_rules(
    *,
    seller: Seller,
    category_ids: Collection[int],
    cas_numbers: Collection[str],
    day: date | None = None,
) -> ChemicalRules:
    """Return what holds for products of one shop in these categories with these CAS numbers.

    `day` None is today; licences and the admission count now. Two queries, and four more when a
    substance is restricted.
    """
    day = day or platform_time.today()
    wanted = {cas.strip() for cas in cas_numbers} - {""}
    substances = _substances(wanted, category_ids)
    rules = ChemicalRules(day, _chemical_categories(category_ids, day), substances)
    if not any(one.listing == ChemicalListing.RESTRICTED for one in substances.values()):
        return rules
    return ChemicalRules(
        day,
        rules.categories,
        substances,
        admitted=is_admitted(seller),
        licences=licences_of(seller, category_ids),
    )


def is_admitted(seller: Seller) -> bool:
    """Tell whether a shop may offer restricted chemicals at all."""
    return admitted(seller=seller, admission=RESTRICTED_CHEMICALS).ok


def _chemical_categories(category_ids: Collection[int], day: date) -> frozenset[int]:
    asked = ChemicalCategory.objects.filter(starts_on__lte=day).values("category")
    below = CategoryClosure.objects.filter(ancestor__in=asked, descendant__in=category_ids)
    return frozenset(below.values_list("descendant_id", flat=True))


def _substances(
    cas_numbers: Collection[str], category_ids: Collection[int]
) -> dict[str, Substance]:
    if not cas_numbers:
        return {}
    rows = list(Chemical.objects.filter(cas__in=cas_numbers))
    links = Chemical.categories.through.objects.filter(chemical__in=rows)
    roots: dict[int, set[int]] = defaultdict(set)
    for chemical_id, category_id in links.values_list("chemical_id", "category_id"):
        roots[chemical_id].add(category_id)
    below = _below({root for these in roots.values() for root in these}, category_ids)
    return {
        row.cas: Substance(
            row.cas,
            row.name,
            row.listing,
            row.starts_on,
            # A root itself stands for "somewhere else" when no category asked about is below it.
            frozenset(roots[row.pk].union(*(below[root] for root in roots[row.pk]))),
        )
        for row in rows
    }


def licences_of(seller: Seller, category_ids: Collection[int]) -> tuple[Licence, ...]:
    """Return the licences of the seller's own that count now, with the categories they are limited to."""
    now = platform_time.now()
    with unscoped():
        held = list(
            Certificate.objects.filter(counting_at(now), seller=seller, type__in=LICENCES, own=True)
        )
        links = list(
            CertificateCategory.objects.filter(
                certificate__in=[one for one in held if not one.covers_all]
            ).values_list("certificate_id", "category_id")
        )
    below = _below({category_id for _pk, category_id in links}, category_ids)
    limits: dict[int, set[int]] = defaultdict(set)
    for certificate_id, category_id in links:
        limits[certificate_id] |= below[category_id]
    return tuple(
        Licence(
            one.number_typed or one.number,
            frozenset(map(str, one.cas_numbers)),
            f"{one.scope_en}\n{one.scope_zh}",
            None if one.covers_all else frozenset(limits[one.pk]),
        )
        for one in held
    )


def _below(roots: Collection[int], category_ids: Collection[int]) -> dict[int, set[int]]:
    """Return for each root which of the categories asked about lie in its subtree."""
    below: dict[int, set[int]] = defaultdict(set)
    if roots:
        pairs = CategoryClosure.objects.filter(ancestor__in=roots, descendant__in=category_ids)
        for ancestor_id, descendant_id in pairs.values_list("ancestor_id", "descendant_id"):
            below[ancestor_id].add(descendant_id)
    return below
