"""Pages of the admin load what they use, and tell machines what they are (UI-5)."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

pytestmark = [pytest.mark.django_db, pytest.mark.rule("UI-5", "UI-7")]
SLUGS = {"urlify.js", "prepopulate.js", "xregexp.min.js"}


def scripts(client: Client, name: str) -> list[str]:
    """Return the scripts of a page in their order, by file name."""
    text = client.get(reverse(name)).content.decode()
    assert '<meta name="description" content="' in text
    assert 'name="robots"' not in text
    return re.findall(r'<script src="[^"]*?([\w.-]+\.js)"', text)


@pytest.mark.parametrize(
    ("name", "slugs"),
    [
        ("admin:portal_rulebook_changelist", set()),
        ("admin:portal_rulebook_add", set()),
        ("admin:portal_bulletin_add", SLUGS),
    ],
)
def test_a_page_loads_scripts_for_slugs_only_where_there_are_any(
    admin_client: Client, name: str, slugs: set[str]
) -> None:
    loaded = scripts(admin_client, name)
    assert set(loaded) & SLUGS == slugs
    # What takes the place of `unload` has to come before the script that listens to it.
    assert loaded.index("admin-popups.js") < loaded.index("RelatedObjectLookups.js")
