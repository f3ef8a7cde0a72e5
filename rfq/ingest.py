"""Kinds of rows upstream may send about RFQs (09-contract, K-15); importing a module registers its own."""

from rfq import ingest_grants, ingest_quotes, ingest_rfqs  # noqa: F401
