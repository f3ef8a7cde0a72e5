"""Kinds of rows upstream may send about listings (09-contract, K-15); importing a module registers its own."""

from listings.products import ingest as ingest_products
from listings.themes import ingest as ingest_themes

__all__ = ["ingest_products", "ingest_themes"]
