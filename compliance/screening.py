"""Screening of products' words and chemicals: the public face of compliance for `listings` (LST-21).

Screener(day)                          screens any number of texts; `screen_texts` in one call
products_screened(texts, gone=ids)     keeps the hits of live products; after `gate.products_told`
chemical_rules(seller=…, …)            judges categories and CAS numbers of one shop's products
chemical_problems(…)                   the same for one product
"""

from compliance.goods.chemicals import ChemicalProblem
from compliance.services.chemicals import chemical_problems, chemical_rules
from compliance.services.screening import (
    ProductText,
    Screener,
    TermHit,
    products_screened,
    screen_texts,
)

__all__ = [
    "ChemicalProblem",
    "ProductText",
    "Screener",
    "TermHit",
    "chemical_problems",
    "chemical_rules",
    "products_screened",
    "screen_texts",
]
