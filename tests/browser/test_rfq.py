"""RFQ in a browser: pages with everything on them, and the main paths, also without JavaScript."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from portal.scoping import unscoped
from rfq.models import Pin, Quote
from rfq.services.rights import balances_of
from tests.browser.conftest import PHONE, WIDE
from tests.rfq.page_world import rfq_page_paths, rfq_pages_fill


@pytest.fixture
def made(owner, clock):
    """A shop with something on every page."""
    return rfq_pages_fill(owner)


LISTS = [
    "/rfq/", "/rfq/quotes/", "/rfq/quotes/funnel/", "/rfq/templates/", "/rfq/rights/",
    "/rfq/score/", "/rfq/score/simulate/", "/rfq/orders/", "/rfq/challenge/", "/rfq/spam-reports/",
]  # fmt: skip


@pytest.mark.rule("UI-1", "UI-5", "RFQ-2", "RFQ-19")
@pytest.mark.parametrize("look", [(WIDE, "zh-hans"), (PHONE, "en")], ids=["wide", "phone"])
def test_every_page_with_everything_on_it_is_sound(look, visitor, owner, made):
    size, language = look
    owner.user.language = language
    owner.user.save()
    person = visitor(owner.user, size=size, language=language)
    for path in [*LISTS, *rfq_page_paths(made)]:
        person.visit(path)


@pytest.mark.rule("RFQ-7", "RFQ-11", "UI-1", "UI-5", "Q-5")
@pytest.mark.parametrize("javascript", [True, False], ids=["with-scripts", "without"])
def test_a_seller_quotes_and_pins(javascript, visitor, owner, made):
    """From the market to the sentence that says what was used, then a pin from there."""
    person = visitor(owner.user, size=PHONE, javascript=javascript)
    page = person.page
    page.goto(person.base + "/rfq/?tab=all")
    page.locator(f"main a[href='/rfq/rfqs/{made['gold']}/']").first.click()
    page.locator(f"main a[href^='/rfq/rfqs/{made['gold']}/quote/']").first.click()
    # The draft that was typed before is in the form.
    expect(page.locator("[name=message]")).to_have_value(re.compile("since 2013"))
    page.locator("[name=unit_price]").fill("11.80")
    page.locator("[name=moq]").fill("100")
    page.locator("[name=lead_time_days]").fill("25")
    page.get_by_role("button", name="Send quote").click()
    expect(page).to_have_url(re.compile(r"/rfq/quotes/\d+/sent/"))
    expect(page.locator("main")).to_contain_text("1 quote right used (9 left)")
    expect(page.locator("main")).to_contain_text("1 gold right used (3 left)")
    expect(page.locator("main")).to_contain_text("0 fast-lane passes used (1 left)")
    page.get_by_role("link", name="Pin for 1 pin right").click()
    expect(page.locator("main")).to_contain_text("Uses 1 pin right")
    page.get_by_role("button", name="Pin for 1 pin right").click()
    expect(page.locator("main")).to_contain_text("place 1")
    with unscoped():
        quote = Quote.objects.get(rfq__rfq_id=made["gold"])
        assert Pin.objects.get(quote=quote).slot == 1
        assert balances_of(seller=owner.seller).pin == 1
    assert not person.complaints


@pytest.mark.rule("RFQ-8", "UI-1")
@pytest.mark.parametrize("javascript", [True, False], ids=["with-scripts", "without"])
def test_a_form_with_a_mistake_keeps_what_was_typed_and_uses_nothing(
    javascript, visitor, owner, made
):
    person = visitor(owner.user, javascript=javascript)
    page = person.page
    page.goto(person.base + f"/rfq/rfqs/{made['plain']}/quote/")
    page.locator("[name=unit_price]").fill("eleven")
    page.locator("[name=message]").fill("We make them.")
    page.get_by_role("button", name="Send quote").click()
    expect(page.locator("main")).to_contain_text("nothing was used")
    expect(page.locator("[name=unit_price]")).to_have_value("eleven")
    expect(page.locator("[name=message]")).to_have_value("We make them.")
    assert balances_of(seller=owner.seller).quote == 10


@pytest.mark.rule("RFQ-19", "UI-1", "Q-5")
@pytest.mark.parametrize("javascript", [True, False], ids=["with-scripts", "without"])
def test_a_seller_tries_what_a_score_would_bring(javascript, visitor, owner, made):
    """Basic: quotes 20 + in time 20 + 15 % replied 12 + 35,000 USD 30 = 82."""
    person = visitor(owner.user, javascript=javascript)
    page = person.page
    page.goto(person.base + "/rfq/score/")
    page.get_by_role("link", name="Try what if").first.click()
    if javascript:
        # The form follows the rules chosen; it comes anew before anything else is filled in.
        with page.expect_response(re.compile("/rfq/score/simulate/")):
            page.locator("[name=rulebook]").select_option("2022-08")
        page.wait_for_load_state("networkidle")
    else:
        page.locator("[name=rulebook]").select_option("2022-08")
    page.locator("[name=membership]").select_option("basic")
    page.locator("[name=quotes]").fill("20")
    page.locator("[name=response_rate]").fill("20")
    page.locator("[name=gmv]").fill("35000")
    page.get_by_role("button", name="Calculate").click()
    page.wait_for_load_state()
    expect(page.locator("main")).to_contain_text("What comes out")
    expect(page.locator("#result")).to_contain_text("82")
    assert not person.complaints


@pytest.mark.rule("RFQ-23", "UI-1")
def test_a_seller_claims_what_the_challenge_brings_without_scripts(visitor, owner, made):
    """1,180.00 USD paid are two quote rights; the quote of the shop links the order by itself."""
    person = visitor(owner.user, javascript=False)
    page = person.page
    page.goto(person.base + "/rfq/challenge/")
    page.get_by_role("button", name=re.compile("Claim 2 quote rights")).click()
    expect(page.locator("body")).to_contain_text("2 quote rights are yours")
    assert balances_of(seller=owner.seller).quote == 12


@pytest.mark.rule("RFQ-2", "K-8")
def test_what_one_shop_did_is_not_seen_by_another(visitor, stranger, made):
    person = visitor(stranger.user)
    page = person.visit("/rfq/quotes/")
    expect(page.locator("main")).to_contain_text("No quotes yet")
    response = page.goto(person.base + f"/rfq/quotes/{made['quote']}/")
    assert response.status == 404
