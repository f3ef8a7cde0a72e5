"""Staff pages of RFQ; importing a module registers them."""

from rfq.admin import market, programmes, rights, scores

__all__ = ["market", "programmes", "rights", "scores"]
