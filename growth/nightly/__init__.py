"""Nightly jobs of `growth`; importing a module here registers its jobs (NGT-2)."""

from growth.nightly import diagnosis, packs, rewards, stages, tasks

__all__ = ["diagnosis", "packs", "rewards", "stages", "tasks"]
