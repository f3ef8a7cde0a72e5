"""Nightly jobs of `growth`; importing a module here registers its jobs (NGT-2)."""

from growth.nightly import assess, diagnosis, packs, programmes, rewards, stages, stars, tasks

__all__ = ["assess", "diagnosis", "packs", "programmes", "rewards", "stages", "stars", "tasks"]
