"""What growth makes worth doing next; importing a module here registers its providers (UI-2)."""

from growth import (
    diagnosis_actions,
    guide_actions,
    pack_actions,
    programme_actions,
    rights_actions,
    star_actions,
)

__all__ = [
    "diagnosis_actions",
    "guide_actions",
    "pack_actions",
    "programme_actions",
    "rights_actions",
    "star_actions",
]
