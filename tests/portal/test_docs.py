"""What docs/ and the other Markdown files say is so: links lead somewhere, examples work, tables are complete."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from rest_framework.test import APIClient

from portal.ingest.engine import ingest_file
from portal.ingest.kinds import all_kinds, kind_named

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
INTEGRATION = ROOT / "docs" / "integration.md"
CODES_OF = {"409", "413", "429", "503"}
"""Statuses whose codes the schema names one by one; those of the others are few and the same everywhere."""


def _without_code(text: str) -> str:
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^ {4}.*$", "", text, flags=re.MULTILINE))


@cache
def _anchors(path: Path) -> frozenset[str]:
    """Return the anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return frozenset(heading.replace(" ", "-") for heading in kept)


@pytest.mark.once
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", _without_code(page.read_text("utf-8"))):
        name, _hash, anchor = unquote(target).partition("#")
        if re.match(r"[a-z]+:", name):
            continue
        file = (page.parent / name).resolve() if name else page
        missing_part = anchor and file.suffix == ".md" and anchor not in _anchors(file)
        if not file.exists() or missing_part:
            lost.append(target)
    assert lost == []


@pytest.mark.once
def test_every_document_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", index))
    assert linked == {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}


@pytest.mark.once
@pytest.mark.parametrize("name", ["architecture.md", "modules.md", "nights.md"])
def test_the_modules_that_are_named_exist(name: str) -> None:
    text = (ROOT / "docs" / name).read_text("utf-8")
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)+\.py)`", text))
    files = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("[!.]*/**/*.py")]
    assert (
        sorted(one for one in named if not any(f"/{file}".endswith(f"/{one}") for file in files))
        == []
    )


@pytest.mark.once
def test_pictures_are_small_and_drawings_are_told_in_words() -> None:
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.stat().st_size <= 200 * 1024, picture.name
        if picture.suffix == ".svg":
            drawing = ElementTree.parse(picture).getroot()  # noqa: S314  our own file
            space = "{http://www.w3.org/2000/svg}"
            assert drawing.get("aria-label") or drawing.findtext(f"{space}title"), picture.name


@pytest.mark.rule("CMD-2")
@pytest.mark.once
def test_every_variable_of_the_settings_has_its_row() -> None:
    settings = (ROOT / "portal" / "settings.py").read_text("utf-8")
    used = set(re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", settings))
    text = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row.split("|")[1])}
    assert len(used) > 15
    assert used <= told


# --- For integrators ----------------------------------------------------------------------------


@pytest.mark.rule("API-1")
@pytest.mark.django_db
@pytest.mark.once
def test_every_code_of_the_schema_is_told(owner_api: APIClient) -> None:
    schema = owner_api.get("/api/v1/schema?format=json", HTTP_ACCEPT="application/json").json()
    answers = [
        answer["description"]
        for operations in schema["paths"].values()
        for name, operation in operations.items()
        if name != "parameters"
        for status, answer in operation["responses"].items()
        if status in CODES_OF
    ]
    codes = {code for text in answers for code in re.findall(r"`([a-z_]+)`", text)}
    assert len(codes) > 50
    told = set(re.findall(r"`([a-z_]+)`", INTEGRATION.read_text("utf-8")))
    assert codes - told == {"errors"} & codes


@pytest.mark.rule("K-15")
@pytest.mark.once
def test_the_columns_of_every_kind_are_told() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", INTEGRATION.read_text("utf-8"), re.MULTILINE)
    told = dict(rows)
    for kind in all_kinds():
        columns = [f"[{one.name}]" if one.optional else one.name for one in kind.columns]
        assert told[kind.name] == ", ".join(columns), kind.name


@pytest.mark.rule("K-15")
@pytest.mark.django_db
@pytest.mark.once
def test_the_examples_load_in_the_order_they_are_told(tmp_path: Path) -> None:
    shown = r"^`(\w+)`: [^\n]+\n\n```csv\n(.+?)```"
    examples = re.findall(shown, INTEGRATION.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert {name for name, _text in examples} == {kind.name for kind in all_kinds()}
    for name, text in examples:
        file = tmp_path / f"{name}.csv"
        file.write_text(text, encoding="utf-8")
        kind = kind_named(name)
        assert kind is not None
        for expected in ("created", "unchanged"):
            outcome = ingest_file(kind, file)
            assert outcome.ok, (name, outcome.error, outcome.rejections[:3])
            assert getattr(outcome, expected) == len(text.strip().splitlines()) - 1, name
