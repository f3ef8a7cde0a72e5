"""Kinds of rows upstream may send about RFQs (09-contract, K-15); importing a module registers its own."""

from rfq.market import ingest as ingest_rfqs
from rfq.quotes import ingest as ingest_quotes
from rfq.rights import ingest as ingest_grants

__all__ = ["ingest_grants", "ingest_quotes", "ingest_rfqs"]
