"""What growth makes worth doing next; importing a module here registers its providers (UI-2)."""

from growth.diagnosis import actions as diagnosis_actions
from growth.guide import actions as guide_actions
from growth.membership import actions as rights_actions
from growth.packs import actions as pack_actions
from growth.programmes import actions as programme_actions
from growth.stars import actions as star_actions

__all__ = [
    "diagnosis_actions",
    "guide_actions",
    "pack_actions",
    "programme_actions",
    "rights_actions",
    "star_actions",
]
