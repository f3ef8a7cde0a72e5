"""What holds for every file of the project."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from string import ascii_letters, digits

import pytest

from tests import rules

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[2]
APPS = ("portal", "listings", "rfq", "compliance", "growth")
TEXT = {
    ".py",
    ".html",
    ".md",
    ".txt",
    ".in",
    ".toml",
    ".yaml",
    ".yml",
    ".css",
    ".js",
    ".svg",
    ".po",
    "",
}
LONGEST = 500


def project_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        names = [name for name in listed.stdout.split("\0") if name]
        return [ROOT / name for name in names if (ROOT / name).is_file()]
    left_out = {".venv", "var", ".git", "__pycache__"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not left_out & set(path.parts)]


FILES = project_files()


def python_files(*folders: str) -> list[Path]:
    return [
        path
        for path in FILES
        if path.suffix == ".py"
        and "migrations" not in path.parts
        and path.relative_to(ROOT).parts[0] in folders
    ]


def test_no_file_names_a_package_host_or_a_place_on_one_machine():
    banned = re.compile(
        r"--(extra-)?index-url|find-links|pypi\.org|pythonhosted|/simple/"  # package hosts
        r"|/root/|/home/[a-z]|/work/|/opt/(?!venv)|C:\\\\"  # one machine's folders
        r"|\b(unpkg|jsdelivr|cdnjs|googleapis)\b"  # remote assets
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in FILES
        if path.suffix in TEXT and path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if banned.search(line)
    ]
    assert not found, "\n".join(found)


def test_no_python_file_is_too_long_to_read():
    found = {
        str(path.relative_to(ROOT)): lines
        for path in python_files(*APPS, "tests")
        if (lines := len(path.read_text("utf-8").splitlines())) > LONGEST
    }
    assert not found


def public_functions(path: Path) -> list[ast.FunctionDef]:
    return [
        node
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


def test_public_functions_of_services_rules_and_nights_say_what_they_do():
    folders = {"services", "nightly", "matching"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in python_files(*APPS)
        if folders & set(path.parts) or path.stem in ("rules", "queries")
        for node in public_functions(path)
        if not ast.get_docstring(node)
    ]
    assert not found, "\n".join(found)


def test_services_that_act_for_somebody_take_keywords_only():
    """A call of a service reads like a sentence: `product_save(actor=…, product=…)`."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in python_files(*APPS)
        if "services" in path.parts
        for node in public_functions(path)
        if "actor" in {argument.arg for argument in node.args.args}
    ]
    assert not found, "\n".join(found)


PAGES = [
    path
    for path in FILES
    if path.suffix == ".html" and not path.name.startswith("_") and "templates" in path.parts
]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_extends_a_base_and_holds_no_script_or_style(path):
    text = path.read_text("utf-8")
    fragments = {"admin", "includes", "fragments", "elements", "components", "email"}
    if not fragments & set(path.parts) and not re.search(r"\{%-? *extends ", text):
        assert text.lstrip().startswith("{% load") or "<!doctype html>" in text.lower()
        assert "<html" in text, "a page extends a base template; a fragment's name starts with _"
    assert not re.search(r"<script(?![^>]*\bsrc=)", text), "inline script: the CSP refuses it"
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"", text), "inline style or handler"
    assert not re.search(r"(src|href)=\"https?://", text), "remote asset or hard-coded address"


def test_every_requirement_is_pinned():
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / name).read_text("utf-8").splitlines()
        loose = [x for x in lines if x and not re.match(r"#|-r |[A-Za-z0-9_.-]+==[\w.]+$", x)]
        assert not loose, name


def test_every_direct_requirement_is_used():
    """What no file imports, and no setting names, only costs."""
    imported = {
        "Django": "django", "djangorestframework": "rest_framework", "psycopg": "psycopg",
        "django-crispy-forms": "crispy_forms", "crispy-bootstrap5": "crispy_bootstrap5",
        "drf-spectacular": "drf_spectacular", "drf-spectacular-sidecar": "drf_spectacular_sidecar",
        "django-filter": "django_filters", "django-htmx": "django_htmx",
        "django-environ": "environ", "django-allauth": "allauth", "django-auditlog": "auditlog",
        "django-scopes": "django_scopes", "django-rest-knox": "knox", "django-csp": "csp",
        "django-prometheus": "django_prometheus", "django-countries": "django_countries",
        "chinesecalendar": "chinese_calendar", "argon2-cffi": "Argon2PasswordHasher",
        "pillow": "PIL", "python-stdnum": "stdnum",
        "bootstrap-wrapper": "bootstrap_wrapper", "django-js-lib-bootstrap-icons": "js_lib_bootstrap_icons",
    }  # fmt: skip
    sources = "\n".join(path.read_text("utf-8") for path in python_files(*APPS))
    # Drivers and servers that are named by an address or a command line.
    by_address = {"psycopg"}
    lines = (ROOT / "requirements.in").read_text("utf-8").splitlines()
    names = [re.split(r"[\[=]", line)[0] for line in lines if line and not line.startswith("#")]
    unused = [
        name
        for name in names
        if name not in by_address
        and not re.search(rf"\b{imported.get(name, name.replace('-', '_'))}\b", sources)
    ]
    assert not unused


@pytest.mark.rule("Q-2")
def test_a_rule_without_a_test_is_found(tmp_path):
    report = tmp_path / "rules.json"
    report.write_text('{"K-1": {"a": "passed"}, "K-2": {"b": "failed"}}', encoding="utf-8")
    text, problems = rules.table([report])
    assert re.search(r"K-1 +passed", text)
    assert "K-2: failed" in problems
    assert "K-3: no test" in problems
    assert not [problem for problem in problems if problem.startswith("K-1:")]


@pytest.mark.rule("Q-2")
def test_a_rule_that_no_test_names_is_found_without_running_any(tmp_path):
    report = tmp_path / "rules.json"
    report.write_text('{"K-1": {"a": "named"}, "K-99": {"b": "named"}}', encoding="utf-8")
    problems = rules.unnamed(report)
    assert "K-2: no test names it" in problems
    assert "K-99: in no table, named by b" in problems
    named_or_open = ("K-1", *rules.known_rules(rules.OPEN_FILE))
    assert not [line for line in problems if line.startswith(tuple(f"{x}:" for x in named_or_open))]


@pytest.mark.rule("CMD-2")
@pytest.mark.parametrize(("key", "clean"), [("", False), (ascii_letters + digits, True)])
def test_the_deployment_check_wants_a_secret_key(tmp_path, key, clean):
    production = {
        "PATH": "/usr/bin", "SECRET_KEY": key, "ALLOWED_HOSTS": "portal.example.com",
        "HTTPS": "1", "VAR_DIR": str(tmp_path), "REDIS_URL": "redis://redis:6379/0",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env=production, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode == 0) is clean, done.stderr
