"""Tiles of growth on the home page; importing a module here registers its tiles (UI-2)."""

from growth.diagnosis import tiles as diagnosis_tiles
from growth.guide import tiles as guide_tiles
from growth.packs import tiles as pack_tiles
from growth.stars import tiles as star_tiles

__all__ = ["diagnosis_tiles", "guide_tiles", "pack_tiles", "star_tiles"]
