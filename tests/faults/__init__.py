"""Faults on purpose: full disks, lost connections, brokers that restart, hostile input, tasks run twice.

`docs/reliability.md` lists every fault with its number, its test and what was seen without the guard.
"""

from __future__ import annotations

import os


def size(name: str, usual: int) -> int:
    """Return how many of something a test takes: `name` in the environment, else what every run has time for."""
    return int(os.environ.get(name) or usual)
