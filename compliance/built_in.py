"""Data every portal has after migration; importing a module registers its loader."""

from compliance import review_reasons, screening_data

__all__ = ["review_reasons", "screening_data"]
