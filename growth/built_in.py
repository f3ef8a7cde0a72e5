"""Data every portal has after migration; importing a module registers its loader."""

from growth import pack_data, programme_data

__all__ = ["pack_data", "programme_data"]
