"""What listings find worth doing next; importing a module here registers its providers (UI-2)."""

from listings import product_actions, theme_actions

__all__ = ["product_actions", "theme_actions"]
