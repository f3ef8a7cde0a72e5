"""Every page, wide and on a phone, in both languages: no violation, no complaint, no sideways scrolling."""

from __future__ import annotations

import os
from itertools import groupby

import pytest
from django.conf import settings
from django.urls import get_resolver

from portal.models import User
from tests.browser.conftest import PHONE, WIDE, Visit
from tests.browser.house import House, session_of
from tests.browser.ways import NOT_PAGES, WAYS, admin_apps, generic_names, page_names, stops
from tests.portal.access_walk import patterns_of

LOOKS = {
    "wide-zh": (WIDE, "zh-hans"),
    "phone-en": (PHONE, "en"),
    "wide-en": (WIDE, "en"),
    "phone-zh": (PHONE, "zh-hans"),
}
TAKEN = list(LOOKS) if os.environ.get("BROWSER_LOOKS") == "all" else ["wide-zh", "phone-en"]
"""Both sizes and both languages; `BROWSER_LOOKS=all` takes each size in each language."""
AREAS = ["seller", "account", "newcomer", *(f"admin {app}" for app in admin_apps())]
Open = tuple[House, str]


@pytest.mark.rule("UI-5", "Q-5")
def test_every_page_has_a_way() -> None:
    """A new page with a parameter needs a row in `WAYS`, or to be named as no page."""
    generic = generic_names()
    nowhere = [
        name
        for name, parameters in page_names().items()
        if parameters and name not in WAYS and name not in generic and name != "admin:app_list"
    ]
    assert not nowhere


def test_no_row_is_of_a_page_that_is_gone() -> None:
    known = {name for name, _pattern in patterns_of(get_resolver(), ())}
    assert not (set(WAYS) | NOT_PAGES) - known
    assert not set(WAYS) - set(page_names())


@pytest.mark.rule("UI-5")
def test_no_sheet_locks_the_orientation() -> None:
    """A page that turns itself back when the phone is turned would say so in a query (WCAG 1.3.4)."""
    sheets = list((settings.BASE_DIR / "static/css").glob("*.css"))
    assert len(sheets) > 10
    assert not [sheet.name for sheet in sheets if "orientation:" in sheet.read_text("utf-8")]


@pytest.mark.rule("UI-1", "UI-4", "UI-5", "UI-7", "Q-5")
@pytest.mark.parametrize("look", TAKEN)
@pytest.mark.parametrize("area", AREAS)
def test_every_page_is_sound(area: str, look: str, house: Open, guests: Visit) -> None:
    size, language = LOOKS[look]
    User.objects.update(language=language)
    person = guests(size=size, language=language)
    faults: list[str] = []
    for who, group in groupby(sorted(stops(house[0], area)), key=lambda stop: stop.who):
        person.carry(session_of(house[0], who))
        for stop in group:
            faults += [f"{who}: {fault}" for fault in person.open(stop.path, stop.status)]
    assert not faults, "\n".join(faults)


@pytest.mark.rule("UI-4", "UI-5", "K-8")
@pytest.mark.parametrize("look", TAKEN)
def test_pages_that_say_no_are_sound(
    look: str, house: Open, guests: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not there, not allowed, an old form, broken on our side."""
    size, language = LOOKS[look]
    User.objects.update(language=language)
    person = guests(size=size, language=language)
    person.carry(session_of(house[0], "newcomer"))
    faults = person.open("/listings/product/another-shops/", 404)
    faults += person.open("/demo/clock/", 404)
    form = """() => { document.body.innerHTML = '<form method="post" action="/language/"><button>x</button>';
      document.forms[0].submit(); }"""
    with person.page.expect_navigation():
        person.page.evaluate(form)
    person.complaints.clear()  # the browser itself complains of the 403
    faults += person.faults()
    person.carry(session_of(house[0], "viewer"))
    faults += person.open("/members/", 403)
    monkeypatch.setattr("portal.views.shop.ShopPage.get", broken)
    faults += person.open("/shop/", 500)
    assert not faults, "\n".join(faults)


def broken(*_args: object, **_options: object) -> None:
    """Fail as nobody expected."""
    raise RuntimeError("a mistake of ours")
