"""Pages in Chinese: a seller who chose it meets no English sentence of ours (UI-6)."""

from __future__ import annotations

import re
from datetime import date
from html import unescape

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from listings.models import Product
from portal import messages, platform_time
from portal.choices import RunState
from portal.models import JobRun, Member, NightRun, Seller
from tests.listings.theme_world import days_publish, match_make, product_feed, theme_make
from tests.portal.page_rows import AS_OF, fill, night_publish
from tests.portal.test_translation import CHINESE, Texts
from tests.rfq.page_world import rfq_page_paths, rfq_pages_fill

pytestmark = [pytest.mark.django_db, pytest.mark.rule("UI-6")]

PAGES = [
    ("portal:home",),
    ("portal:notices",),
    ("portal:notice-preferences",),
    ("portal:bulletins",),
    ("portal:bulletin-detail", "bulletin-0"),
    ("portal:orders",),
    ("portal:inquiries",),
    ("portal:metrics",),
    ("portal:metric", "portal.orders_30d"),
    ("portal:rulebooks",),
    ("portal:rulebook", "listings.benefits"),
    ("portal:rulebook", "portal.buyer_labels"),
    ("portal:shop",),
    ("portal:members",),
    ("listings:products",),
    ("listings:product-new",),
    ("listings:product-detail", "kit"),
    ("listings:product-edit", "kit"),
    ("listings:product-history", "kit"),
    ("listings:product-delete", "kit"),
    ("listings:product-bin",),
    ("listings:product-exchange",),
    ("listings:product-shipping",),
    ("listings:product-shipping-new",),
    ("listings:themes",),
    ("listings:theme", "t1"),
    ("listings:theme", "t2"),
    ("listings:theme-benefits",),
    ("listings:matches",),
    ("listings:match-history",),
    ("mfa_index",),
    ("account_change_password",),
]


def sentences() -> re.Pattern[str]:
    """Return what matches an English text of our catalogues whose Chinese differs, filled in or not."""
    patterns = set()
    for app in messages.APPS:
        catalogue = messages.read_catalogue(messages.catalogue_path(app))
        for (english, _context), chinese in messages.translations(catalogue).items():
            fixed = messages.PLACEHOLDER.split(english)
            if english == chinese[0] or not re.search("[A-Za-z]{3}", "".join(fixed)):
                continue
            pattern = "(?:.+)".join(re.escape(part) for part in fixed)
            # A label may be shown with a capital.
            patterns.add(re.sub(r"^[a-z]", lambda first: f"(?i:{first[0]})", pattern))
    return re.compile("|".join(sorted(patterns, key=len, reverse=True)))


SENTENCES = sentences()


def english(html: str) -> list[str]:
    """Return the texts of a page that our catalogues hold in English."""
    parser = Texts()
    parser.feed(html)
    texts = {" ".join(unescape(text).split()) for text in parser.found}
    return sorted(text for text in texts if text and SENTENCES.fullmatch(text))


@pytest.fixture
def world(shop: Seller, owner: Member, clock: object) -> Product:
    """A shop with rows of every kind, two themes and a published day."""
    shop.name_zh = "苏州电动自行车套件有限公司"
    shop.save()
    owner.user.username = "linmei"
    owner.user.save()
    fill(shop, owner.user, 2)
    kit = product_feed(shop, "kit", title="48V hub motor, black")
    product_feed(shop, "near", title="48V hub motor, black", price_max="9000", services=["sample"])
    matched = theme_make(
        "t1", title_zh="东南亚-电动自行车套件", countries=["ID", "MY"], price_max="2500"
    )
    theme_make("t2", title_zh="电动自行车套件", keywords=["drum"], attributes={"voltage": ["52V"]})
    match_make(kit, matched, date(2022, 7, 20))
    days_publish(date(2022, 7, 20))
    night_publish(AS_OF)
    JobRun.objects.create(
        run=NightRun.objects.get(as_of=AS_OF),
        job="listings.themes",
        as_of=AS_OF,
        state=RunState.COMPLETE,
        published_at=platform_time.wall_clock(),
    )
    return kit


@pytest.fixture
def chinese_client(owner: Member, owner_client: Client) -> Client:
    """The owner's browser, in Chinese."""
    owner.user.language = "zh-hans"
    owner.user.save()
    owner_client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    return owner_client


@pytest.mark.parametrize("page", PAGES, ids=":".join)
def test_a_page_is_in_chinese(page, world, chinese_client):
    response = chinese_client.get(reverse(page[0], args=page[1:]))
    assert response.status_code == 200
    html = response.content.decode()
    assert '<html lang="zh-hans"' in html
    assert len(CHINESE.findall(html)) > 60
    assert not english(html)


RFQ_PAGES = [
    "/rfq/", "/rfq/quotes/", "/rfq/quotes/funnel/", "/rfq/templates/", "/rfq/templates/new/",
    "/rfq/rights/", "/rfq/score/", "/rfq/score/simulate/", "/rfq/orders/", "/rfq/challenge/",
    "/rfq/spam-reports/",
]  # fmt: skip


def test_the_pages_of_rfq_are_in_chinese(world, owner, chinese_client):
    """One world for all of them: what buyers and sellers wrote in it is no text of ours."""
    found = {}
    for path in [*RFQ_PAGES, *rfq_page_paths(rfq_pages_fill(owner))]:
        response = chinese_client.get(path)
        assert response.status_code in (200, 409), path
        html = response.content.decode()
        assert len(CHINESE.findall(html)) > 60, path
        found[path] = [text for text in english(html) if text != "USD"]  # a code in a price
    assert not {path: texts for path, texts in found.items() if texts}


def test_a_refused_form_speaks_chinese(world, chinese_client):
    response = chinese_client.post(
        reverse("listings:product-new"),
        {"title": "", "kind": "rts", "price_mode": "fob", "price_min": "5", "price_max": "3"},
    )
    html = response.content.decode()
    assert "最高价低于最低价" in html
    assert not english(html)


def test_the_sign_in_page_follows_the_browser(db):
    html = Client(headers={"accept-language": "zh-CN"}).get(reverse("account_login")).content
    assert "请使用平台或店铺主账号提供给您的账号。" in html.decode()
    assert not english(html.decode())


def test_the_api_explains_itself_in_chinese(world, owner_api, owner):
    owner.user.language = "zh-hans"
    owner.user.save()
    answer = owner_api.get("/api/v1/listings/products/none/", headers={"accept-language": "zh-CN"})
    assert answer.status_code == 404
    assert CHINESE.search(answer.json()["title"])


def test_english_pages_stay_english(world, owner_client):
    html = owner_client.get(reverse("listings:themes")).content.decode()
    assert "Targeted themes" in english(html)
