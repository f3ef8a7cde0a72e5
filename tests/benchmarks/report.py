"""One report of all that is kept: a table of goals, a plot, and the same in the documentation.

python -m tests.benchmarks.report          writes var/benchmarks/report.md and goals.svg
python -m tests.benchmarks.report --docs   and docs/benchmarks.md (between its marks), docs/images
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from html import escape
from math import log2

from tests.benchmarks.results import FOLDER, ROOT, Ratio, Sheet, sheets

DOCUMENT = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "images" / "benchmarks.svg"
BEGIN, END = "<!-- goals: begin -->", "<!-- goals: end -->"
Row = tuple[Sheet, Ratio]


def main() -> int:
    """Write the report of all kept sheets; return 0."""
    found = list(sheets())
    if not found:
        print("nothing measured yet: python -m tests.benchmarks")
        return 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    text, picture = table(found), plot(found)
    (FOLDER / "report.md").write_text(text)
    (FOLDER / "goals.svg").write_text(picture)
    print(text)
    if "--docs" in sys.argv:
        PICTURE.write_text(picture)
        DOCUMENT.write_text(with_table(DOCUMENT.read_text(), text))
    return 0


def rows(found: Iterable[Sheet]) -> list[Row]:
    """Return every ratio with its sheet, rule by rule."""
    every = [(sheet, ratio) for sheet in found for ratio in sheet.ratios]
    return sorted(every, key=lambda row: row[1].rule)


def short(database: str) -> str:
    """Return a database's name without its version."""
    return database.split(maxsplit=1)[0] if database else ""


# --- Table --------------------------------------------------------------------------------------


def table(found: list[Sheet]) -> str:
    """Return the goals as Markdown: met or missed, with what they were measured on."""
    every = rows(found)
    lines = [
        _summary(found),
        "",
        "| rule | what, against what | size | database | measured | goal | | load |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for sheet, ratio in every:
        verdict = {None: "", True: "met", False: "**missed**"}[ratio.met]
        load = " → ".join(f"{one:.0f}" for one in sheet.load)
        lines.append(
            f"| {ratio.rule} | {ratio.what} | {sheet.size} | {short(sheet.database)} | "
            f"{ratio.shown} | {ratio.goal} | {verdict} | {load} |"
        )
    return "\n".join(lines) + "\n"


def _summary(found: list[Sheet]) -> str:
    goals = [ratio.met for _sheet, ratio in rows(found) if ratio.met is not None]
    machines = sorted({sheet.machine for sheet in found})
    versions = sorted({sheet.database for sheet in found} | {sheet.python for sheet in found})
    return (
        f"{sum(goals)} of {len(goals)} goals met. {', '.join([*machines, *versions])}. "
        "Load is that of the machine before and after."
    )


def with_table(document: str, text: str) -> str:
    """Return the document with the table between its marks replaced."""
    before, _, rest = document.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise SystemExit(f"{DOCUMENT.name} has no marks {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{text}{END}{after}"


# --- Plot ---------------------------------------------------------------------------------------

LABELS, BARS, VALUES, LINE, TOP = 520, 380, 140, 22, 64
MOST = 5
"""Doublings to each side of the goal that are drawn; what is further ends there."""
COLOURS = {True: "#2a7d5f", False: "#c2553a"}


def plot(found: list[Sheet]) -> str:
    """Return an SVG: how many times better or worse than its goal each ratio is, on a scale of doublings."""
    every = [row for row in rows(found) if row[1].margin is not None]
    lowest = min([-1, *(_doublings(ratio) for _sheet, ratio in every)])
    highest = max([1, *(_doublings(ratio) for _sheet, ratio in every)])
    left, right = int(lowest // 1), int(-(-highest // 1))
    step = BARS / (right - left)
    zero = LABELS - left * step
    height = TOP + LINE * len(every) + 16
    width = LABELS + BARS + VALUES
    parts = [
        *_frame(width, height),
        *_scale(left, right, zero, step, height),
    ]
    for place, (sheet, ratio) in enumerate(every):
        parts += _bar(TOP + place * LINE, zero, step, sheet, ratio)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _frame(width: int, height: int) -> Iterator[str]:
    title = "How many times better than its goal (right of the line: met)"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="system-ui, sans-serif" font-size="12" role="img">'
    )
    yield f'<title>{title}</title><rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield f'<text x="12" y="22" font-size="15" font-weight="600" fill="#1d2733">{title}</text>'


def _doublings(ratio: Ratio) -> float:
    return max(-MOST, min(MOST, log2(ratio.margin or 2**-MOST)))


def _scale(left: int, right: int, zero: float, step: float, height: int) -> Iterator[str]:
    for doubling in range(left, right + 1):
        x = zero + doubling * step
        named = "goal" if doubling == 0 else f"{2.0**doubling:g} ×"
        colour, wide = ("#1d2733", 1.5) if doubling == 0 else ("#d9dee4", 1)
        yield (
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{height - 10}" stroke="{colour}" '
            f'stroke-width="{wide}"/>'
        )
        yield f'<text x="{x:.1f}" y="{TOP - 14}" text-anchor="middle" fill="#5b6875">{named}</text>'


def _bar(y: float, zero: float, step: float, sheet: Sheet, ratio: Ratio) -> Iterator[str]:
    end = zero + _doublings(ratio) * step
    colour = COLOURS[bool(ratio.met)]
    label = f"{ratio.rule}  {ratio.what} · {short(sheet.database)}"
    told = f"{label}, {sheet.size}: {ratio.shown}, goal {ratio.goal}, {ratio.verdict}"
    cut = label if len(label) <= 84 else f"{label[:83]}…"
    yield f"<g><title>{escape(told)}</title>"
    yield (
        f'<text x="{LABELS - 12}" y="{y + 14:.0f}" text-anchor="end" fill="#1d2733">'
        f"{escape(cut)}</text>"
    )
    yield (
        f'<rect x="{min(zero, end):.1f}" y="{y + 3:.0f}" width="{max(1.0, abs(end - zero)):.1f}" '
        f'height="{LINE - 8}" fill="{colour}"/>'
    )
    yield (
        f'<text x="{LABELS + BARS + 10}" y="{y + 14:.0f}" fill="{colour}">'
        f"{escape(ratio.shown)} ({escape(ratio.goal)})</text></g>"
    )


if __name__ == "__main__":
    sys.exit(main())
