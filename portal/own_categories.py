"""Which categories are a shop's own: its main category with all below it, and what apps add.

An app that knows more registers a provider in its `own_categories.py`:

    @own_categories_of
    def live_products(seller_ids):
        yield seller_id, category_id

It runs once for any number of shops.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from django.db.models import QuerySet

from portal.models import CategoryClosure, Seller
from portal.prepared_reads import prepared
from portal.read_once import read_once

Provider = Callable[[Collection[int]], Iterable[tuple[int, int]]]
_providers: list[Provider] = []


def own_categories_of(provider: Provider) -> Provider:
    """Add a provider: shops' primary keys → pairs of shop and category (decorator)."""
    _providers.append(provider)
    return provider


def own_categories(sellers: Iterable[Seller]) -> dict[int, set[int]]:
    """Return shop → primary keys of its own categories; one query and one per provider."""
    mains = {seller.pk: seller.main_category_id for seller in sellers}
    below = _below(frozenset(mains.values()))
    own = {seller: {main, *below.get(main, ())} for seller, main in mains.items()}
    for provider in _providers:
        for seller, category in provider(own.keys()):
            own[seller].add(category)
    return own


@read_once
def _below(categories: frozenset[int | None]) -> dict[int, set[int]]:
    below: dict[int, set[int]] = {}
    for ancestor, descendant in _pairs(
        [category for category in categories if category is not None]
    ):
        below.setdefault(ancestor, set()).add(descendant)
    return below


@prepared
def _pairs(categories: Collection[int]) -> QuerySet[CategoryClosure, tuple[int, int]]:
    pairs = CategoryClosure.objects.filter(ancestor__in=categories)
    return pairs.values_list("ancestor", "descendant")
