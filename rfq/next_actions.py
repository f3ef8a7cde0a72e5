"""What RFQs make worth doing next; importing a module here registers its providers (UI-2)."""

from rfq import quote_actions

__all__ = ["quote_actions"]
