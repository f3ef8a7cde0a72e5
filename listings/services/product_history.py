"""What products said at which instants, while many rows about them are being judged (K-2)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from listings.models import Product, ProductRevision
from listings.services.product_data import ProductData
from listings.services.projection import Revision


@dataclass
class _Line:
    """Instants of one product in order; contents only where a row needs them."""

    instants: list[datetime] = field(default_factory=list)
    contents: dict[datetime, dict[str, Any]] = field(default_factory=dict)
    written: dict[datetime, str] = field(default_factory=dict)
    """New or replaced instants → who."""

    def at_or_before(self, at: datetime) -> datetime | None:
        """Return the newest instant not after `at`; the oldest of all when `at` precedes it."""
        if not self.instants:
            return None
        return self.instants[max(bisect_right(self.instants, at) - 1, 0)]


class Histories:
    """The histories of a chunk's products, read in at most two queries."""

    def __init__(self) -> None:
        self.lines: dict[str, _Line] = {}
        self.keys: dict[tuple[str, datetime], int] = {}
        """(product id, instant) of stored revisions → their primary key."""

    @classmethod
    def load(
        cls,
        products: Iterable[Product],
        heads: Mapping[str, ProductData],
        asked: Sequence[tuple[str, datetime | None]],
    ) -> Histories:
        """Read the instants of the products, and the contents that the rows `asked` compare with.

        `asked` holds (product id, instant) of each row; without an instant only the newest counts,
        and what that says is the product itself.
        """
        histories = cls()
        names = {product.pk: product.product_id for product in products}
        histories.lines = {name: _Line() for name in names.values()}
        if not names:
            return histories
        keys = histories.keys
        rows = ProductRevision.objects.filter(product_id__among=names).order_by("product", "at")
        for pk, product_key, at in rows.values_list("pk", "product_id", "at"):
            histories.lines[names[product_key]].instants.append(at)
            keys[names[product_key], at] = pk
        for product in products:
            line = histories.lines[product.product_id]
            if not line.instants:
                line.instants.append(product.changed_at)
            line.contents[line.instants[-1]] = heads[product.product_id].as_content()
        histories._load_contents(asked)
        return histories

    def _load_contents(
        self,
        asked: Sequence[tuple[str, datetime | None]],
    ) -> None:
        wanted: dict[int, tuple[str, datetime]] = {}
        for name, at in asked:
            line = self.lines.get(name)
            if at is None or line is None:
                continue
            start = line.at_or_before(at)
            if start is not None and start not in line.contents and (name, start) in self.keys:
                wanted[self.keys[name, start]] = (name, start)
        if not wanted:
            return
        found = ProductRevision.objects.filter(pk__among=wanted).values_list("pk", "content")
        for pk, content in found:
            name, start = wanted[pk]
            self.lines[name].contents[start] = content

    def newest(self, name: str) -> datetime:
        """Return the newest instant of a known product."""
        return self.lines[name].instants[-1]

    def base(self, name: str, at: datetime) -> ProductData | None:
        """Return what a product said at an instant; None for one that does not exist."""
        line = self.lines.get(name)
        start = line.at_or_before(at) if line else None
        if line is None or start is None:
            return None
        return ProductData.from_content(line.contents[start])

    def says(self, name: str, at: datetime, data: ProductData, *, dated: bool) -> bool:
        """Tell whether a product says exactly this already.

        A dated row is a fact of its own, even when it repeats what held before: only the same
        instant with the same content is known. Otherwise the order in which rows arrive would
        decide what the history says between them.
        """
        line = self.lines[name]
        start = at if dated else line.at_or_before(at)
        return start is not None and line.contents.get(start) == data.as_content()

    def put(self, name: str, at: datetime, data: ProductData, by: str) -> bool:
        """Note what a product says from an instant on; tell whether that is the newest instant."""
        line = self.lines.setdefault(name, _Line())
        place = bisect_left(line.instants, at)
        if place == len(line.instants) or line.instants[place] != at:
            line.instants.insert(place, at)
        line.contents[at] = data.as_content()
        line.written[at] = by
        return line.instants[-1] == at

    def revisions(
        self, products: Mapping[str, Product], origin: str
    ) -> tuple[list[dict[str, Any]], dict[int, list[Any]]]:
        """Return the revisions to insert, and key → (content, by, origin) of those to replace.

        The products have their primary keys by now.
        """
        new: list[dict[str, Any]] = []
        replaced: dict[int, list[Any]] = {}
        for name, line in self.lines.items():
            for at, by in line.written.items():
                key = self.keys.get((name, at))
                if key is not None:
                    replaced[key] = [line.contents[at], by, origin]
                    continue
                row = {"at": at, "content": line.contents[at], "by": by, "origin": origin}
                new.append(row | {"product_id": products[name].pk})
        return new, replaced

    def whole(self, products: Mapping[str, Product]) -> dict[int, list[Revision]]:
        """Return the key of each product → all its revisions; for products that are new."""
        found: dict[int, list[Revision]] = {}
        for name, product in products.items():
            line = self.lines[name]
            found[product.pk] = [(product.seller_id, at, line.contents[at]) for at in line.instants]
        return found

    def earliest(self, products: Mapping[str, Product]) -> dict[int, datetime]:
        """Return product key → first instant written."""
        return {
            products[name].pk: min(line.written)
            for name, line in self.lines.items()
            if line.written
        }
