"""Runs a management command; its last line of output is the most memory of its own it had, in MiB.

    python -m tests.benchmarks.peak nightly --as-of 2022-07-19

Of its own: anonymous memory, which nobody else can use and the system cannot take back. Pages of mapped files
are resident, too, and counted by the system's own peak (`VmHWM`), but they are its cache of the file: of a larger
database more of them are shown to the process, while it holds no more. The system keeps no peak of anonymous memory,
so a thread looks at it, a hundred times a second; SQLite and psycopg let it while they work. Told by the
process of itself: what the system says to a parent counts the parent's memory at the fork, too.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import execute_from_command_line

SECONDS = 0.01


def own_memory() -> int:
    """Return the anonymous memory this process has now; KiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise SystemExit("this system does not say how much memory a process has")


@contextmanager
def watched() -> Iterator[list[int]]:
    """Watch the memory of this process; the list holds the most it ever had, in MiB, afterwards."""
    found, ended = [own_memory()], threading.Event()

    def watch() -> None:
        while not ended.wait(SECONDS):
            found[0] = max(found[0], own_memory())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
        found[:] = [max(found[0], own_memory()) // 1024]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    with watched() as most:
        execute_from_command_line(["manage.py", *sys.argv[1:]])
    print(most[0])
