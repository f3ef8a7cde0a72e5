"""Typed content of the rulebooks of `growth`; importing a module here registers it (K-16)."""

from growth.diagnosis import schema as diagnosis_schema
from growth.guide import schema as guide_schema
from growth.membership import schema as rights_schema
from growth.membership import strength_schema
from growth.stars import schema as star_schema

__all__ = [
    "diagnosis_schema",
    "guide_schema",
    "rights_schema",
    "star_schema",
    "strength_schema",
]
