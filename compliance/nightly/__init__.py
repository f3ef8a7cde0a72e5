"""Nightly jobs of `compliance`; importing a module here registers its jobs (NGT-2)."""

from compliance.nightly import expiry, reminders

__all__ = ["expiry", "reminders"]
