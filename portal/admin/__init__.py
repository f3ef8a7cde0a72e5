"""Staff pages of the kernel's models; importing a module registers them."""

from portal.admin import (
    audit,
    bulletins,
    catalogue,
    date_filter,
    facts,
    ingest,
    nights,
    notices,
    people,
    rulebooks,
    webhooks,
)

__all__ = [
    "audit",
    "bulletins",
    "catalogue",
    "date_filter",
    "facts",
    "ingest",
    "nights",
    "notices",
    "people",
    "rulebooks",
    "webhooks",
]
