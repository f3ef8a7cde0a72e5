"""What RFQs make worth doing next; importing a module here registers its providers (UI-2)."""

from rfq.challenge import actions as challenge_actions
from rfq.quotes import actions as quote_actions
from rfq.score import actions as score_actions

__all__ = ["challenge_actions", "quote_actions", "score_actions"]
