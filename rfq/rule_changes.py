"""What rulebooks of RFQ change for one shop; importing a module here registers it (K-17)."""

from rfq.score import changes as score_changes

__all__ = ["score_changes"]
