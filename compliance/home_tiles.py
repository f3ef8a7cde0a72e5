"""Tiles of compliance on the home page; importing a module here registers its tiles (UI-2)."""

from compliance.epr import tiles as epr_tiles

__all__ = ["epr_tiles"]
