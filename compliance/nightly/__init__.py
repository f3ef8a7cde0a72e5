"""Nightly jobs of `compliance`; importing a module here registers its jobs (NGT-2)."""

from compliance.nightly import reminders

__all__ = ["reminders"]
