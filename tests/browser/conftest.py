"""Chromium for tests: one process per run, a fresh context per test, complaints collected.

Every page opened through `visit` is checked for what nobody would look at: errors in the console, refusals
by the content security policy, sideways scrolling, and what axe finds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import axe_playwright_python
import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from portal.models import User
from tests.servers import chromium_path

# Playwright runs an event loop in this thread; the ORM would refuse to work beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
NOT_OURS = ["#changelist-search", ".inline-group thead", ".select2-container"]
"""What axe passes over because Django draws it: a search box with a picture for a label, heads of inlines
without words, the box of an autocomplete without its label."""
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 360, "height": 740}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser and needs rows that other processes see."""
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.browser)
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

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.context, self.base = context, base
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
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        self.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.base}])

    def visit(self, path: str, status: int = 200) -> Page:
        """Open a page, and hold it to what every page must be."""
        response = self.page.goto(self.base + path)
        assert response is not None
        assert response.status == status, f"{path} answered {response.status}"
        self.check()
        return self.page

    def check(self) -> None:
        """Hold the page that is open to what every page must be."""
        where = f"{self.page.url} at {self.page.viewport_size}"
        assert not self.complaints, f"{where}: {self.complaints}"
        sideways = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert sideways <= 0, f"{where} scrolls sideways by {sideways} px"
        self.page.evaluate(AXE)
        found = self.page.evaluate(
            "exclude => axe.run({exclude}).then(result => result.violations)", NOT_OURS
        )
        assert not found, "\n".join(
            f"{where}: {violation['id']}: {node['html'][:160]}"
            for violation in found
            for node in violation["nodes"]
        )
        # There were none before axe, whose probes write inline styles that the policy refuses.
        self.complaints.clear()


Visit = Callable[..., Visitor]


@pytest.fixture
def visitor(chromium: Browser, live_server) -> Iterator[Visit]:
    """Make people: `visitor(owner.user, size=PHONE, javascript=False, language="zh-hans")`."""
    contexts: list[BrowserContext] = []

    def make(
        user: User | None = None,
        *,
        size: dict[str, int] = WIDE,
        javascript: bool = True,
        language: str = "en",
    ) -> Visitor:
        context = chromium.new_context(
            viewport=size, java_script_enabled=javascript, locale=language
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        person = Visitor(context, live_server.url)
        if user is not None:
            person.sign_in(user)
        return person

    yield make
    for context in contexts:
        context.close()
