"""The kernel's kinds; importing this module registers them."""

from portal.ingest import kinds_facts, kinds_traffic

__all__ = ["kinds_facts", "kinds_traffic"]
