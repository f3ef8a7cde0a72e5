"""Staff pages of listings; importing a module registers them."""

from listings.admin import products, themes

__all__ = ["products", "themes"]
