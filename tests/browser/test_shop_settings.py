"""What a shop sets up for itself: webhooks, notices by mail, its people; each also without JavaScript."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from portal.choices import DeliveryError
from portal.models import Member, NoticePreference, WebhookEndpoint
from portal.scoping import unscoped
from portal.webhooks import transport
from portal.webhooks.transport import Outcome
from tests.api.conftest import Names
from tests.browser.conftest import PHONE, Visit, Visitor
from tests.portal.webhook_world import happened

BOTH = pytest.mark.parametrize("javascript", [True, False], ids=["with-scripts", "without"])


@pytest.fixture(autouse=True)
def _internet(monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    """Every name is one public address; whoever listens there refuses the second event, once."""
    refused = Outcome(status=500, error=DeliveryError.STATUS, excerpt="no")
    answers = [Outcome(status=200, excerpt="ok"), refused]
    taken = Outcome(status=200, excerpt="ok")
    monkeypatch.setattr("portal.webhooks.addresses.socket", Names())
    monkeypatch.setattr("portal.services.webhook_deliveries.MAX_ATTEMPTS", 1)
    monkeypatch.setattr(transport, "post", lambda *_a, **_o: answers.pop(0) if answers else taken)


def press(person: Visitor, name: str | re.Pattern[str]) -> None:
    """Press a button of the page and hold what follows to what every page must be."""
    with person.page.expect_navigation():
        person.page.locator("main").get_by_role("button", name=name).first.click()
    person.check()


def follow(person: Visitor, name: str | re.Pattern[str]) -> None:
    """Follow a link of the page, likewise."""
    with person.page.expect_navigation():
        person.page.locator("main").get_by_role("link", name=name).first.click()
    person.check()


@pytest.mark.rule("API-1", "UI-1", "UI-4")
@BOTH
def test_a_webhook_from_its_secret_to_its_end(
    javascript: bool, visitor: Visit, owner: Member
) -> None:
    """Added after a slip, its secret read once, tried, replayed, paused, activated, and deleted."""
    person = visitor(owner.user, size=PHONE, javascript=javascript)
    page, main = person.page, person.page.locator("main")
    person.visit("/webhooks/")
    follow(person, "Add a webhook")
    page.locator("[name=url]").fill("http://erp.example.com/hooks")
    page.get_by_role("button", name="Save").click()
    expect(main).to_contain_text("has to begin with https://")
    person.complaints.clear()  # The browser itself complains of the 400.
    page.locator("[name=url]").fill("https://erp.example.com/hooks")
    press(person, "Save")
    secret = page.locator("#secret").inner_text()
    assert secret.startswith("whsec_")
    page.reload()
    expect(main).to_contain_text("this one was")
    expect(page.locator("body")).not_to_contain_text(secret)
    follow(person, "To the webhook")

    press(person, "Send a test event")
    expect(main).to_contain_text("A test event is on its way")
    page.reload()
    expect(main).to_contain_text("Delivered")
    happened(owner.seller)
    person.visit("/webhooks/")
    follow(person, "https://erp.example.com/hooks")
    expect(main).to_contain_text("The last attempt failed")
    press(person, re.compile("^Replay"))
    expect(main).to_contain_text("may get an event twice")
    press(person, "Replay")
    expect(main).to_contain_text("1 event is sent again")

    expect(page.locator("td[data-label=State]").first).to_contain_text("Waiting")

    follow(person, re.compile("^Pause"))
    press(person, re.compile("^Pause"))
    expect(main).to_contain_text("what happens now is not told later")
    press(person, "Activate")
    follow(person, re.compile("^(Delete|Remove)"))
    press(person, re.compile("^(Delete|Remove)"))
    expect(main).to_contain_text("No webhooks yet")
    with unscoped():
        assert not WebhookEndpoint.objects.exists()
    assert not person.complaints


@pytest.mark.rule("K-18", "UI-1")
@BOTH
def test_notices_by_mail_are_chosen(javascript: bool, visitor: Visit, owner: Member) -> None:
    person = visitor(owner.user, size=PHONE, javascript=javascript)
    page = person.visit("/notices/settings/")
    first = page.locator("input[name=email]").first
    before = first.is_checked()
    page.locator(f"label[for='{first.get_attribute('id')}']").first.click()
    press(person, "Save settings")
    assert page.locator("input[name=email]").first.is_checked() is not before
    with unscoped():
        assert NoticePreference.objects.filter(member=owner).exists()


@pytest.mark.rule("K-7", "UI-4")
@BOTH
def test_a_colleague_gets_a_role_and_is_removed(
    javascript: bool, visitor: Visit, owner: Member, colleague: Member
) -> None:
    person = visitor(owner.user, size=PHONE, javascript=javascript)
    page = person.visit("/members/")
    row = page.locator("tr").filter(has_text="colleague")
    row.locator("select").select_option("viewer")
    with page.expect_navigation():
        row.get_by_role("button", name="Save").click()
    colleague.refresh_from_db()
    assert colleague.role == "viewer"
    with page.expect_navigation():
        page.locator("tr").filter(has_text="colleague").get_by_role("link", name="Remove").click()
    person.check()
    press(person, re.compile("Remove"))
    colleague.refresh_from_db()
    assert not colleague.is_active
