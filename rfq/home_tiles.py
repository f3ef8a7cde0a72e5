"""Tiles of RFQ on the home page; importing a module here registers its tiles (UI-2)."""

from rfq.rights import tiles as rights_tiles
from rfq.score import tiles as score_tiles

__all__ = ["rights_tiles", "score_tiles"]
