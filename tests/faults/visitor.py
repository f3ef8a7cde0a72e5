"""A person with a browser on a real web server: cookies, CSRF tokens, forms with files."""

from __future__ import annotations

import re
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from typing import Any, NamedTuple

from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
SECONDS = 120


class Page(NamedTuple):
    """An answer: where redirects led, its status, its text, and when to ask again."""

    url: str
    status: int
    text: str
    retry_after: str | None = None


class Visitor:
    """Somebody who signs in and sends forms as a browser does."""

    def __init__(self, port: int) -> None:
        self._root = f"http://127.0.0.1:{port}"
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(cookies)

    def sign_in(self, username: str, password: str) -> None:
        """Sign in with the form."""
        self.get("/accounts/login/")
        page = self.send("/accounts/login/", {"login": username, "password": password})
        assert page.status == 200, page
        assert "/accounts/login/" not in page.url, page.text

    def get(self, path: str) -> Page:
        """Open a page."""
        return self._open(path)

    def send(self, path: str, data: dict[str, Any]) -> Page:
        """Open the page of a form, fill it in and send it; files are `SimpleUploadedFile`."""
        form = self.get(path)
        assert form.status == 200, form
        found = TOKEN.search(form.text)
        assert found, f"no form at {path}"
        return self.post(path, {"csrfmiddlewaretoken": found[1], **data})

    def post(self, path: str, data: dict[str, Any], token: str = "", key: str = "") -> Page:
        """Send fields and files; with the token of a program, and an idempotency key, not as a page does."""
        headers = {"Content-Type": MULTIPART_CONTENT, "Referer": self._root + path}
        if token:
            headers["Authorization"] = f"Token {token}"
        if key:
            headers["Idempotency-Key"] = key
        return self._open(path, data=encode_multipart(BOUNDARY, data), headers=headers)

    def _open(self, path: str, **request: Any) -> Page:
        asked = urllib.request.Request(self._root + path, **request)  # noqa: S310  our own server
        try:
            with self._opener.open(asked, timeout=SECONDS) as answer:
                return Page(answer.url, answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            text, retry_after = error.read().decode(), error.headers.get("Retry-After")
            return Page(error.url, error.code, text, retry_after)
