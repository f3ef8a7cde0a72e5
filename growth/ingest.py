"""Kinds of rows upstream may send about growth (09-contract, K-15); importing a module registers its own."""

from growth import ingest_affiliates, ingest_packs  # noqa: F401
