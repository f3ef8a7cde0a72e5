"""Nightly jobs of `rfq`; importing a module here registers its jobs (NGT-2)."""

from rfq.nightly import assess, expiry, grants, outlook, reminders, score

__all__ = ["assess", "expiry", "grants", "outlook", "reminders", "score"]
