"""What is text travels compressed; what is not, and what was not asked for, stays as it is."""

from __future__ import annotations

import gzip

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from portal.compression import TextGZipMiddleware

pytestmark = pytest.mark.rule("UI-5")
LONG = b"what is said twice is said shorter " * 100


@pytest.mark.django_db
def test_a_page_travels_at_a_fifth_of_its_length(owner_client: Client) -> None:
    address = reverse("portal:home")
    assert not owner_client.get(address).has_header("Content-Encoding")
    page = owner_client.get(address, headers={"accept-encoding": "gzip, br"})
    assert page["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in page["Vary"]
    text = gzip.decompress(page.content)
    assert b"</html>" in text
    assert len(page.content) * 4 < len(text)


@pytest.mark.parametrize(
    ("kind", "shorter"),
    [
        ("text/html; charset=utf-8", True),
        ("text/csv", True),
        ("application/problem+json", True),
        ("application/vnd.oai.openapi; charset=utf-8", True),
        ("image/svg+xml", True),
        ("image/jpeg", False),
        ("application/pdf", False),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", False),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
def test_only_text_is_compressed(kind: str, shorter: bool, streams: bool) -> None:
    answer = StreamingHttpResponse([LONG]) if streams else HttpResponse(LONG)
    answer["Content-Type"] = kind
    answer["Content-Length"] = str(len(LONG))
    request = RequestFactory().get("/", headers={"accept-encoding": "gzip"})
    sent = TextGZipMiddleware(lambda _: answer)(request)
    body = b"".join(sent) if streams else sent.content
    assert sent.has_header("Content-Encoding") is shorter
    assert (gzip.decompress(body) if shorter else body) == LONG
    # A picture keeps its length, so that a browser can show how far it is.
    assert sent.has_header("Content-Length") is not (streams and shorter)
