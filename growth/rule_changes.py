"""What rulebooks of growth change for one shop; importing a module here registers it (K-17)."""

from growth.stars import changes as star_changes

__all__ = ["star_changes"]
