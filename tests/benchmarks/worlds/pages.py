"""One shop that has everything, with thousands of products, in a market of any size.

The market is that of `market`, themes are those of `themes`; the shop is the one on which tests count queries
(`tests.portal.full_shop`), with its standings computed by the real night. Its products come in by the product
service, so that everything that follows from a product is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from listings.services.products import REJECTED, ProductRow, products_write
from listings.services.themes import themes_write
from portal import platform_time
from portal.choices import AttributeType, Role
from portal.models import Member, Seller
from tests import factories
from tests.benchmarks.worlds.catalogue import (
    VALUES,
    VOCABULARY,
    attributes_of,
    value_text,
    word,
    zipf,
)
from tests.benchmarks.worlds.market import MarketWorld
from tests.benchmarks.worlds.themes import World as ThemesWorld
from tests.benchmarks.worlds.writing import let_sequences_follow
from tests.portal.full_shop import everything, full_shop_fill

PART = 1_000
OFFERED = {
    "voltage": (AttributeType.SELECT, ["36V", "48V", "52V"]),
    "features": (AttributeType.MULTI, ["Waterproof", "Foldable", "Quiet"]),
}


@dataclass(frozen=True)
class Sizes:
    """How many of each; `each` is of everything else that a page of the shop lists."""

    rfqs: int = 100_000
    products: int = 10_000
    themes: int = 1_200
    each: int = 30


def load(sizes: Sizes, seed: int = 1) -> Member:
    """Write everything; return the owner of the shop. The time is `tests.growth.page_world.NOON`."""
    MarketWorld(sizes.rfqs, platform_time.now(), products=1, seed=seed).load()
    let_sequences_follow()
    tree = factories.tree_create()
    factories.attributes_create(tree["e-bike-parts"], OFFERED)
    kits = tree["e-bike-kits"]
    shop = factories.seller_create(kits, member_id="cn1001")
    owner = factories.member_create(shop, Role.OWNER, "owner")
    other = factories.member_create(factories.seller_create(kits), Role.OWNER, "stranger")
    staff = factories.user_create("staff", is_staff=True, is_superuser=True)
    _themes(sizes, seed)
    _products(shop, sizes, seed)
    full_shop_fill(owner, other, staff)
    everything(owner, sizes.each)
    return owner


def _themes(sizes: Sizes, seed: int) -> None:
    rows = ThemesWorld(1, sizes.themes, seed).theme_rows()
    for start in range(0, len(rows), 200):
        for outcome in themes_write(rows=rows[start : start + 200]):
            assert not outcome.errors, outcome


def _products(shop: Seller, sizes: Sizes, seed: int) -> None:
    rows = list(_product_rows(shop, sizes, seed))
    for start in range(0, len(rows), PART):
        for result in products_write(rows[start : start + PART], origin="ingest"):
            assert result.state != REJECTED, result.problems


def _product_rows(shop: Seller, sizes: Sizes, seed: int) -> Iterator[ProductRow]:
    """Yield products of forty leaves."""
    rng = np.random.default_rng([seed, 11])
    leaves = ThemesWorld(1, 1, seed).tree.leaf_code
    sold = rng.integers(0, len(leaves), 40).tolist()
    words = zipf(VOCABULARY, 0.8)
    for number in range(sizes.products):
        leaf = sold[number % len(sold)]
        low = int(rng.integers(1, 400))
        given: dict[str, Any] = {
            "category": leaves[leaf],
            "title": " ".join(map(word, np.searchsorted(words, rng.random(10)).tolist())),
            "kind": "rts" if rng.random() < 0.5 else "customization",
            "status": "live" if rng.random() < 0.95 else "off_shelf",
            "price_min": str(low),
            "price_max": str(low + int(rng.integers(0, 100))),
            "attributes": {
                f"a{one}": [value_text(one, int(rng.integers(0, VALUES)))]
                for one in attributes_of(leaf)
            },
            "target_countries": ["US", "DE", "MY"][: int(rng.integers(0, 4))],
        }
        yield ProductRow(
            product_id=f"P{number}", seller_id=shop.pk, given=given, changed_at=None, number=number
        )
