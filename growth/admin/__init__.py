"""Staff pages of growth; importing a module registers them."""

from growth.admin import diagnosis, guide, packs, rights, stars

__all__ = ["diagnosis", "guide", "packs", "rights", "stars"]
