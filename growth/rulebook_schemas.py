"""Typed content of the rulebooks of `growth`; importing a module here registers it (K-16)."""

from growth import guide_schema

__all__ = ["guide_schema"]
