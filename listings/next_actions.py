"""What listings find worth doing next; importing a module here registers its providers (UI-2)."""

from listings import theme_actions

__all__ = ["theme_actions"]
