"""Pages as a browser meets them: every link followed, every form found (K-8, Q-6)."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

from django.db import transaction
from django.http import QueryDict
from django.test import Client
from django.urls import Resolver404, resolve

from portal.models import User

BACKEND = "django.contrib.auth.backends.ModelBackend"
EXAMPLES = 2
"""Addresses of one view with the same parameters that are followed."""
CHANGING = re.compile(
    r'(name="(csrfmiddlewaretoken|new_id|token)" value="\w+"|data-csrf="\w+"|"request_id": ?"\w+")'
)
"""What of an answer is another each time it is asked for."""
SHEET = "xl/worksheets/sheet1.xml"


@dataclass
class Form:
    """A form of a page: where it goes, how, and what it would send."""

    view: str
    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    offered: dict[str, list[str]] = field(default_factory=dict)


class _Page(HTMLParser):
    """Reads links and forms; controls outside of a form may name theirs by `form=`."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address, self.links = address, list[str]()
        self.forms: list[Form] = []
        self._named: dict[str, Form] = {}
        self._inside: Form | None = None
        self._select: tuple[Form, str] | None = None
        self._text: tuple[Form, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("a", "link") and given.get("href") and "stylesheet" not in given.get("rel", ""):
            self.links.append(given["href"])
        for name in ("hx-get", "src"):
            if given.get(name) and tag != "script":
                self.links.append(given[name])
        if tag == "form":
            self._inside = Form(
                "", given.get("action") or self.address, given.get("method", "get").lower()
            )
            self.forms.append(self._inside)
            if given.get("id"):
                self._named[given["id"]] = self._inside
        owner = self._named.get(given.get("form", "")) or self._inside
        if owner is None:
            return
        name = given.get("name", "")
        if tag in ("input", "button") and name:
            self._control(owner, name, {"type": "submit"} | given if tag == "button" else given)
        elif tag == "select" and name:
            self._select = (owner, name)
            owner.offered.setdefault(name, [])
        elif tag == "option" and self._select:
            owner, name = self._select
            owner.offered[name].append(given.get("value", ""))
            if "selected" in given:
                owner.fields.setdefault(name, []).append(given.get("value", ""))
        elif tag == "textarea" and name:
            owner.fields.setdefault(name, []).append("")
            self._text = (owner, name)

    def _control(self, owner: Form, name: str, given: dict[str, str]) -> None:
        kind, value = given.get("type", "text"), given.get("value", "")
        if kind in ("checkbox", "radio"):
            owner.offered.setdefault(name, []).append(value or "on")
            if "checked" in given:
                owner.fields.setdefault(name, []).append(value or "on")
        elif kind in ("submit", "button"):
            owner.offered.setdefault(name, []).append(value)
        elif kind != "file":
            owner.fields.setdefault(name, []).append(value)

    def handle_data(self, data: str) -> None:
        if self._text:
            owner, name = self._text
            owner.fields[name][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._text = None


def browser(user: User) -> Client:
    """Return a browser in which somebody is signed in."""
    client = Client(raise_request_exception=False)
    client.force_login(user, backend=BACKEND)
    # A page says when somebody signed in last: not what a test did.
    User.objects.filter(pk=user.pk).update(last_login=None)
    return client


def view_of(address: str) -> str:
    """Return the name of the view at an address, or nothing."""
    try:
        return resolve(urlsplit(address).path).view_name
    except Resolver404:
        return ""


def body_of(response: Any) -> bytes:
    """Return what an answer holds, streamed or not."""
    return response.getvalue()


def plain(content: bytes) -> str:
    """Return an answer without what is another on every request; of a workbook its rows."""
    if content.startswith(b"PK"):
        content = zipfile.ZipFile(io.BytesIO(content)).read(SHEET)
    return CHANGING.sub("…", content.decode("utf-8", "replace"))


@contextmanager
def parameters_noted() -> Iterator[dict[str, set[str]]]:
    """Collect view → the names of query parameters that it looks at."""
    noted: dict[str, set[str]] = {}
    looks = ("__getitem__", "get", "getlist", "__contains__")
    with ExitStack() as stack:
        for name in looks:
            stack.enter_context(patch.object(QueryDict, name, _noting(getattr(QueryDict, name))))
        token = _noted.set(noted)
        yield noted
        _noted.reset(token)


_noted: ContextVar[dict[str, set[str]] | None] = ContextVar("noted", default=None)
_asked: ContextVar[str] = ContextVar("asked", default="")


@contextmanager
def asked_of(address: str) -> Iterator[None]:
    """Let what is looked at inside be noted under the view at an address."""
    token = _asked.set(view_of(address))
    yield
    _asked.reset(token)


def _noting(look: Any) -> Any:
    def noting(self: Any, key: Any, *args: Any, **kwargs: Any) -> Any:
        noted = _noted.get()
        if noted is not None and isinstance(key, str):
            noted.setdefault(_asked.get(), set()).add(key)
        return look(self, key, *args, **kwargs)

    return noting


@contextmanager
def undone() -> Iterator[None]:
    """Undo whatever is done inside."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Crawl:
    """Every page a person can reach by links, and every form on them."""

    def __init__(self, user: User, starts: Iterable[str]) -> None:
        self.client = browser(user)
        self.pages: dict[str, tuple[int, str]] = {}
        self._known: set[str] = set()
        self.forms: dict[tuple[str, ...], Form] = {}
        self._seen: dict[tuple[str, ...], int] = {}
        self._todo = list(starts)
        while self._todo:
            self._visit(self._todo.pop(0))

    def _visit(self, address: str) -> None:
        with asked_of(address), undone():
            response = self.client.get(address)
            content = body_of(response)
        self.pages[address] = (response.status_code, plain(content))
        if not response.get("Content-Type", "").startswith("text/html"):
            return
        page = _Page(address)
        page.feed(content.decode())
        for link in page.links:
            self._note(link, address)
        for form in page.forms:
            form.action = self._absolute(form.action, address)
            form.view = view_of(form.action)
            key = (form.view, form.method, *sorted(form.fields), *sorted(form.offered))
            self.forms.setdefault(key, form)
            if form.method == "get":
                self._note(form.action, address)

    def _absolute(self, link: str, base: str) -> str:
        parts = urlsplit(link)
        path = parts.path or urlsplit(base).path
        return f"{path}?{parts.query}" if parts.query else path

    def _note(self, link: str, base: str) -> None:
        if not link or link.startswith(("#", "mailto:", "javascript:", "tel:")):
            return
        if urlsplit(link).netloc:
            return
        address = self._absolute(link, base)
        view = view_of(address)
        if not view or view.startswith(("admin:", "account_", "mfa_")) or address in self._known:
            return
        names = sorted({name for name, _value in parse_qsl(urlsplit(address).query)})
        key = (view, *names)
        if self._seen.get(key, 0) >= EXAMPLES:
            return
        self._seen[key] = self._seen.get(key, 0) + 1
        self._known.add(address)
        self._todo.append(address)
