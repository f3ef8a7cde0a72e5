"""Chromium for tests: one process per run, a fresh context per test, complaints collected.

Every page opened through `visit` is checked for what nobody would look at: errors in the console, refusals
by the content security policy, sideways scrolling, and what axe finds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from portal.models import User
from tests.api.conftest import Names, clock_text
from tests.browser.house import House, house_fill
from tests.servers import chromium_path

# Playwright runs an event loop in this thread; the ORM would refuse to work beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
RUN_AXE = """() => axe.run(
    document, {preload: false, resultTypes: ["violations"], rules: {"target-size": {enabled: true}}}
).then(result => result.violations)"""
"""All rules of axe, those of WCAG 2.2 included. It does not fetch style sheets anew, which would break their
imports; the one rule that reads them is `test_no_sheet_locks_the_orientation`."""
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 360, "height": 740}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser and needs rows that other processes see."""
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.browser)
            if "house" not in getattr(item, "fixturenames", ()):  # its rows stay for the whole file
                item.add_marker(pytest.mark.django_db(transaction=True))
            if chromium_path() is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium found: set CHROMIUM_PATH"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


class Visitor:
    """A person at a browser."""

    def __init__(self, context: BrowserContext, base: str, javascript: bool = True) -> None:
        self.context, self.base, self.javascript = context, base, javascript
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def sign_in(self, user: User) -> None:
        """Carry the session of a user, as after the sign-in page."""
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        self.carry(client.cookies[settings.SESSION_COOKIE_NAME].value)

    def carry(self, session: str) -> None:
        """Carry a session; "" for none."""
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": self.base}
        self.context.add_cookies([cookie]) if session else self.context.clear_cookies()

    def _axe(self) -> list[dict[str, Any]]:
        """Return what axe finds; nothing without scripts, which it is one of."""
        if not self.javascript:
            return []
        self.page.evaluate(AXE)
        found: list[dict[str, Any]] = self.page.evaluate(RUN_AXE)
        return found

    def visit(self, path: str, status: int = 200) -> Page:
        """Open a page, and hold it to what every page must be."""
        faults = self.open(path, status)
        assert not faults, "\n".join(faults)
        return self.page

    def open(self, path: str, status: int = 200) -> list[str]:
        """Open a page; return what is wrong with it."""
        response = self.page.goto(self.base + path)
        assert response is not None
        if response.status != status:
            return [f"{path} answered {response.status}, not {status}"]
        if status >= 400:
            self.complaints.clear()  # the browser itself complains of the status
        return self.faults()

    def check(self) -> None:
        """Hold the page that is open to what every page must be."""
        faults = self.faults()
        assert not faults, "\n".join(faults)

    def faults(self) -> list[str]:
        """Return what is wrong with the page that is open: console, policy, scrolling, axe."""
        path, width = self.page.url.removeprefix(self.base), self.page.viewport_size["width"]
        found = [f"console: {complaint}" for complaint in self.complaints]
        sideways = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if sideways > 0:
            found.append(f"scrolls sideways by {sideways} px")
        for violation in self._axe():
            found += [
                f"{violation['id']}: {node['html'][:200]} {node['target']}"
                for node in violation["nodes"]
            ]
        # There were none before axe, whose probes write inline styles that the policy refuses.
        self.complaints.clear()
        return [f"{path} at {width} px: {fault}" for fault in found]


Visit = Callable[..., Visitor]


@contextmanager
def visitors(chromium: Browser, base: str) -> Iterator[Visit]:
    """Let people with a browser each come to a portal, and go in the end."""
    contexts: list[BrowserContext] = []

    def make(
        user: User | None = None,
        *,
        size: dict[str, int] = WIDE,
        javascript: bool = True,
        language: str = "en",
        **options: object,
    ) -> Visitor:
        context = chromium.new_context(
            viewport=size, java_script_enabled=javascript, locale=language, **options
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        person = Visitor(context, base, javascript)
        if user is not None:
            person.sign_in(user)
        return person

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def visitor(chromium: Browser, live_server) -> Iterator[Visit]:
    """Make people: `visitor(owner.user, size=PHONE, javascript=False, language="zh-hans")`."""
    with visitors(chromium, live_server.url) as make:
        yield make


@pytest.fixture(scope="module")
def house(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[House, str]]:
    """The whole house and the address where it stands open, for a file of tests that change nothing."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PORTAL_NOW", clock_text())
        patch.setattr("portal.webhooks.addresses.socket", Names())
        changed = {"ALLOWED_HOSTS": ["*"], "DEMO": True}
        changed["MEDIA_ROOT"] = tmp_path_factory.mktemp("media")
        for name, value in changed.items():
            patch.setattr(settings, name, value)
        try:
            filled = house_fill()
            server = LiveServer("localhost")
            yield filled, server.url
            server.stop()
        finally:
            call_command("flush", verbosity=0, interactive=False)


@pytest.fixture
def guests(chromium: Browser, house: tuple[House, str]) -> Iterator[Visit]:
    """Make people who come to the house."""
    with visitors(chromium, house[1]) as make:
        yield make
