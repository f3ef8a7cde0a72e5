"""Tiles of growth on the home page; importing a module here registers its tiles (UI-2)."""

from growth import guide_tiles, pack_tiles

__all__ = ["guide_tiles", "pack_tiles"]
