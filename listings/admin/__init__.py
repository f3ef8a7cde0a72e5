"""Staff pages of listings; importing a module registers them."""

from listings.admin import themes

__all__ = ["themes"]
