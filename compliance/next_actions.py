"""What compliance finds worth doing next; importing a module here registers its providers (UI-2)."""

from compliance.epr import actions as epr_actions
from compliance.goods import actions as goods_actions
from compliance.obligations import actions as obligation_actions
from compliance.penalties import actions as penalty_actions

__all__ = ["epr_actions", "goods_actions", "obligation_actions", "penalty_actions"]
