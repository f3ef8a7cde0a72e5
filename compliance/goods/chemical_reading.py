"""Where a shop's chemicals stand, for its page and the API: set-wise, whatever their number (CMP-4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from compliance.choices import ChemicalListing
from compliance.goods.chemicals import FORBIDDEN, ChemicalProblem, ChemicalRules
from compliance.models import ChemicalCategory, GatedProduct
from compliance.services.chemicals import chemical_rules, is_admitted
from portal import platform_time
from portal.models import CategoryClosure, Seller


class ChemicalState(StrEnum):
    """Where a product stands."""

    FORBIDDEN = "forbidden"
    LACKING = "lacking"
    DISPLAY_ONLY = "display_only"
    FREE = "free"


STATES: dict[ChemicalState, tuple[Promise, str]] = {
    ChemicalState.FORBIDDEN: (_("Forbidden"), "danger"),
    ChemicalState.LACKING: (_("Something is missing"), "warn"),
    # Translators: 可展示 不可交易
    ChemicalState.DISPLAY_ONLY: (_("Display only, no online trade"), "info"),
    ChemicalState.FREE: (_("On no list"), "ok"),
}


@dataclass(frozen=True)
class ChemicalRow:
    """A product with its state, the substance of its CAS number and what keeps it from being live."""

    product: GatedProduct
    state: ChemicalState
    substance: str
    problems: list[ChemicalProblem]

    @property
    def label(self) -> Promise:
        """The state in words."""
        return STATES[self.state][0]

    @property
    def tone(self) -> str:
        """Colour of the state."""
        return STATES[self.state][1]


class ShopChemicals:
    """The chemicals of the shop in scope: a product with a CAS number, or in a category that asks for one.

    Reads keys, category and CAS number of all of them at once; rows of a page come from `rows`.
    """

    def __init__(self, seller: Seller) -> None:
        day = platform_time.today()
        found = list(
            chemical_products(seller).order_by("product_id").values_list("pk", "category_id", "cas")
        )
        self.rules: ChemicalRules = chemical_rules(
            seller=seller,
            category_ids={category_id for _pk, category_id, _cas in found},
            cas_numbers={cas for _pk, _category, cas in found},
            day=day,
        )
        judged: dict[tuple[int, str], ChemicalState] = {}
        self._states: dict[int, ChemicalState] = {}
        for pk, category_id, cas in found:
            if (category_id, cas) not in judged:
                judged[category_id, cas] = self._state(category_id, cas)
            self._states[pk] = judged[category_id, cas]
        self.counts = Counter(self._states.values())
        self.admitted = is_admitted(seller)

    def _state(self, category_id: int, cas: str) -> ChemicalState:
        problems = self.rules.problems(category_id, cas)
        if any(one.code == FORBIDDEN for one in problems):
            return ChemicalState.FORBIDDEN
        if problems:
            return ChemicalState.LACKING
        found = self.rules.substance(cas)
        restricted = found is not None and found.listing == ChemicalListing.RESTRICTED
        return ChemicalState.DISPLAY_ONLY if restricted else ChemicalState.FREE

    def keys(self, state: str = "") -> list[int]:
        """Return primary keys of the products, of one state if given, by product id."""
        return [pk for pk, one in self._states.items() if not state or one == state]

    def rows(self, keys: Sequence[int]) -> list[ChemicalRow]:
        """Return the products of a page, in the order of the keys; one query."""
        products = GatedProduct.objects.select_related("category").in_bulk(list(keys))
        return [self._row(products[pk]) for pk in keys if pk in products]

    def _row(self, product: GatedProduct) -> ChemicalRow:
        found = self.rules.substance(product.cas)
        return ChemicalRow(
            product,
            self._states[product.pk],
            found.name if found else "",
            self.rules.problems(product.category_id, product.cas),
        )


def chemical_products(seller: Seller) -> QuerySet[GatedProduct]:
    """Return the shop's products the chemicals rules look at, live or not, none from the recycle bin."""
    begun = ChemicalCategory.objects.filter(starts_on__lte=platform_time.today())
    below = CategoryClosure.objects.filter(ancestor__in=begun.values("category"))
    return GatedProduct.objects.filter(seller=seller, deleted=False).filter(
        ~Q(cas="") | Q(category__in=below.values("descendant"))
    )
