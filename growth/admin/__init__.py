"""Staff pages of growth; importing a module registers them."""

from growth.admin import diagnosis, guide, packs, programmes, rights, stars

__all__ = ["diagnosis", "guide", "packs", "programmes", "rights", "stars"]
