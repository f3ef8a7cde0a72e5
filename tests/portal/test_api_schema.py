"""The schema and its page: valid, complete, and under the content security policy (API-1, API-2)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

pytestmark = [pytest.mark.rule("API-1"), pytest.mark.django_db]

API = "/api/v1"
PROBLEM = "application/problem+json"


@pytest.mark.rule("API-2")
def test_the_schema_is_valid_and_complete(tmp_path: Any) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))


def test_every_operation_documents_its_problems(owner_api: APIClient) -> None:
    schema = owner_api.get(f"{API}/schema?format=json", HTTP_ACCEPT="application/json").json()
    assert schema["openapi"].startswith("3.1")
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            answers = operation["responses"]
            assert {"400", "401", "403", "404", "406", "429"} <= set(answers), (path, method)
            for code, answer in answers.items():
                if code >= "400":
                    assert list(answer["content"]) == [PROBLEM], (path, method, code)


def test_the_docs_page_lives_with_the_content_security_policy(owner_client: Client) -> None:
    page = owner_client.get(f"{API}/docs")
    assert page.status_code == 200
    text = page.content.decode()
    policy = page["Content-Security-Policy"]
    assert policy == owner_client.get("/")["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text)
    for address in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert address.startswith(("/", settings.STATIC_URL))
    script = owner_client.get(f"{API}/docs?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert f"{API}/schema" in script.content.decode().replace("\\u002D", "-").replace("\\/", "/")


def test_docs_and_schema_are_for_those_signed_in(anonymous_api: APIClient) -> None:
    for path in ("schema", "docs"):
        assert anonymous_api.get(f"{API}/{path}").status_code == 401
