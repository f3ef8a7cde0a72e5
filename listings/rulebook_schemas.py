"""Typed content of the rulebooks of `listings`; importing a module here registers it (K-16)."""

from listings.themes import schema as benefits_schema

__all__ = ["benefits_schema"]
