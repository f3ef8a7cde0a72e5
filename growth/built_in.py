"""Data every portal has after migration; importing a module registers its loader."""

from growth.packs import data as pack_data
from growth.programmes import data as programme_data

__all__ = ["pack_data", "programme_data"]
