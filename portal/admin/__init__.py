"""Staff pages of the kernel's models; importing a module registers them."""

from portal.admin import ingest, nights

__all__ = ["ingest", "nights"]
