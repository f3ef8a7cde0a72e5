"""Nightly jobs of `rfq`; importing a module here registers its jobs (NGT-2)."""

from rfq.nightly import outlook, reminders, score

__all__ = ["outlook", "reminders", "score"]
