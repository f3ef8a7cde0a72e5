"""Staff pages of growth; importing a module registers them."""

from growth.admin import guide

__all__ = ["guide"]
