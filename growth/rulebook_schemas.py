"""Typed content of the rulebooks of `growth`; importing a module here registers it (K-16)."""

from growth import diagnosis_schema, guide_schema, rights_schema, star_schema, strength_schema

__all__ = [
    "diagnosis_schema",
    "guide_schema",
    "rights_schema",
    "star_schema",
    "strength_schema",
]
