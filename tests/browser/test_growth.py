"""Growth in a browser: pages with everything on them, a pack from claim to voucher, a programme in and out."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from growth.choices import EnrolmentState
from growth.models import Pack, PackClaim, RewardGrant
from growth.nightly.rewards import REWARDS
from portal.models import Member, User
from portal.scoping import unscoped
from tests.browser.conftest import PHONE, WIDE, Visit, Visitor
from tests.growth.pack_world import CARD, CLOSES, COUPON, OPENS, POWER, pack_create
from tests.growth.page_world import (
    NOON,
    TOOLS,
    YOUNG_PAGES,
    growth_admin_paths,
    growth_page_paths,
    growth_pages_fill,
)
from tests.growth.programme_world import current, enrolments, programme_create
from tests.growth.world import night, told


@pytest.fixture(autouse=True)
def _world(settings: Any, clock: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.mark.rule("UI-1", "UI-5", "UI-7")
@pytest.mark.parametrize("look", [(WIDE, "zh-hans"), (PHONE, "en")], ids=["wide", "phone"])
def test_every_page_with_everything_on_it_is_sound(
    look: tuple[dict[str, int], str],
    visitor: Visit,
    owner: Member,
    stranger: Member,
    staff: User,
    clock: Any,
) -> None:
    size, language = look
    clock.noon(NOON)
    made = growth_pages_fill(owner, stranger, staff)
    for user, paths in (
        (owner.user, growth_page_paths(made)),
        (stranger.user, YOUNG_PAGES),
        (staff, growth_admin_paths(made)),
    ):
        user.language = language
        user.save(update_fields=["language"])
        person = visitor(user, size=size, language=language)
        for path in paths:
            person.visit(path)


def press(person: Visitor, name: str | re.Pattern[str]) -> None:
    """Press the first button of a name on the page."""
    person.page.locator("main").get_by_role("button", name=name).first.click()


@pytest.mark.rule("GRO-6", "GRO-7", "GRO-8", "UI-1", "Q-5")
@pytest.mark.parametrize("javascript", [True, False], ids=["with-scripts", "without"])
def test_a_seller_claims_completes_and_uses_what_a_pack_gives(
    javascript: bool, visitor: Visit, owner: Member, clock: Any
) -> None:
    """Claim by hand, one task of two done, both done on the last day, a tool chosen, a voucher."""
    Pack.objects.all().delete()  # those every portal has
    pack_create(tasks=[CARD, POWER], rewards=[{**COUPON, **TOOLS}])
    clock.noon(OPENS + timedelta(days=2))
    told(owner.seller, "ext.card", d2022_08_05=1)
    told(owner.seller, "ext.power", d2022_08_05=41, d2022_08_31=60)
    night(OPENS, REWARDS)
    person = visitor(owner.user, size=PHONE, javascript=javascript)
    page, main = person.page, person.page.locator("main")
    page.goto(person.base + "/growth/packs/")
    main.get_by_role("link", name="A pack", exact=True).click()
    expect(main).to_contain_text("without a claim nothing is rewarded")
    press(person, "Claim this pack")
    expect(page.locator("body")).to_contain_text("What was done before counts")
    expect(main).to_contain_text("1 / 2")
    expect(main).to_contain_text("41 / 60")
    with unscoped():
        assert PackClaim.objects.get().seller == owner.seller

    clock.noon(CLOSES + timedelta(days=2))
    night(CLOSES, REWARDS)
    page.reload()
    expect(main).to_contain_text("the rewards are yours")
    main.get_by_role("link", name="Rewards", exact=True).click()
    press(person, re.compile("^Choose"))
    expect(main.get_by_role("alert")).to_be_visible()  # nothing was picked
    person.complaints.clear()  # The browser itself complains of the 400.
    main.get_by_label("Car", exact=True).check()
    press(person, re.compile("^Choose"))
    expect(main).to_contain_text("The choice is final")
    press(person, "Choose")
    expect(main).to_contain_text("Tool: Car")
    main.get_by_role("link", name=re.compile("^Use")).click()
    expect(main).to_contain_text("You get a voucher code")
    press(person, "Use it now")
    with unscoped():
        grant = RewardGrant.objects.get()
    assert (grant.status, grant.choice) == ("used", "car")
    expect(main.locator(".reward-voucher")).to_have_text(grant.voucher)
    assert not person.complaints


@pytest.mark.rule("GRO-17", "UI-1")
@pytest.mark.parametrize("javascript", [True, False], ids=["with-scripts", "without"])
def test_a_seller_enrols_in_a_programme_and_leaves_it(
    javascript: bool, visitor: Visit, owner: Member, clock: Any
) -> None:
    """The agreement is needed and nothing typed is lost; leaving is confirmed with what it means."""
    title = {"en": "Which fair", "zh": "哪个展会"}
    programme_create(
        "venue",
        agreement={"en": "We keep our promises.", "zh": "我们信守承诺。"},
        questions=[{"key": "fair", "title": title}],
        exit={"cool_down_days": 30},
    )
    person = visitor(owner.user, size=PHONE, javascript=javascript)
    page, main = person.page, person.page.locator("main")
    page.goto(person.base + "/growth/programmes/")
    main.get_by_role("link", name="Venue", exact=True).first.click()
    expect(main).to_contain_text("We keep our promises.")
    page.locator("[name='answers.fair']").fill("Canton fair")
    page.get_by_role("button", name="Enrol", exact=True).click()
    expect(main.get_by_role("alert")).to_be_visible()
    assert enrolments() == []
    person.complaints.clear()  # The browser itself complains of the refusal.
    expect(page.locator("[name='answers.fair']")).to_have_value("Canton fair")
    page.locator("[name=agreement]").check()
    press(person, "Enrol")
    expect(page.locator("body")).to_contain_text("Your shop is enrolled.")
    made = current(owner.seller, "venue")
    assert (made.state, made.answers) == (EnrolmentState.ACTIVE, {"fair": "Canton fair"})

    main.get_by_role("link", name=re.compile("^Leave")).first.click()
    expect(main).to_contain_text("cannot come back for 30 days")
    press(person, "Leave")
    expect(page.locator("body")).to_contain_text("your shop is no longer in it")
    assert current(owner.seller, "venue").state == EnrolmentState.LEFT
    expect(main.get_by_role("button", name="Enrol", exact=True)).to_have_count(0)
    assert not person.complaints
