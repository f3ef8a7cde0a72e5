"""What compliance finds worth doing next; importing a module here registers its providers (UI-2)."""

from compliance import epr_actions, obligation_actions, screening_actions, violation_actions

__all__ = ["epr_actions", "obligation_actions", "screening_actions", "violation_actions"]
