"""Nightly jobs of `growth`; importing a module here registers its jobs (NGT-2)."""

from growth.nightly import packs, rewards, tasks

__all__ = ["packs", "rewards", "tasks"]
