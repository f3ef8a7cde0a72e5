"""Nightly jobs of `listings`; importing a module here registers its jobs (NGT-2)."""

from listings.nightly import notices, themes

__all__ = ["notices", "themes"]
