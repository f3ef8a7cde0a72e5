"""Whom drafts of RFQ would touch; importing a module here registers it (K-16)."""

from rfq.score import impacts as score_impacts

__all__ = ["score_impacts"]
