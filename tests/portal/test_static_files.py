"""Only what pages load is collected, and that completely."""

import json
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import override_settings

from portal import settings as portal_settings

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.rule("CMD-2")
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


def test_an_unused_file_of_a_package_is_not_found():
    assert finders.find("vendor/bootstrap/css/bootstrap.min.css")
    assert finders.find("vendor/bootstrap/js/bootstrap.bundle.js") is None
