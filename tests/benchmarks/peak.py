"""Runs a management command; its last line of output is the most memory the process ever had, in MiB.

    python -m tests.benchmarks.peak nightly --as-of 2022-07-19

Told by the process of itself: what the system says to a parent counts the parent's memory at the fork, too.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line


def peak() -> int:
    """Return the most memory this process ever had; MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    raise SystemExit("this system does not say how much memory a process had")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    execute_from_command_line(["manage.py", *sys.argv[1:]])
    print(peak())
