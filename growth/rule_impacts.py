"""Whom drafts of growth would touch; importing a module here registers it (K-16)."""

from growth.diagnosis import impacts as diagnosis_impacts
from growth.guide import impacts as guide_impacts
from growth.stars import impacts as star_impacts

__all__ = ["diagnosis_impacts", "guide_impacts", "star_impacts"]
