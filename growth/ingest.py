"""Kinds of rows upstream may send about growth (09-contract, K-15); importing a module registers its own."""

from growth.membership import ingest as ingest_affiliates  # noqa: F401
from growth.packs import ingest as ingest_packs  # noqa: F401
