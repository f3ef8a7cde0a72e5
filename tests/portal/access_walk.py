"""Every address as every kind of person: what the walk does, and its table on disk (Q-6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.exceptions import NoReverseMatch

from portal.models import User

TABLE = Path(__file__).with_name("access.txt")
PERSONS = (
    "anonymous", "viewer", "colleague", "owner", "stranger",
    "reviewer", "operator", "risk", "admins", "superuser",
)  # fmt: skip
METHODS = ("get", "post", "put", "patch", "delete")
HEAD = f"{'method':<7}{'route':<46}" + "".join(f"{person:>11}" for person in PERSONS)


@dataclass(frozen=True, order=True)
class Route:
    """A method of an address; `example` is a path of it in the world of the test."""

    name: str
    method: str
    example: str


def routes(examples: dict[str, dict[str, Any]], common: dict[str, Any]) -> Iterator[Route]:
    """Yield every route: keyword arguments come from `examples` by name, else from `common`."""
    for name, pattern in patterns_of(get_resolver(), ()):
        names = pattern.pattern.regex.groupindex
        known = {**common, **examples.get(name, {})}
        try:
            path = reverse(name, kwargs={key: known[key] for key in names})
        except (KeyError, NoReverseMatch) as error:
            raise AssertionError(f"{name} needs an example for {sorted(names)}") from error
        for method in methods_of(pattern):
            yield Route(name, method, path)


def patterns_of(resolver: URLResolver, spaces: tuple[str, ...]) -> Iterator[tuple[str, URLPattern]]:
    """Yield name and pattern of every named address below a resolver."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            inner = (*spaces, pattern.namespace) if pattern.namespace else spaces
            yield from patterns_of(pattern, inner)
        elif pattern.name:
            yield ":".join([*spaces, pattern.name]), pattern


def methods_of(pattern: URLPattern) -> Iterable[str]:
    """Return the methods an address answers, small letters."""
    view = getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", None)
    if view is None:
        return ["get", "post"]
    if view.__module__.startswith("allauth"):
        return ["get", "post"]
    return [method for method in METHODS if hasattr(view, method)]


class Walker:
    """Asks as one person; whatever a request does is undone."""

    def __init__(self, user: User | None) -> None:
        self.client = Client(raise_request_exception=False)
        if user is not None:
            self.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        self.cookies = self.client.cookies.output(header="", sep=";")

    def ask(self, route: Route) -> str:
        """Return the status, and `>login` for a redirect to the sign-in page."""
        self.client.cookies = SimpleCookie(self.cookies)
        send = getattr(self.client, route.method)
        body = {} if route.method == "get" else {"content_type": "application/json"}
        if not route.example.startswith("/api/"):
            body = {}
        with transaction.atomic():
            response = send(route.example, **body)
            transaction.set_rollback(True)
        target = response.get("Location", "")
        if target.startswith(reverse(settings.LOGIN_URL)):
            return f"{response.status_code}>login"
        return str(response.status_code)


def read_table() -> dict[tuple[str, str], list[str]]:
    """Return the table: (route, method) → one answer per person."""
    lines = TABLE.read_text("utf-8").splitlines()
    assert lines[0] == HEAD, "the columns changed: write the table anew"
    rows = [line.split() for line in lines[1:] if line.strip()]
    return {(row[1], row[0].lower()): row[2:] for row in rows}


def write_table(answers: dict[Route, list[str]]) -> None:
    """Write the table; its difference is for a reviewer to read."""
    lines = [HEAD]
    for route, row in sorted(answers.items()):
        cells = "".join(f"{answer:>11}" for answer in row)
        lines.append(f"{route.method.upper():<7}{route.name:<46}{cells}")
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
