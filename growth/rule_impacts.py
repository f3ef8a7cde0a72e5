"""Whom drafts of growth would touch; importing a module here registers it (K-16)."""

from growth import diagnosis_impacts, star_impacts

__all__ = ["diagnosis_impacts", "star_impacts"]
