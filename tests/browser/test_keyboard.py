"""The main jobs by keyboard alone: Tab, Shift+Tab, Enter, Space, arrows and Escape; focus is always seen."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from growth.models import Pack, PackClaim
from growth.nightly.rewards import REWARDS
from portal.choices import Role
from portal.models import Member
from portal.scoping import unscoped
from rfq.models import Pin
from tests import factories
from tests.browser.conftest import PHONE, Visit
from tests.compliance.world import upload
from tests.growth.pack_world import CARD, OPENS, POWER, pack_create
from tests.growth.world import night
from tests.listings.theme_world import product_feed
from tests.rfq.page_world import rfq_pages_fill

pytestmark = pytest.mark.rule("UI-5")

STILL = {"reduced_motion": "reduce"}
"""The page jumps to what has the focus instead of gliding there, so that it can be looked at."""
FOCUS = """async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
  const words = one.labels?.[0]?.innerText || one.getAttribute("aria-label") || one.innerText || "";
  const drawn = getComputedStyle(one.querySelector("a, .cell-title") || one, "::after");
  const seen = [style, drawn].some((each) => each.boxShadow !== "none" || (
    each.outlineStyle !== "none" && parseFloat(each.outlineWidth) > 0
      && each.outlineColor !== "rgba(0, 0, 0, 0)"));
  const labels = [...(one.labels || [])].flatMap((label) => [label, ...label.querySelectorAll("*")]);
  const cover = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 20));
  return {
    tag: one.tagName, name: one.name || "", words: words.trim().replace(/\\s+/g, " "), seen,
    hidden: cover !== null && !cover.contains(one) && !one.contains(cover) && !labels.includes(cover),
    onScreen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""


class Keys:
    """A keyboard, and eyes that follow the focus."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, key: str, times: int = 1) -> None:
        for _time in range(times):
            self.page.keyboard.press(key)

    def go(self, key: str = "Enter") -> None:
        """Press what leads to another page, and wait for it."""
        with self.page.expect_navigation():
            self.page.keyboard.press(key)

    def focus(self) -> dict[str, Any]:
        """Return what has the focus; nobody may lose sight of it."""
        found: dict[str, Any] = self.page.evaluate(FOCUS)
        assert found["tag"] != "BODY", f"the focus is lost on {self.page.url}"
        assert found["seen"], f"no visible focus on {found}"
        assert not found["hidden"], f"something lies over {found}"
        assert found["onScreen"], f"the focus is out of sight on {found}"
        return found

    def to(self, words: str = "", *, name: str = "", most: int = 120) -> None:
        """Press Tab until the focus is on what has these words (a pattern) or this name."""
        passed = []
        for _step in range(most):
            self.page.keyboard.press("Tab")
            found = (
                self.focus()
                if self.page.evaluate("document.activeElement !== document.body")
                else {}
            )
            if found and (found["name"] == name if name else re.search(words, found["words"])):
                return
            passed.append(found.get("words", ""))
        raise AssertionError(f"Tab never comes to {words or name}: {passed}")


@pytest.fixture(autouse=True)
def _world(settings: Any, tmp_path: Any, clock: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.mark.rule("K-9", "Q-5")
def test_signing_in_and_finding_the_way(visitor: Visit, owner: Member, category: Any) -> None:
    """Sign in; skip to the content; open the second shop by the switcher; Escape closes and gives back."""
    other = factories.seller_create(category, member_id="cn3003", name_en="Zhongshan Two Ltd")
    Member.everywhere.create(user=owner.user, seller=other, role=Role.VIEWER)
    person = visitor(**STILL)
    page, keys = person.page, Keys(person.page)
    page.goto(person.base + "/")
    keys.to(name="login")
    page.keyboard.type("owner")
    keys.to(name="password", most=2)
    page.keyboard.type(factories.PASSWORD)
    keys.go()
    expect(page).to_have_url(person.base + "/")

    keys.press("Tab")
    assert keys.focus()["words"] == "Skip to content"
    keys.press("Enter")
    page.wait_for_function("document.activeElement.id === 'content'")
    page.keyboard.press("Tab")
    inside = page.evaluate("document.activeElement.closest('main') !== null")
    assert inside, "skipping leads into the content"

    page.goto(person.base + "/")
    keys.to("^Shop:")
    keys.press("Enter")
    expect(page.locator("details.menu[open]")).to_have_count(1)
    keys.press("Tab")
    keys.press("Escape")
    expect(page.locator("details.menu[open]")).to_have_count(0)
    assert keys.focus()["words"].startswith("Shop:")
    keys.press("Space")
    keys.to("Zhongshan Two", most=3)
    keys.go()
    expect(page.locator("main")).to_contain_text("You are now in Zhongshan Two Ltd")

    keys.to("Your account")
    keys.press("Enter")
    keys.to("Sign out", most=8)
    page.keyboard.press("Tab")
    expect(page.locator("details.menu[open]")).to_have_count(0)  # who tabs out has left it


def test_the_navigation_of_a_phone_opens_and_closes(visitor: Visit, owner: Member) -> None:
    person = visitor(owner.user, size=PHONE, **STILL)
    page, keys = person.page, Keys(person.page)
    page.goto(person.base + "/")
    keys.to("Show navigation")
    keys.press("Space")
    expect(page.locator(".sidebar")).to_be_in_viewport()
    keys.press("Tab")
    assert page.evaluate("document.activeElement.closest('.sidebar') !== null")
    keys.focus()
    keys.press("Escape")
    assert keys.focus()["words"] == "Show navigation"
    assert not page.locator("#nav-toggle").is_checked()
    keys.press("Space")
    keys.to("^Orders$", most=40)
    keys.go()
    expect(page).to_have_url(person.base + reverse("portal:orders"))


@pytest.mark.rule("RFQ-7", "RFQ-11", "Q-5")
def test_filtering_the_market_quoting_and_pinning(visitor: Visit, owner: Member) -> None:
    """A refused form puts the focus on its first mistake; nothing was used by it."""
    made = rfq_pages_fill(owner)
    person = visitor(owner.user, **STILL)
    page, keys = person.page, Keys(person.page)
    page.goto(person.base + "/rfq/?tab=all")
    keys.to(name="q")
    page.keyboard.type("nothing fits")
    keys.go()
    expect(page).to_have_url(re.compile("q=nothing"))
    page.goto(person.base + f"/rfq/rfqs/{made['plain']}/")
    keys.to("^(Quote|Write a quote|Quote now)")
    keys.go()
    expect(page).to_have_url(re.compile("/quote/"))
    keys.to(name="unit_price")
    page.keyboard.type("eleven")
    keys.go()
    expect(page.locator(".message")).to_have_text(
        re.compile("draft is saved")
    )  # Enter sends nothing
    keys.to("^Send quote")
    keys.go()
    expect(page.get_by_text("nothing was used")).to_be_visible()
    expect(page.locator("[name=unit_price]")).to_be_focused()
    person.complaints.clear()  # The browser itself complains of the 400.
    keys.press("Control+a")
    page.keyboard.type("11.80")
    for name, value in (("moq", "100"), ("lead_time_days", "25"), ("message", "We make them.")):
        if page.locator(f"[name={name}]").input_value() == "":
            keys.to(name=name)
            page.keyboard.type(value)
    keys.to("^Send quote")
    keys.go()
    expect(page).to_have_url(re.compile(r"/rfq/quotes/\d+/sent/"))
    keys.to("^Pin for 1 pin right")
    keys.go()
    expect(page).to_have_url(re.compile("/pin/"))  # what it costs, asked before it is used
    keys.to("^Pin for 1 pin right")
    keys.go("Space")
    expect(page.locator("main")).to_contain_text("place 1")
    with unscoped():
        assert Pin.objects.filter(quote__rfq__rfq_id=made["plain"]).count() == 1
    assert not person.complaints


@pytest.mark.rule("GRO-6", "Q-5")
def test_claiming_a_pack(visitor: Visit, owner: Member, clock: Any) -> None:
    Pack.objects.all().delete()  # those every portal has
    pack_create(tasks=[CARD, POWER])
    clock.noon(OPENS + timedelta(days=2))
    night(OPENS, REWARDS)
    person = visitor(owner.user, **STILL)
    page, keys = person.page, Keys(person.page)
    page.goto(person.base + "/growth/packs/")
    keys.to("^A pack$")
    keys.go()
    keys.to("^Claim this pack")
    keys.go()
    expect(page.locator("body")).to_contain_text("What was done before counts")
    with unscoped():
        assert PackClaim.objects.get().seller == owner.seller


@pytest.mark.rule("EPR-4", "Q-5")
def test_uploading_a_certificate(visitor: Visit, owner: Member) -> None:
    """Choosing a type swaps the form; the focus stays on the choice. A refusal leads to its first field."""
    product_feed(owner.seller, "kit", target_countries=["DE"])
    person = visitor(owner.user, **STILL)
    page, keys = person.page, Keys(person.page)
    page.goto(person.base + "/compliance/certificates/new/?country=DE&category=packaging")
    keys.to(name="country")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.keyboard.type("Fr")
        keys.press("Enter")
    page.wait_for_load_state("networkidle")
    expect(page.locator("[name=country]")).to_be_focused()
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.keyboard.type("Ger")
        keys.press("Enter")
    page.wait_for_load_state("networkidle")
    keys.to(name="number")
    page.keyboard.type("DE2755553072093")
    keys.to("", name="own")
    keys.press("Space")
    page.locator("[name=new_files]").set_input_files(  # the system's own dialogue
        {"name": "lucid.png", "mimeType": "image/png", "buffer": upload("lucid.png").read()}
    )
    keys.to("^Submit for review")
    keys.go()
    expect(page.locator("main")).to_contain_text("Nothing you typed is lost")
    assert page.evaluate("document.activeElement.matches('.is-invalid, [aria-invalid=true]')")
    keys.focus()
