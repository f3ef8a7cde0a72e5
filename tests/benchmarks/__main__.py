"""`make bench`: run every `bench_*.py` here, one after another, then report; arguments go to each.

One by name: `python -m tests.benchmarks.bench_themes --help`. The report alone, of everything ever measured
here: `python -m tests.benchmarks.report`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Return the worst exit code; a missed goal is no failure, but is in the report."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    codes = []
    for name in [*found, "report"]:
        print(f"=== {name}", flush=True)
        command = [sys.executable, "-m", f"tests.benchmarks.{name}", *sys.argv[1:]]
        codes.append(subprocess.call(command))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
