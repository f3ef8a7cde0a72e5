"""Data every portal has after migration; importing a module registers its loader."""

from compliance.goods import shipped_data
from compliance.review import reasons

__all__ = ["reasons", "shipped_data"]
