"""Nightly jobs of `growth`; importing a module here registers its jobs (NGT-2)."""

from growth.nightly import tasks

__all__ = ["tasks"]
