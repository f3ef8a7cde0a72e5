"""A made-up marketplace at the gate: shops, their products, and certificates of every scope and state.

A number's properties follow from the number and the seed, so that the same world comes out on every database.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection

from compliance.choices import TraitSource
from compliance.models import Certificate, CertificateCategory, CertificateProduct, GatedProduct
from compliance.rules import mask_of
from portal import platform_time
from portal.models import Category, Seller
from portal.services.catalogue import rebuild_tree
from tests.benchmarks.worlds.writing import copy_rows

ROOTS, BRANCHES, LEAVES = 10, 10, 10
"""Children per node on three levels: a thousand leaves."""
FIRST_LEAF = ROOTS + ROOTS * BRANCHES
TRAITS = (
    ["packaging"],
    ["packaging", "electrical"],
    ["packaging", "electrical", "battery"],
    ["packaging", "textile"],
    ["packaging", "furniture"],
)
COUNTRIES = ("", "", "", ",DE,", ",DE,FR,US,", ",US,")
LINKED = 3
"""Products that a certificate for some products names."""


@dataclass(frozen=True)
class World:
    """Sizes; `products` and `certificates` are per shop."""

    sellers: int
    products: int
    certificates: int
    seed: int = 1


def load(world: World) -> None:
    """Write everything, and let the sequences follow."""
    _tree()
    copy_rows(Seller._meta.db_table, _sellers(world))
    copy_rows(GatedProduct._meta.db_table, _products(world))
    copy_rows(Certificate._meta.db_table, _certificates(world))
    copy_rows(CertificateProduct._meta.db_table, _product_links(world))
    copy_rows(CertificateCategory._meta.db_table, _category_links(world))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for model in (Seller, GatedProduct, Certificate):
                table = model._meta.db_table
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), MAX(id)) FROM {table}"
                )


def _tree() -> None:
    numbers = range(1, FIRST_LEAF + ROOTS * BRANCHES * LEAVES + 1)
    parents = {n: None if n <= ROOTS else (n - ROOTS - 1) // BRANCHES + 1 for n in numbers}
    Category.objects.bulk_create(
        Category(pk=n, code=f"c{n}", name_en=f"Category {n}", parent_id=parents[n]) for n in numbers
    )
    rebuild_tree()


def leaf_of(seller: int, place: int) -> int:
    """Return the category of a product: a shop keeps to some neighbouring leaves."""
    return FIRST_LEAF + 1 + (seller * 7 + place % 4) % (ROOTS * BRANCHES * LEAVES)


def _sellers(world: World) -> Iterator[dict[str, Any]]:
    blank = {"name_zh": "", "province": "", "city": "", "assessed_star": 0, "predicted_star": 0}
    for n in range(1, world.sellers + 1):
        yield {
            "id": n, "member_id": f"s{n}", "name_en": f"Shop {n}", "company_type": "trader",
            "membership": "verified", "status": "active", "main_category_id": 1, "industry_id": 1,
            **blank,
        }  # fmt: skip


def _products(world: World) -> Iterator[dict[str, Any]]:
    masks, told_at = [mask_of(codes) for codes in TRAITS], platform_time.now()
    for seller in range(1, world.sellers + 1):
        for place in range(world.products):
            number = (seller - 1) * world.products + place + 1
            yield {
                "id": number, "product_id": f"p{number}", "seller_id": seller,
                "category_id": leaf_of(seller, place), "title": f"Product {number}",
                "live": number % 9 > 0, "deleted": number % 50 == 0,
                "countries": COUNTRIES[number % len(COUNTRIES)], "cas": "",
                "traits": masks[number % len(masks)], "source": TraitSource.CATEGORY.value,
                "staff_note": "", "told_at": told_at,
            }  # fmt: skip


def _certificates(world: World) -> Iterator[dict[str, Any]]:
    """One of ten waits, one was rejected, one is over; the rest count."""
    now = platform_time.now()
    wanted = [("DE", "packaging"), ("FR", "packaging"), ("DE", "electrical"), ("FR", "textile")]
    for number in range(1, world.sellers * world.certificates + 1):
        chance = random.Random(f"{world.seed} {number}")
        country, category = wanted[number % len(wanted)]
        state = chance.randrange(10)
        status = {0: "submitted", 1: "rejected", 2: "expired"}.get(state, "verified")
        counted = state > 1
        yield {
            "id": number, "seller_id": (number - 1) // world.certificates + 1, "type": "epr",
            "status": status, "name": "", "admission": "", "entity_name": "x", "company_name": "x",
            "country": country, "category": category, "number": f"N{number}",
            "number_typed": f"N{number}", "issued_on": "2022-06-01", "scope_en": "", "scope_zh": "",
            "brands": "[]", "device_types": "[]", "cas_numbers": "[]", "own": True,
            "declared_at": now, "covers_all": number % 3 == 0, "digest": "0" * 64,
            "submitted_at": now - timedelta(days=40), "reason_code": "", "reason_en": "",
            "reason_zh": "", "valid_from": now - timedelta(days=30) if counted else None,
            "valid_until": now - timedelta(days=3) if state == 2 else None, "version": 1,
            "created_at": now, "changed_at": now, "decided_at": now - timedelta(days=30),
        }  # fmt: skip


def _numbered(world: World) -> Iterator[tuple[int, int]]:
    for number in range(1, world.sellers * world.certificates + 1):
        yield number, (number - 1) // world.certificates + 1


def _product_links(world: World) -> Iterator[dict[str, Any]]:
    for number, seller in _numbered(world):
        if number % 3 == 1:
            for place in range(min(LINKED, world.products)):
                product = (seller - 1) * world.products + place + 1
                yield {"certificate_id": number, "product_id": product}


def _category_links(world: World) -> Iterator[dict[str, Any]]:
    for number, seller in _numbered(world):
        if number % 3 == 2:
            leaf = leaf_of(seller, 0)
            branch = (leaf - ROOTS - 1) // BRANCHES + 1
            yield {"certificate_id": number, "category_id": branch if number % 2 else leaf}
