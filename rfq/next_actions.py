"""What RFQs make worth doing next; importing a module here registers its providers (UI-2)."""

from rfq import challenge_actions, quote_actions, score_actions

__all__ = ["challenge_actions", "quote_actions", "score_actions"]
