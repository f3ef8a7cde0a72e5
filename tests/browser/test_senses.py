"""Large type, narrow windows, the system's own colours, no motion: what people set on their side is kept."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from tests.browser.conftest import Visit
from tests.browser.house import House, session_of

pytestmark = pytest.mark.rule("UI-5")

PAGES = [
    reverse("portal:home"),
    reverse("rfq:market"),
    reverse("rfq:quote-form", args=["fresh-A"]),
    reverse("compliance:overview"),
    reverse("growth:packs"),
    reverse("growth:diagnosis"),
]
"""One of each kind: work list, filtered list, long form, matrix, cards, plots."""
CUT_OFF = """() => [...document.querySelectorAll("main :is(p, h1, h2, h3, a, button, td, th, label, dt, dd)")]
  .filter((one) => {
    const style = getComputedStyle(one);
    return one.innerText && style.textOverflow !== "ellipsis" && style.overflow === "hidden"
      && !one.classList.contains("visually-hidden") && one.scrollHeight > one.clientHeight + 2;
  }).map((one) => one.outerHTML.slice(0, 120))"""


def sideways(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.fixture
def owner(house: tuple[House, str]) -> str:
    return session_of(house[0], "owner")


def test_pages_reflow_at_320_pixels_and_with_type_twice_as_large(guests: Visit, owner: str) -> None:
    """WCAG 1.4.10 and 1.4.4: nothing to scroll sideways for, no line cut off."""
    faults = []
    for width, type_size in ((320, "100%"), (1280, "200%")):
        person = guests(size={"width": width, "height": 800})
        person.carry(owner)
        for path in PAGES:
            person.page.goto(person.base + path)
            person.page.evaluate(f"document.documentElement.style.fontSize = '{type_size}'")
            where = f"{path} at {width} px, type {type_size}"
            if sideways(person.page) > 0:
                faults.append(f"{where}: scrolls sideways by {sideways(person.page)} px")
            faults += [f"{where}: cut off: {html}" for html in person.page.evaluate(CUT_OFF)]
    assert not faults, "\n".join(faults)


def test_focus_is_seen_in_the_colours_of_the_system(guests: Visit, owner: str) -> None:
    """Forced colours take shadows and backgrounds away: what has the focus has an outline."""
    person = guests(forced_colors="active")
    person.carry(owner)
    page = person.page
    unseen = []
    for path in PAGES:
        page.goto(person.base + path)
        for _step in range(25):
            page.keyboard.press("Tab")
            unseen += page.evaluate("""() => {
              const one = document.activeElement, style = getComputedStyle(one);
              return one === document.body || style.outlineStyle !== "none"
                && parseFloat(style.outlineWidth) >= 2 ? [] : [one.outerHTML.slice(0, 120)];
            }""")
    assert not unseen, "\n".join(unseen)


def test_nothing_moves_for_who_wants_no_motion(guests: Visit, owner: str) -> None:
    person = guests(reduced_motion="reduce")
    person.carry(owner)
    moving = {}
    for path in PAGES:
        person.page.goto(person.base + path)
        moving[path] = person.page.evaluate("""() => [
          ...document.getAnimations().map((one) => one.effect.target.outerHTML.slice(0, 80)),
          ...(getComputedStyle(document.documentElement).scrollBehavior === "smooth" ? ["html"] : []),
        ]""")
    assert not {path: found for path, found in moving.items() if found}
