"""Kinds of rows upstream may send about growth (09-contract, K-15); importing a module registers its own."""

from growth.membership import ingest as ingest_affiliates
from growth.packs import ingest as ingest_packs

__all__ = ["ingest_affiliates", "ingest_packs"]
