"""Typed content of the rulebooks of `rfq`; importing a module here registers it (K-16)."""

from rfq.challenge import schema as challenge_schema
from rfq.market import schema as market_schema
from rfq.score import schema as score_schema

__all__ = ["challenge_schema", "market_schema", "score_schema"]
