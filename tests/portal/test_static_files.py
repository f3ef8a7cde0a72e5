"""Only what pages load is collected, and that completely."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import override_settings

from portal import settings as portal_settings

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.rule("CMD-2", "UI-5")
def test_production_collects_every_file_a_template_names_and_little_else(tmp_path):
    storages = {
        **portal_settings.STORAGES,
        "staticfiles": {"BACKEND": "portal.static_files.PortalStaticFilesStorage"},
    }
    with override_settings(STORAGES=storages, STATIC_ROOT=tmp_path):
        call_command("collectstatic", interactive=False, verbosity=0)
    hashed = json.loads((tmp_path / "staticfiles.json").read_text("utf-8"))["paths"]
    named = {
        name
        for path in (ROOT / "templates").rglob("*.html")
        for name in re.findall(r"\{% static [\"']([^\"']+)", path.read_text("utf-8"))
    }
    assert len(named) > 5
    assert named <= set(hashed)
    assert not [name for name in hashed if name.endswith(".map")]
    assert len(hashed) < 300
    the_sheet_of_all_pages_is_one_file(tmp_path / hashed["css/site.css"])
    files = [tmp_path / name for name in hashed.values()]
    plain = [file.name for file in files if file.suffix in (".css", ".js", ".svg")
             and file.stat().st_size > 1000 and not file.with_name(f"{file.name}.br").exists()]  # fmt: skip
    assert plain == []


def the_sheet_of_all_pages_is_one_file(sheet: Path) -> None:
    """It holds what it imports, in that order, and does not grow unnoticed (UI-5)."""
    text = sheet.read_text("utf-8")
    named = re.findall(r'@import url\("([^"]+)"\);', (ROOT / "static/css/site.css").read_text())
    assert len(named) > 5
    assert "@import" not in text
    own = [(ROOT / "static/css" / name).read_text("utf-8") for name in named[1:]]
    places = [text.index(part) for part in own]
    assert places[0] > 0
    assert all(before < after for before, after in pairwise(places))
    # Imported addresses are not rewritten: only what needs none may be named.
    assert not re.findall(r"url\((?![\"']?data:)", text.split("*/", 2)[2])
    assert sheet.with_name(f"{sheet.name}.br").stat().st_size < 40_000


def test_an_unused_file_of_a_package_is_not_found():
    assert finders.find("vendor/bootstrap/css/bootstrap.min.css")
    assert finders.find("vendor/bootstrap/js/bootstrap.bundle.js") is None


@pytest.mark.rule("UI-5")
def test_pages_of_shops_are_named_and_light() -> None:
    """Each has a title of its own and three sheets beside the common one at most; pictures have their size."""
    templates = {
        path.relative_to(ROOT): path.read_text("utf-8")
        for path in (ROOT / "templates").rglob("*.html")
        if "admin" not in path.parts
    }
    pages = {path: text for path, text in templates.items() if 'extends "portal/base.html"' in text}
    assert len(pages) > 60
    frames = {"error_base.html", "confirm.html", "base.html", "manage.html"}
    assert [path for path, text in pages.items()
            if path.name not in frames and "{% block title %}" not in text] == []  # fmt: skip
    assert [path for path, text in pages.items() if text.count('rel="stylesheet"') > 3] == []
    pictures = [(path, tag) for path, text in templates.items()
                for tag in re.findall(r"<img\b[^>]*>", text)]  # fmt: skip
    assert len(pictures) > 3
    assert [
        one for one in pictures if not {"width=", "height="} <= set(re.findall(r"\w+=", one[1]))
    ] == []
    base = templates[Path("templates/portal/base.html")]
    assert '<meta name="description" content="' in base
    assert base.count('rel="stylesheet"') == 1
    assert base.count("<script ") == base.count(" defer></script>")
