"""Staff pages of RFQ; importing a module registers them."""

from rfq.admin import programmes, rights

__all__ = ["programmes", "rights"]
