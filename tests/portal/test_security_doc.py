"""docs/security.md: every row that claims something names a test, and every test it names exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

pytestmark = [pytest.mark.once, pytest.mark.rule("K-9")]

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/security.md").read_text("utf-8")
MARKS = {"yes", "partly", "operator", "no"}


def short_names() -> dict[str, str]:
    """Return the files that the document abbreviates."""
    intro = TEXT[: TEXT.index("## V1")]
    return dict(re.findall(r"`(\w)`(?: is)? `(tests/\S+\.py)`", intro))


def rows() -> list[list[str]]:
    lines = [line for line in TEXT.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "wanted"]


def named() -> list[tuple[str, str]]:
    files = short_names()
    found = re.findall(r"`([\w/.]+)::(\w+)`", TEXT)
    return [(files.get(path, path), name) for path, name in found]


@cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_is_named_exists():
    assert len(short_names()) == 4
    assert len(named()) > 80
    missing = [f"{path}::{name}" for path, name in named() if name not in functions_of(path)]
    assert missing == []


def test_a_row_that_claims_something_names_its_test():
    assert len(rows()) > 50
    for row in rows():
        assert len(row) == 4, row
        assert row[2] in MARKS, row
        assert row[2] != "yes" or "::" in row[3], row


def test_what_is_missing_is_said():
    assert {row[2] for row in rows()} == MARKS


def test_the_documents_lead_here():
    for name in ("README.md", "docs/operations.md"):
        assert "security.md" in (ROOT / name).read_text("utf-8"), name
