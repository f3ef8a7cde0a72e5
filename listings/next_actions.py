"""What listings find worth doing next; importing a module here registers its providers (UI-2)."""

from listings.products import actions as product_actions
from listings.themes import actions as theme_actions

__all__ = ["product_actions", "theme_actions"]
