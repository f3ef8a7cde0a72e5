"""A made-up marketplace of any size for the theme benchmark: the same rows for the same seed.

5,000 leaf categories with Zipf sizes, titles of about ten words, eight attributes a product, 0–8 of 60
target countries. Products are drawn in blocks, so that memory does not grow with their number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np

from listings.matching.compiled import project
from listings.matching.countries import COUNTRIES, SERVICE_CODES, country_masks, service_mask
from listings.matching.text import signature, token_hash, value_hash
from listings.themes.rules import ProductFacts
from portal import platform_time
from portal.text import normalise, padded, tokens
from tests.benchmarks.worlds.catalogue import (
    ATTRIBUTES,
    GROUPS,
    LEAVES,
    OFFERED,
    VALUES,
    VOCABULARY,
    attributes_of,
    tree,
    value_text,
    word,
    zipf,
)

TITLE_WORDS = 10
BLOCK = 10_000
DAY = date(2022, 7, 19)
"""The day the matches of the first version stand; the changes follow on the next."""
CHANGED_AT = platform_time.start_of(DAY + timedelta(days=1)) + timedelta(hours=6)
SINCE = platform_time.start_of(DAY - timedelta(days=30))


class World:
    """Draws products and themes."""

    def __init__(self, products: int, themes: int, seed: int = 1) -> None:
        self.products, self.themes, self.seed = products, themes, seed
        self.sellers = max(10, products // 100)
        self.tree = tree()
        shuffle = np.random.default_rng(seed).permutation(len(self.tree.leaf_pk))
        self._leaf_order = shuffle
        self._leaf_sizes = zipf(len(shuffle), 0.9)
        self._word_use = zipf(VOCABULARY, 0.8)
        self._value_use = zipf(VALUES, 1.0)
        self.markets = [COUNTRIES[place * 4] for place in range(60)]
        self._words = [normalise(word(number)) for number in range(VOCABULARY)]
        self._tokens = [[token_hash(one) for one in tokens(text)] for text in self._words]
        self._hashes = [
            [value_hash(f"a{attribute}", value_text(attribute, value)) for value in range(VALUES)]
            for attribute in range(ATTRIBUTES)
        ]

    # --- Products ---------------------------------------------------------------------------------

    def changed(self) -> np.ndarray:
        """Return the primary keys of the products that change: every hundredth."""
        return np.arange(50, self.products + 1, 100)

    def projections(self, version: int = 0) -> Iterator[dict[str, Any]]:
        """Yield the projection of every product, or of the changed ones in their second version."""
        for start in range(0, self.products, BLOCK):
            keys = np.arange(start + 1, min(start + BLOCK, self.products) + 1)
            drawn = self._draw(start, len(keys), version)
            for place, key in enumerate(keys.tolist()):
                if version == 0 or key % 100 == 50:
                    yield self._projection(key, place, drawn)

    def _draw(self, start: int, count: int, version: int) -> dict[str, np.ndarray]:
        """Draw one block; the second version keeps category and seller and changes the rest."""
        kept = np.random.default_rng([self.seed, start, 0])
        rng = np.random.default_rng([self.seed, start, 1 + version])
        leaf = self._leaf_order[np.searchsorted(self._leaf_sizes, kept.random(count))]
        low = np.exp(rng.normal(3.5, 1.2, count))
        return {
            "leaf": leaf,
            "seller": kept.integers(1, self.sellers + 1, count),
            "words": np.searchsorted(self._word_use, rng.random((count, TITLE_WORDS))),
            "values": np.searchsorted(self._value_use, rng.random((count, OFFERED))),
            "rts": rng.random(count) < 0.5,
            "live": rng.random(count) < 0.95,
            "low": np.maximum(1, (low * 100).astype(np.int64)),
            "spread": rng.random(count),
            "markets": rng.integers(0, 9, count),
            "market_from": rng.integers(0, 60, count),
            "services": rng.integers(0, 256, count),
        }

    def _projection(self, key: int, place: int, drawn: dict[str, np.ndarray]) -> dict[str, Any]:
        leaf = int(drawn["leaf"][place])
        numbers = drawn["words"][place].tolist()
        token_ids = sorted({one for number in numbers for one in self._tokens[number]})
        value_ids = sorted(
            self._hashes[attribute][value]
            for attribute, value in zip(
                attributes_of(leaf), drawn["values"][place].tolist(), strict=True
            )
        )
        low = int(drawn["low"][place])
        return {
            "product_id": key,
            "seller_id": int(drawn["seller"][place]),
            "category_id": int(self.tree.leaf_pk[leaf]),
            "live": bool(drawn["live"][place]),
            "kind": "rts" if drawn["rts"][place] else "customization",
            "price_min": low,
            "price_max": int(low * (1 + drawn["spread"][place])),
            "services": int(drawn["services"][place]),
            **dict(
                zip(
                    ("countries_0", "countries_1", "countries_2", "countries_3"),
                    country_masks(self._markets(drawn, place)),
                    strict=True,
                )
            ),
            "value_sig": signature(value_ids),
            "token_sig": signature(token_ids),
            "value_ids": value_ids,
            "token_ids": token_ids,
            "title_norm": padded(normalise(" ".join(self._words[number] for number in numbers))),
        }

    def _markets(self, drawn: dict[str, np.ndarray], place: int) -> list[str]:
        first = int(drawn["market_from"][place])
        return [self.markets[(first + step * 7) % 60] for step in range(drawn["markets"][place])]

    def check(self) -> None:
        """Compare drawn projections with what the product service would have written."""
        drawn = self._draw(0, min(self.products, BLOCK), 0)
        for place in range(50):
            leaf = int(drawn["leaf"][place])
            row = self._projection(place + 1, place, drawn)
            facts = ProductFacts(
                title=" ".join(word(number) for number in drawn["words"][place].tolist()),
                kind=row["kind"],
                status="live" if row["live"] else "off_shelf",
                attributes={
                    f"a{attribute}": [value_text(attribute, value)]
                    for attribute, value in zip(
                        attributes_of(leaf), drawn["values"][place].tolist(), strict=True
                    )
                },
                services=[
                    code for bit, code in enumerate(SERVICE_CODES) if row["services"] >> bit & 1
                ],
                countries=self._markets(drawn, place),
            )
            expected = project(facts)
            for name in expected.keys() - {"price_min", "price_max"}:
                assert row[name] == expected[name], (name, row[name], expected[name])
            assert service_mask(facts.services)[0] == row["services"]

    # --- Themes -----------------------------------------------------------------------------------

    def theme_rows(self, version: int = 0) -> list[dict[str, Any]]:
        """Return all themes as ingest rows, or the hundredth that changes in its second version."""
        numbers = range(self.themes) if version == 0 else range(50, self.themes, 100)
        return [self._theme(number, version) for number in numbers]

    def _theme(self, number: int, version: int) -> dict[str, Any]:
        rng = np.random.default_rng([self.seed, 7, number, version])
        leaf = int(self._leaf_order[np.searchsorted(self._leaf_sizes, rng.random())])
        level = rng.random()
        row: dict[str, Any] = {
            "theme_id": f"t{number}",
            "title_en": f"Theme {number}",
            "starts_on": DAY - timedelta(days=20),
            "ends_on": None if number % 3 else DAY + timedelta(days=30),
            "kind": ["", "rts", "customization"][int(rng.integers(0, 3))],
            "services": [SERVICE_CODES[one] for one in rng.permutation(8)[: rng.integers(0, 2)]],
        }
        if level < 0.8:
            row["category"] = self.tree.leaf_code[leaf]
        elif level < 0.97:
            row["category"] = self.tree.group_code[leaf // LEAVES]
        else:
            row["category"] = self.tree.industry_code[leaf // (LEAVES * GROUPS)]
        row["attributes"] = {
            f"a{attribute}": [value_text(attribute, int(value)) for value in rng.permutation(6)[:3]]
            for attribute in rng.permutation(attributes_of(leaf))[: rng.integers(0, 3)].tolist()
        }
        if rng.random() < 0.5:
            row["keywords"] = [self._keyword(rng) for _ in range(rng.integers(2, 8))]
        if rng.random() < 0.4:
            row["countries"] = [self.markets[one] for one in rng.permutation(60)[:8].tolist()]
        if rng.random() < 0.5:
            row["price_min"], row["price_max"] = "5.00", f"{rng.integers(80, 400)}.00"
        return row

    def _keyword(self, rng: np.random.Generator) -> str:
        """Return a word of the vocabulary, sometimes a phrase of two."""
        numbers = np.searchsorted(self._word_use, rng.random(2)).tolist()
        return " ".join(word(number) for number in numbers[: 2 if rng.random() < 0.2 else 1])


def product_row(projection: dict[str, Any]) -> dict[str, Any]:
    """Return the product a projection belongs to; only what its foreign keys need."""
    key = projection["product_id"]
    empty = json.dumps([])
    return {
        "id": key,
        "product_id": f"p{key}",
        "seller_id": projection["seller_id"],
        "category_id": projection["category_id"],
        "title": "",
        "keywords": empty,
        "brand": "",
        "description": "",
        "kind": projection["kind"],
        "status": "live",
        "price_mode": "fob",
        "tiers": empty,
        "skus": empty,
        "unit": "",
        "attributes": "{}",
        "custom_attributes": "{}",
        "target_countries": empty,
        "services": empty,
        "cas": "",
        "images": empty,
        "video": "none",
        "showcase": False,
        "version": 1,
        "created_at": SINCE,
        "changed_at": SINCE,
    }
