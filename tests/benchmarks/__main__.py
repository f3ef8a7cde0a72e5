"""`make bench`: run every `bench_*.py` here, each in a process of its own; arguments go to each.

One by name: `python -m tests.benchmarks.bench_themes --help`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Return the worst exit code."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    codes = []
    for name in found:
        print(f"=== {name}", flush=True)
        command = [sys.executable, "-m", f"tests.benchmarks.{name}", *sys.argv[1:]]
        codes.append(subprocess.call(command))
    return max(codes, default=0)


if __name__ == "__main__":
    sys.exit(main())
