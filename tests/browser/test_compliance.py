"""Compliance in a browser: pages with everything on them, and a number's way from missing to covered."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from compliance.gate import gate
from compliance.models import Certificate
from portal.models import Member, User
from portal.scoping import unscoped
from tests.browser.conftest import PHONE, WIDE, Visit, Visitor
from tests.compliance.page_world import (
    AFTER_INTERRUPTION,
    compliance_page_paths,
    compliance_pages_fill,
    review_page_paths,
)
from tests.compliance.world import reviewer_create, submitted, upload
from tests.listings.theme_world import product_feed

CELL = "/compliance/products/?country=DE&category=packaging"


@pytest.fixture(autouse=True)
def _world(settings: Any, tmp_path: Path, clock: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def reviewer(db: None) -> User:
    return reviewer_create("reviewer")


def speaks(user: User, language: str) -> None:
    user.language = language
    user.save(update_fields=["language"])


@pytest.mark.rule("UI-1", "UI-5", "UI-7")
@pytest.mark.parametrize("look", [(WIDE, "zh-hans"), (PHONE, "en")], ids=["wide", "phone"])
def test_every_page_with_everything_on_it_is_sound(
    look: tuple[dict[str, int], str],
    visitor: Visit,
    owner: Member,
    reviewer: User,
    staff: User,
    clock: Any,
) -> None:
    size, language = look
    clock(AFTER_INTERRUPTION)
    made = compliance_pages_fill(owner, reviewer, staff)
    for user, paths in (
        (owner.user, compliance_page_paths(made)),
        (reviewer, review_page_paths(made)),
    ):
        speaks(user, language)
        person = visitor(user, size=size, language=language)
        for path in paths:
            person.visit(path)


def press(person: Visitor, name: str | re.Pattern[str]) -> None:
    """Press a button and hold the page that follows to what every page must be."""
    person.page.get_by_role("button", name=name).first.click()
    person.page.wait_for_load_state()
    person.check()


def upload_form_fill(page: Page, number: str) -> None:
    """Fill in the form for a number of the shop's own; country and category came with the link."""
    page.locator("[name=number]").fill(number)
    page.locator("[name=own][value=own]").check()
    page.locator("[name=issued_on]").fill("2022-07-20")
    page.locator("[name=scope_en]").fill("Packaging of e-bike kits")
    page.locator("[name=declaration]").check()


def only_certificate() -> Certificate:
    with unscoped():
        return Certificate.objects.get()


@pytest.mark.rule("EPR-2", "EPR-4", "EPR-5", "EPR-6", "EPR-7", "EPR-11", "UI-1", "Q-5")
@pytest.mark.parametrize("javascript", [True, False], ids=["with-scripts", "without"])
def test_a_number_from_missing_to_covered(
    javascript: bool, visitor: Visit, owner: Member, reviewer: User
) -> None:
    """The owner learns what lacks, uploads it after a slip, a reviewer approves, the gate opens."""
    product_feed(owner.seller, "kit", target_countries=["DE"])
    seller = visitor(owner.user, javascript=javascript)
    page, main = seller.page, seller.page.locator("main")

    # What the product contains decides what it needs.
    page.goto(seller.base + "/compliance/")
    expect(main).to_contain_text("0 of 1 product")
    page.goto(seller.base + "/compliance/traits/kit/")
    for code in ("packaging", "electrical", "battery", "furniture", "tyre", "paper", "textile"):
        page.locator(f"[name={code}][value={'yes' if code == 'packaging' else 'no'}]").check()
    page.get_by_role("button", name="Keep the answers").click()
    expect(page.locator("body")).to_contain_text("The answers are kept")

    # The link of the matrix fills in country and category.
    page.goto(seller.base + "/compliance/")
    link = "main a[href*='certificates/new'][href*='country=DE'][href*='category=packaging']"
    page.locator(link).first.click()
    upload_form_fill(page, "DE 12345678")
    page.locator("[name=new_files]").set_input_files(
        {"name": "lucid.png", "mimeType": "image/png", "buffer": upload("lucid.png").read()}
    )
    page.get_by_role("button", name="Submit for review").click()
    # That is how electrical numbers look: a hint, and nothing is lost.
    expect(main).to_contain_text("Nothing you typed is lost")
    expect(page.locator("#div_id_number")).to_contain_text("DE2755553072093")
    expect(page.locator("[name=number]")).to_have_value("DE 12345678")
    expect(page.locator("[name=scope_en]")).to_have_value("Packaging of e-bike kits")
    expect(page.locator("[name=issued_on]")).to_have_value("2022-07-20")
    expect(page.locator(".upload-list")).to_contain_text("lucid.png")
    seller.complaints.clear()  # The browser itself complains of the 400.
    page.locator("[name=number]").fill("DE 2755-5530-72093")
    page.get_by_role("button", name="Submit for review").click()
    expect(page).to_have_url(re.compile(r"/compliance/certificates/\d+/$"))
    assert gate("kit", "DE").reasons[0].code == "epr_in_review"

    certificate = only_certificate()
    staff = visitor(reviewer, javascript=javascript)
    desk = staff.page
    desk.goto(staff.base + "/admin/compliance/certificate/")
    desk.get_by_role("link", name=re.compile("DE 2755-5530-72093")).click()
    desk.get_by_role("button", name="Claim").click()
    # The file stands beside the fields.
    shown = desk.locator(".review-file img")
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    expect(desk.locator(".review-facts")).to_contain_text("Suzhou E-Bike Kits Ltd")
    desk.get_by_role("button", name="Approve…").click()
    expect(desk.locator("#content")).to_contain_text("Trade in what it covers opens at once")
    desk.get_by_role("button", name="Approve", exact=True).click()
    expect(desk.locator("body")).to_contain_text("is approved and counts from now")

    page.goto(seller.base + "/compliance/")
    expect(main).to_contain_text("1 of 1 product")
    page.goto(seller.base + CELL)
    expect(main).to_contain_text("Covered")
    page.goto(f"{seller.base}/compliance/certificates/{certificate.pk}/impact/")
    expect(main).to_contain_text("only if it is revoked, and then at once")
    assert gate("kit", "DE").decision == "allowed"
    assert not seller.complaints + staff.complaints


@pytest.mark.rule("EPR-4", "EPR-7", "UI-3")
def test_a_rejection_is_read_in_chinese_and_mended(
    visitor: Visit, owner: Member, reviewer: User
) -> None:
    certificate = submitted(owner, files=[upload("scan.png")], number="DE4444444444444")
    staff = visitor(reviewer)
    staff.visit(f"/admin/compliance/certificate/{certificate.pk}/change/")
    press(staff, "Claim")
    desk = staff.page
    desk.locator("[name=code]").select_option("number_mismatch")
    desk.locator("[name=text_zh]").fill("文件上写的是 DE2755553072093。")
    press(staff, "Reject…")
    # What the seller will read, before it is sent.
    expect(desk.locator("[lang=zh-Hans]")).to_contain_text("注册号不一致")
    desk.get_by_role("button", name="Reject", exact=True).click()
    expect(desk.locator("body")).to_contain_text("is rejected; the seller is told")

    speaks(owner.user, "zh-hans")
    seller = visitor(owner.user, size=PHONE, language="zh-hans")
    page = seller.visit(f"/compliance/certificates/{certificate.pk}/")
    main = page.locator("main")
    expect(main).to_contain_text("填写的注册号与文件中的注册号不一致。请按文件填写。")
    expect(main).to_contain_text("文件上写的是 DE2755553072093。")
    page.locator(f"main a[href='/compliance/certificates/{certificate.pk}/edit/']").first.click()
    expect(page.locator(".upload-list")).to_contain_text("scan.png")
    page.locator("[name=number]").fill("DE2755553072093")
    page.locator("[name=declaration]").check()
    page.locator("button[name=submit]").click()
    expect(page).to_have_url(re.compile(rf"/compliance/certificates/{certificate.pk}/$"))
    seller.check()
    again = only_certificate()
    assert (again.pk, again.status, again.number) == (
        certificate.pk, "submitted", "DE2755553072093",
    )  # fmt: skip
