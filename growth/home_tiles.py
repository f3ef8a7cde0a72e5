"""Tiles of growth on the home page; importing a module here registers its tiles (UI-2)."""

from growth import diagnosis_tiles, guide_tiles, pack_tiles, star_tiles

__all__ = ["diagnosis_tiles", "guide_tiles", "pack_tiles", "star_tiles"]
