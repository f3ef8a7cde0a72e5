"""Staff pages of the kernel's models; importing a module registers them."""

from portal.admin import nights

__all__ = ["nights"]
