"""Whom drafts of growth would touch; importing a module here registers it (K-16)."""

from growth import star_impacts

__all__ = ["star_impacts"]
