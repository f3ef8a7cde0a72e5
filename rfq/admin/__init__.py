"""Staff pages of RFQ; importing a module registers them."""

from rfq.admin import rights

__all__ = ["rights"]
