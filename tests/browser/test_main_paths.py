"""What people do, as they do it."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests import factories
from tests.browser.conftest import PHONE
from tests.listings.theme_world import product_feed, theme_make


@pytest.mark.rule("K-9", "UI-1", "Q-5")
@pytest.mark.parametrize("javascript", [True, False])
def test_a_seller_signs_in_with_the_keyboard(javascript, visitor, owner):
    person = visitor(javascript=javascript, size=PHONE)
    page = person.page
    products = person.base + reverse("listings:products")
    page.goto(products)
    expect(page).to_have_url(re.compile(r"/accounts/login/\?next="))
    page.locator("input[name=login]").fill("owner")
    page.locator("input[type=password]").fill(factories.PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(products)


@pytest.mark.rule("LST-6", "LST-7", "Q-5")
def test_a_theme_tells_what_a_product_lacks(visitor, owner, shop, clock):
    theme_make("t1", price_min="1200", price_max="2500")
    product_feed(shop, "p1", price_max="2600")
    page = visitor(owner.user).visit(reverse("listings:theme", args=["t1"]))
    expect(page.get_by_role("heading", level=1)).to_contain_text("e-bike kits")
    lacking = page.locator("main li, main tr").filter(has_text="E-bike kit with hub motor").first
    expect(lacking).to_contain_text("price", ignore_case=True)


@pytest.mark.rule("K-8")
def test_a_stranger_sees_none_of_it(visitor, stranger, shop, clock):
    product_feed(shop, "p1")
    page = visitor(stranger.user).visit(reverse("listings:products"))
    expect(page.locator("main")).not_to_contain_text("E-bike kit with hub motor")


@pytest.mark.rule("API-1")
def test_calls_can_be_tried_out_under_the_strict_policy(visitor, owner):
    person = visitor(owner.user)
    person.page.goto(person.base + reverse("api:docs"))
    drawn = person.page.locator(".swagger-ui .info")
    expect(drawn).to_contain_text("Seller back office API", timeout=30_000)
    assert not person.complaints
