"""The kernel's kinds; importing this module registers them."""

from portal.ingest import kinds_catalogue, kinds_facts, kinds_people, kinds_traffic

__all__ = ["kinds_catalogue", "kinds_facts", "kinds_people", "kinds_traffic"]
