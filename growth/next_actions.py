"""What growth makes worth doing next; importing a module here registers its providers (UI-2)."""

from growth import guide_actions, pack_actions

__all__ = ["guide_actions", "pack_actions"]
