"""Files of quotes over the API (RFQ-6, API-1)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from portal.models import Seller, StoredFile
from portal.scoping import unscoped
from tests.compliance.world import upload
from tests.rfq.world import rfq_create, rights_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("API-1"), pytest.mark.rule("RFQ-6")]

API = "/api/v1"
TERMS = {"unit_price": "12.5", "message": "We make them.", "sample_offered": "true"}


@pytest.fixture
def path(shop: Seller, clock: Any) -> str:
    """Where to quote; the shop has rights."""
    rights_create(shop, quote=10)
    return f"{API}/rfq/rfqs/{rfq_create().rfq_id}/quotes"


def kept() -> int:
    """Files the portal keeps."""
    with unscoped():
        return StoredFile.objects.count()


def send(client: APIClient, path: str, *files: Any, key: str = "k") -> Any:
    """Send a form with files."""
    headers = {"Idempotency-Key": key}
    return client.post(path, TERMS | {"files": files}, format="multipart", headers=headers)


def test_a_quote_comes_with_files_and_its_members_have_them_back(
    owner_api: APIClient, colleague_api: APIClient, stranger_api: APIClient, path: str
) -> None:
    made = send(owner_api, path, upload("drawing.pdf"), upload("picture.png"))
    assert made.status_code == 201, made.content
    quote = owner_api.get(f"{API}/rfq/quotes/{made.json()['id']}").json()
    assert quote["sample_offered"] is True
    assert [file["name"] for file in quote["files"]] == ["drawing.pdf", "picture.png"]
    token = quote["files"][0]["url"].rstrip("/").rpartition("/")[2]
    file = colleague_api.get(f"{API}/files/{token}", HTTP_ACCEPT="application/pdf")
    assert (file.status_code, file["Content-Type"]) == (200, "application/pdf")
    assert b"".join(file.streaming_content).startswith(b"%PDF")
    assert stranger_api.get(f"{API}/files/{token}").status_code == 404


def test_files_are_replaced_and_stay_without_new_ones(owner_api: APIClient, path: str) -> None:
    quote = f"{API}/rfq/quotes/{send(owner_api, path, upload('a.pdf')).json()['id']}"
    changed = owner_api.patch(
        quote, {"message": "Better.", "files": [upload("b.pdf")]}, format="multipart"
    )
    assert changed.status_code == 200, changed.content
    assert [file["name"] for file in changed.json()["files"]] == ["b.pdf"]
    again = owner_api.patch(quote, {"unit_price": "11"})
    assert [file["name"] for file in again.json()["files"]] == ["b.pdf"]
    assert (again.json()["message"], again.json()["unit_price"]) == ("Better.", "11.00")


def test_what_is_refused_keeps_no_file(owner_api: APIClient, path: str) -> None:
    bad = send(owner_api, path, SimpleUploadedFile("drawing.pdf", b"no PDF"))
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (400, "files")
    many = send(owner_api, path, *[upload(f"{number}.pdf") for number in range(11)])
    assert (many.status_code, many.json()["errors"][0]["field"]) == (400, "files")
    first = send(owner_api, path, upload("a.pdf"))
    assert (first.status_code, kept()) == (201, 1)
    twice = send(owner_api, path, upload("b.pdf"), key="other")
    assert (twice.status_code, twice.json()["code"], kept()) == (409, "already_quoted", 1)
