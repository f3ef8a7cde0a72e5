"""Nightly jobs of `compliance`; importing a module here registers its jobs (NGT-2)."""

from compliance.nightly import expiry, gate_overview, reminders

__all__ = ["expiry", "gate_overview", "reminders"]
