"""What the code may do in few places alone: markup without escaping, statements by hand, calls to outside
(docs/security.md). A new place fails here first and is then judged."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.template import engines

from portal.form_renderer import select

pytestmark = [pytest.mark.once, pytest.mark.rule("K-9")]

ROOT = Path(settings.BASE_DIR)
APPS = ("portal", "listings", "rfq", "compliance", "growth")
UNESCAPED = {
    "portal/templatetags/portal_ui.py": "icons of the package; dates and numbers, other text escaped",
    "portal/templatetags/action_list.py": "the list of actions, each part escaped",
    "portal/form_renderer.py": "choices, each part escaped",
    "portal/charts.py": "empty plots",
    "portal/templatetags/admin_cells.py": "cells that Django wrote, with the escaped name of their column",
    "portal/templatetags/api_reference.py": "code in escaped text",
    "portal/template_folding.py": "what Django's own nodes wrote, once",
}
CALLS_OUT = {
    "portal/management/commands/serve.py": "asks whether the own web server answers",
    "portal/supervisor.py": "the broker on a socket of this machine",
    "portal/nightly/engine.py": "the name of this machine, for the ledger of nights",
    "portal/services/virus_scan.py": "the scanner that CLAMAV_URL names",
    "portal/webhooks/transport.py": "webhooks, to public addresses alone",
    "portal/webhooks/addresses.py": "resolves and judges the addresses of webhooks",
}
PING = "portal/views/health.py"
"""Asks the database for 1."""
NETWORK = {"urllib.request", "http.client", "socket", "ssl", "requests", "httpx", "clamav_client"}


@cache
def sources() -> list[tuple[str, ast.Module]]:
    """Read every module of the portal once."""
    return [
        (path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8")))
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts
    ]


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            target = node.func
            yield getattr(target, "attr", getattr(target, "id", "")), node


def modules(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


def test_markup_is_trusted_in_few_places_and_never_in_templates() -> None:
    trusting = {
        path
        for path, tree in sources()
        for name, call in calls(tree)
        if name in ("mark_safe", "SafeString", "SafeText") and call.args and not _is_empty(call)
    }
    assert trusting <= set(UNESCAPED), trusting - set(UNESCAPED)
    for folder in (ROOT / "templates", *(ROOT / app / "templates" for app in APPS)):
        for path in folder.rglob("*"):
            if path.is_file():
                text = path.read_text("utf-8")
                assert not re.search(r"\|\s*safe(seq)?\b|autoescape\s+off", text), path


def _is_empty(call: ast.Call) -> bool:
    return isinstance(call.args[0], ast.Constant) and call.args[0].value == ""


def test_templates_escape_what_people_wrote() -> None:
    hostile = "<script>x</script>\"'"
    template = engines["django"].from_string('<p title="{{ text }}">{{ text }}</p>')
    written = template.render({"text": hostile})
    assert "<script>" not in written
    assert written.count('"') == 2
    option: dict[str, Any] = {
        "value": hostile, "label": hostile, "attrs": {"title": hostile},
        "template_name": "django/forms/widgets/select_option.html",
    }  # fmt: skip
    drawn = select({"name": "n", "attrs": {"id": hostile}, "optgroups": [(hostile, [option], 0)]})
    assert "<script>" not in drawn
    assert "'" not in drawn


def test_statements_are_put_together_by_hand_where_the_linter_is_told_so_alone() -> None:
    """S608 holds everywhere else; those files take names from models and values as parameters."""
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert not {"S", "S608", "S611"} & set(lint["ignore"])
    spared = {files for files, rules in lint["per-file-ignores"].items() if "S608" in rules}
    assert spared == {
        "portal/nightly/*", "portal/ingest/bulk.py", "portal/ingest/upsert.py", "*/*metrics.py",
        "listings/nightly/*", "rfq/nightly/*", "*_sql.py", "portal/rule_comparison.py", "tests/*",
    }  # fmt: skip
    for files, rules in lint["per-file-ignores"].items():
        assert "migrations" in files or not {"S", "ALL"} & set(rules), files


def test_nothing_that_handles_requests_puts_statements_together() -> None:
    for path, tree in sources():
        if re.search(r"/(views|api|forms|admin)(/|\.py|_)", path) and path != PING:
            names = {name for name, _call in calls(tree)}
            assert not names & {"cursor", "raw", "extra", "RawSQL"}, path


def test_the_token_of_forms_is_asked_for_everywhere() -> None:
    exempt = {path for path, tree in sources() if "django.views.decorators.csrf" in modules(tree)}
    assert exempt == {"portal/api/problems.py"}, "an address that does not exist, for programs"
    assert "django.middleware.csrf.CsrfViewMiddleware" in settings.MIDDLEWARE


def test_calls_to_outside_are_made_in_few_places() -> None:
    calling = {path for path, tree in sources() if modules(tree) & NETWORK}
    assert calling <= set(CALLS_OUT), calling - set(CALLS_OUT)


def test_downloads_of_rows_are_guarded_against_formulas() -> None:
    """Every CSV and XLSX is written by modules that guard cells."""
    writing = {
        path
        for path, tree in sources()
        if "/demo/" not in path
        for name, _call in calls(tree)
        if name in ("writer", "DictWriter", "Workbook")
    }
    for path in writing:
        text = (ROOT / path).read_text("utf-8")
        assert "guard(" in text or 'data_type = "s"' in text, path


def test_no_caller_sets_what_was_not_offered() -> None:
    """Serializers and forms name their fields; staff's form of accounts keeps rights to superusers."""
    everything = {
        path
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and node.value.value == "__all__"
    }
    assert everything <= {"portal/admin/people.py"}


def test_secrets_come_from_the_environment_alone() -> None:
    """No assignment of a text to a name that sounds like a secret; the linter's S105 and S106 do the rest."""
    sounds = re.compile(r"(SECRET|TOKEN|PASSWORD|API_KEY)$")
    wrong = [
        f"{path}: {target.id}"
        for path, tree in sources()
        if "/demo/" not in path
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
        and sounds.search(target.id.upper())
        and isinstance(node.value.value, str)
        and len(node.value.value) > 20
    ]
    assert wrong == []
