"""What rulebooks of growth change for one shop; importing a module here registers it (K-17)."""

from growth.diagnosis import changes as diagnosis_changes
from growth.guide import changes as guide_changes
from growth.stars import changes as star_changes

__all__ = ["diagnosis_changes", "guide_changes", "star_changes"]
