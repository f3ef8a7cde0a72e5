"""The kernel's pages: who sees them, what they cost, what they never contain (UI-1 … UI-5)."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from portal import platform_time
from portal.choices import BuyerTier, OrderChannel, Role, RunState, TradeKind
from portal.models import (
    Bulletin,
    BulletinQuestion,
    BulletinRead,
    Buyer,
    DemoClock,
    Inquiry,
    JobRun,
    Member,
    MetricValue,
    NightRun,
    Notice,
    NoticePreference,
    Order,
    Seller,
    SellerFlag,
    User,
)
from portal.scoping import seller_scope, unscoped
from portal.templatetags.portal_ui import icon_body
from portal.views.rulebooks import outline
from tests import factories

pytestmark = pytest.mark.django_db
TODAY = date(2022, 8, 3)
NOW = platform_time.parse_instant("2022-08-03T12:00:00-07:00")
AS_OF = TODAY - timedelta(days=2)


@pytest.fixture(autouse=True)
def _noon(clock: Any) -> None:
    """Every test happens at noon of 2022-08-03 (Pacific)."""


# --- Rows ---------------------------------------------------------------------------------------


def buyer_create(number: int, tier: str = BuyerTier.L0) -> Buyer:
    return Buyer.objects.create(
        buyer_id=f"b{number}",
        company=f"Buyer {number}",
        country="US",
        tier=tier,
        tier_since=date(2022, 8, 1),
    )


def order_create(shop: Seller, buyer: Buyer, order_id: str, **fields: Any) -> Order:
    defaults = {
        "channel": OrderChannel.TRADE_ASSURANCE,
        "kind": TradeKind.RTS,
        "amount": Decimal("1234.50"),
        "created_at": NOW - timedelta(days=5),
    }
    return Order.objects.create(
        seller=shop, buyer=buyer, order_id=order_id, **{**defaults, **fields}
    )


def fill(shop: Seller, user: User, count: int) -> None:
    """Give a shop `count` of everything its pages list."""
    with unscoped():
        start = Order.objects.count()
        for number in range(start, start + count):
            buyer = buyer_create(number, BuyerTier.L2)
            order_create(shop, buyer, f"o{number}", paid_at=NOW - timedelta(days=4), ship_by=TODAY)
            Inquiry.objects.create(
                seller=shop, buyer=buyer, inquiry_id=f"i{number}", keyword="e-bike", at=NOW
            )
            notice_create(shop, user, f"n{number}")
            bulletin_create(f"bulletin-{number}")
            MetricValue.objects.create(
                seller=shop, metric=f"ext.m{number}", value=number, valid_from=AS_OF
            )


def notice_create(shop: Seller | None, user: User, key: str, **fields: Any) -> Notice:
    params = {"bulletin": "Rules", "effective": "tomorrow"}
    with unscoped():
        return Notice.objects.create(
            user=user, seller=shop, key=key, kind="bulletin_published", params=params, **fields
        )


def bulletin_create(slug: str = "new-rules", **fields: Any) -> Bulletin:
    defaults = {
        "title_en": f"News {slug}",
        "body_en": "What changes.",
        "published_at": NOW - timedelta(days=1),
        "effective_on": TODAY + timedelta(days=3),
        "questions_until": NOW + timedelta(days=3),
        "actions": [{"text_en": "See the orders", "url": "/orders/"}],
    }
    return Bulletin.objects.create(slug=slug, **{**defaults, **fields})


def night_publish(day: date) -> None:
    """Let readers see a day of the metrics, as a finished night does."""
    run = NightRun.objects.create(as_of=day, state=RunState.COMPLETE)
    for job in ("metrics", "metrics.derived"):
        JobRun.objects.create(
            run=run,
            job=job,
            as_of=day,
            state=RunState.COMPLETE,
            published_at=platform_time.wall_clock(),
        )


# --- Who sees what ------------------------------------------------------------------------------

EVERYBODY = [
    "portal:home",
    "portal:notices",
    "portal:notice-preferences",
    "portal:bulletins",
    "portal:orders",
    "portal:inquiries",
    "portal:metrics",
    "portal:rulebooks",
    "portal:shop",
]


@pytest.mark.rule("UI-1", "K-7")
@pytest.mark.parametrize("name", EVERYBODY)
def test_every_member_may_read_the_pages(
    name: str, owner_client: Client, colleague_client: Client, viewer_client: Client
) -> None:
    for client in (owner_client, colleague_client, viewer_client):
        assert client.get(reverse(name)).status_code == 200


@pytest.mark.rule("K-7")
@pytest.mark.parametrize("name", [*EVERYBODY, "portal:members"])
def test_people_without_a_shop_are_sent_elsewhere(
    name: str, client: Client, staff_client: Client, settings: Any
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    anonymous = client.get(reverse(name))
    assert anonymous.status_code == 302
    assert anonymous["Location"].startswith(reverse("account_login"))
    staff = staff_client.get(reverse(name))
    assert staff.status_code == 302
    assert staff["Location"] == reverse("portal:no-shop")


def test_the_page_for_people_without_a_shop_shows_staff_the_way(
    staff_client: Client, settings: Any
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    answer = staff_client.get(reverse("portal:no-shop"))
    assert answer.status_code == 403
    assert reverse("admin:index") in answer.content.decode()


@pytest.mark.rule("K-7")
def test_only_owners_manage_people(
    owner_client: Client, colleague_client: Client, viewer_client: Client, colleague: Member
) -> None:
    addresses = [
        reverse("portal:members"),
        reverse("portal:member-role", args=[colleague.pk]),
        reverse("portal:member-deactivate", args=[colleague.pk]),
    ]
    assert owner_client.get(addresses[0]).status_code == 200
    for client in (colleague_client, viewer_client):
        for address in addresses:
            assert client.post(address, {"role": Role.OWNER}).status_code == 403
    colleague.refresh_from_db()
    assert (colleague.role, colleague.is_active) == (Role.SALESPERSON, True)


@pytest.mark.rule("K-8")
def test_another_shops_member_does_not_exist(owner_client: Client, stranger: Member) -> None:
    for name in ("portal:member-role", "portal:member-deactivate"):
        theirs = owner_client.post(reverse(name, args=[stranger.pk]), {"role": Role.VIEWER})
        nobodys = owner_client.post(reverse(name, args=[10**9]), {"role": Role.VIEWER})
        assert theirs.status_code == nobodys.status_code == 404
    stranger.refresh_from_db()
    assert (stranger.role, stranger.is_active) == (Role.OWNER, True)


# --- People -------------------------------------------------------------------------------------


@pytest.mark.rule("K-7")
def test_an_owner_invites_changes_a_role_and_lets_go(owner_client: Client, shop: Seller) -> None:
    page = reverse("portal:members")
    owner_client.post(
        page, {"username": "newby", "email": "newby@example.com", "role": Role.VIEWER}
    )
    newby = Member.everywhere.get(user__username="newby")
    assert (newby.seller, newby.role) == (shop, Role.VIEWER)

    owner_client.post(reverse("portal:member-role", args=[newby.pk]), {"role": Role.MANAGER})
    newby.refresh_from_db()
    assert newby.role == Role.MANAGER

    farewell = reverse("portal:member-deactivate", args=[newby.pk])
    assert "newby" in owner_client.get(farewell).content.decode()
    newby.refresh_from_db()
    assert newby.is_active, "asking changes nothing"
    owner_client.post(farewell)
    newby.refresh_from_db()
    assert not newby.is_active


@pytest.mark.rule("UI-4")
def test_a_refused_invitation_is_explained_at_its_field(
    owner_client: Client, owner: Member
) -> None:
    answer = owner_client.post(
        reverse("portal:members"), {"username": "x", "email": "not-an-address", "role": Role.VIEWER}
    )
    assert answer.status_code == 400
    assert "email" in answer.context["form"].errors
    assert not User.objects.filter(username="x").exists()


@pytest.mark.rule("K-7")
def test_the_last_owner_stays(owner_client: Client, owner: Member) -> None:
    answer = owner_client.post(reverse("portal:member-deactivate", args=[owner.pk]), follow=True)
    owner.refresh_from_db()
    assert owner.is_active
    assert "message-error" in answer.content.decode()


# --- Notices ------------------------------------------------------------------------------------


@pytest.mark.rule("K-18")
def test_opening_a_notice_marks_it_read_and_follows_its_link(
    owner_client: Client, owner: Member, shop: Seller
) -> None:
    notice = notice_create(shop, owner.user, "one", link="/orders/")
    answer = owner_client.post(reverse("portal:notice-open", args=[notice.pk]))
    assert answer["Location"] == "/orders/"
    with unscoped():
        notice.refresh_from_db()
    assert notice.read_at == NOW


@pytest.mark.rule("K-8", "K-18")
def test_somebody_elses_notice_does_not_exist(
    owner_client: Client, colleague: Member, stranger: Member, shop: Seller
) -> None:
    for notice in (
        notice_create(shop, colleague.user, "theirs"),
        notice_create(stranger.seller, stranger.user, "foreign"),
    ):
        assert owner_client.post(reverse("portal:notice-open", args=[notice.pk])).status_code == 404
        with unscoped():
            notice.refresh_from_db()
        assert notice.read_at is None


@pytest.mark.rule("K-18")
def test_marking_all_read_leaves_colleagues_alone(
    owner_client: Client, owner: Member, colleague: Member, shop: Seller
) -> None:
    mine = notice_create(shop, owner.user, "mine")
    theirs = notice_create(shop, colleague.user, "theirs")
    assert "1 unread notice" in owner_client.get(reverse("portal:home")).content.decode()
    owner_client.post(reverse("portal:notices"))
    with unscoped():
        mine.refresh_from_db()
        theirs.refresh_from_db()
    assert mine.read_at == NOW
    assert theirs.read_at is None


@pytest.mark.rule("K-18")
def test_preferences_are_each_persons_own(
    viewer_client: Client, viewer: Member, colleague: Member
) -> None:
    viewer_client.post(reverse("portal:notice-preferences"), {"email": ["theme_ending"]})
    with unscoped():
        chosen = set(
            NoticePreference.objects.filter(member=viewer, email=True).values_list(
                "kind", flat=True
            )
        )
        assert chosen == {"theme_ending"}
        assert not NoticePreference.objects.filter(member=colleague).exists()


# --- Bulletins ----------------------------------------------------------------------------------


@pytest.mark.rule("K-17")
def test_reading_a_bulletin_marks_it_read_for_the_reader_only(
    owner_client: Client, owner: Member, colleague: Member
) -> None:
    bulletin = bulletin_create()
    assert owner_client.get(bulletin.get_absolute_url()).status_code == 200
    with unscoped():
        assert [read.member for read in BulletinRead.objects.all()] == [owner]


@pytest.mark.rule("K-17")
def test_a_bulletin_for_others_does_not_exist(owner_client: Client) -> None:
    for slug, fields in (
        ("for-basic", {"audience": [{"field": "membership", "op": "eq", "value": "basic"}]}),
        ("draft", {"published_at": None}),
        ("tomorrow", {"published_at": NOW + timedelta(hours=1)}),
    ):
        bulletin = bulletin_create(slug, **fields)
        assert owner_client.get(bulletin.get_absolute_url()).status_code == 404


@pytest.mark.rule("K-17")
def test_a_question_is_put_and_seen_by_the_own_shop_only(
    colleague_client: Client, stranger_client: Client
) -> None:
    bulletin = bulletin_create()
    colleague_client.post(bulletin.get_absolute_url(), {"text": "From which hour?"})
    assert "From which hour?" in colleague_client.get(bulletin.get_absolute_url()).content.decode()
    assert (
        "From which hour?" not in stranger_client.get(bulletin.get_absolute_url()).content.decode()
    )


@pytest.mark.rule("K-7", "K-17")
@pytest.mark.parametrize(
    ("as_viewer", "until", "status"),
    [(True, timedelta(hours=1), 403), (False, timedelta(0), 409), (False, timedelta(hours=1), 302)],
)
def test_viewers_and_latecomers_cannot_ask(
    as_viewer: bool,
    until: timedelta,
    status: int,
    viewer_client: Client,
    colleague_client: Client,
) -> None:
    bulletin = bulletin_create(questions_until=NOW + until)
    client = viewer_client if as_viewer else colleague_client
    answer = client.post(bulletin.get_absolute_url(), {"text": "May I?"})
    assert answer.status_code == status
    with unscoped():
        assert BulletinQuestion.objects.exists() == (status == 302)


# --- Facts and numbers --------------------------------------------------------------------------


@pytest.mark.rule("K-8", "K-13")
def test_orders_show_the_own_shop_and_nothing_that_has_not_happened(
    owner_client: Client, shop: Seller, other_shop: Seller
) -> None:
    with unscoped():
        buyer = buyer_create(1)
        order_create(shop, buyer, "mine")
        order_create(shop, buyer, "not-yet", created_at=NOW + timedelta(seconds=1))
        order_create(other_shop, buyer, "theirs")
    page = owner_client.get(reverse("portal:orders")).context["page_obj"]
    assert [order.order_id for order in page] == ["mine"]


@pytest.mark.rule("K-13")
@pytest.mark.parametrize(
    ("dates", "state"),
    [
        ({}, "unpaid"),
        ({"paid_at": NOW + timedelta(seconds=1)}, "unpaid"),
        ({"paid_at": NOW}, "to_ship"),
        ({"paid_at": NOW, "ship_by": TODAY}, "to_ship"),
        ({"paid_at": NOW, "ship_by": TODAY - timedelta(days=1)}, "late"),
        ({"paid_at": NOW, "dispatched_at": NOW}, "shipped"),
        ({"paid_at": NOW, "dispatched_at": NOW, "delivered_at": NOW}, "delivered"),
    ],
)
def test_an_orders_state_and_the_filter_agree(
    dates: dict[str, Any], state: str, owner_client: Client, shop: Seller
) -> None:
    with unscoped():
        order_create(shop, buyer_create(1), "o1", **dates)
    shown = owner_client.get(reverse("portal:orders")).context["page_obj"][0].state
    assert shown == state
    for asked in ("unpaid", "to_ship", "late", "shipped", "delivered"):
        page = owner_client.get(reverse("portal:orders"), {"state": asked}).context["page_obj"]
        assert len(page) == (asked == state), asked


@pytest.mark.rule("K-11")
@pytest.mark.parametrize(
    ("tier", "club", "badge"),
    [
        (BuyerTier.L0, True, ""),
        (BuyerTier.L1, False, "L1+"),
        (BuyerTier.L3, False, "L1+"),
        (BuyerTier.L2, True, "L1+"),
        (BuyerTier.L3, True, "L3"),
    ],
)
def test_a_buyers_badge_is_all_that_shows_of_the_tier(
    tier: str, club: bool, badge: str, owner_client: Client, shop: Seller
) -> None:
    Seller.objects.filter(pk=shop.pk).update(assessed_star=1)
    if club:
        SellerFlag.objects.create(seller=shop, code="million_dollar_club", since=TODAY)
    with unscoped():
        buyer = buyer_create(1, tier)
        order_create(shop, buyer, "o1")
        Inquiry.objects.create(seller=shop, buyer=buyer, inquiry_id="i1", at=NOW)
    for name in ("portal:orders", "portal:inquiries"):
        text = owner_client.get(reverse(name)).content.decode()
        shown = re.findall(r'class="buyer-badge">([^<]*)<', text)
        assert shown == ([badge] if badge else [])


def test_a_bad_filter_is_ignored_and_said(owner_client: Client) -> None:
    answer = owner_client.get(reverse("portal:orders"), {"since": "2022-02-31", "page": "zero"})
    assert answer.status_code == 200
    assert "since" in answer.context["filter"].form.errors


@pytest.mark.rule("K-2", "UI-3", "UI-4")
def test_numbers_say_their_day_and_wait_before_the_first_night(
    owner_client: Client, shop: Seller
) -> None:
    page = reverse("portal:metric", args=["portal.inquiries_30d"])
    for address in (reverse("portal:home"), reverse("portal:metrics"), page):
        assert "First figures are on their way" in owner_client.get(address).content.decode()
    with unscoped():
        MetricValue.objects.create(
            seller=shop, metric="portal.inquiries_30d", value=11, valid_from=AS_OF
        )
    night_publish(AS_OF - timedelta(days=1))
    night_publish(AS_OF)
    text = owner_client.get(page).content.decode()
    assert "Aug 1, 2022 24:00" in text
    assert '<tr><th scope="row">Aug 1, 2022</th><td class="col-num">11</td></tr>' in text
    assert '<tr><th scope="row">Jul 31, 2022</th><td class="col-num">0</td></tr>' in text


@pytest.mark.rule("K-8")
def test_a_number_of_another_shop_does_not_exist(owner_client: Client, other_shop: Seller) -> None:
    night_publish(AS_OF)
    with unscoped():
        MetricValue.objects.create(
            seller=other_shop, metric="ext.secret", value=1, valid_from=AS_OF
        )
    assert owner_client.get(reverse("portal:metric", args=["ext.secret"])).status_code == 404
    assert "ext.secret" not in owner_client.get(reverse("portal:metrics")).content.decode()


@pytest.mark.rule("K-16")
def test_the_rules_page_shows_each_version_in_its_time(owner_client: Client, clock: Any) -> None:
    page = reverse("portal:rulebook", args=["portal.buyer_labels"])
    after = owner_client.get(page).context["chosen"]
    clock.noon(date(2022, 7, 31))
    before = owner_client.get(page).context["chosen"]
    assert after.effective_from == date(2022, 8, 1)
    assert before.effective_to == date(2022, 7, 31)
    assert owner_client.get(page, {"version": "none"}).status_code == 404
    assert owner_client.get(reverse("portal:rulebook", args=["none"])).status_code == 404


# --- Shop and language --------------------------------------------------------------------------


@pytest.mark.rule("UI-1", "K-8")
def test_the_switcher_knows_own_shops_only(
    owner_client: Client, owner: Member, other_shop: Seller, category: Any
) -> None:
    second = factories.seller_create(category, member_id="cn3003", name_en="Zhongshan Two Ltd")
    Member.everywhere.create(user=owner.user, seller=second, role=Role.VIEWER)
    switch = reverse("portal:switch-seller")
    for unknown in (other_shop.member_id, "nobody"):
        assert owner_client.post(switch, {"seller": unknown}).status_code == 404
    assert owner_client.get(reverse("portal:home")).context["seller"] == owner.seller
    owner_client.post(switch, {"seller": second.member_id})
    assert owner_client.get(reverse("portal:home")).context["seller"] == second
    assert owner_client.get(reverse("portal:members")).status_code == 403, "a viewer there"


@pytest.mark.rule("UI-6")
def test_choosing_a_language_lasts_for_the_browser_and_the_person(
    owner_client: Client, owner: Member
) -> None:
    orders = reverse("portal:orders")
    answer = owner_client.post(reverse("portal:language"), {"language": "zh-hans", "next": orders})
    assert answer["Location"] == orders
    assert 'lang="zh-hans"' in owner_client.get(orders).content.decode()
    owner.user.refresh_from_db()
    assert owner.user.language == "zh-hans"
    owner_client.post(reverse("portal:language"), {"language": "klingon"})
    owner.user.refresh_from_db()
    assert owner.user.language == "zh-hans"
    away = owner_client.post(
        reverse("portal:language"), {"language": "en", "next": "https://elsewhere.example/"}
    )
    assert "elsewhere" not in away["Location"]


@pytest.mark.rule("UI-6")
def test_a_new_browser_speaks_the_language_chosen_before(owner: Member) -> None:
    orders = reverse("portal:orders")
    User.objects.filter(pk=owner.user_id).update(language="zh-hans")
    for cookie, shown in (("", "zh-hans"), ("en", "en")):
        fresh = Client()
        fresh.force_login(owner.user, backend="django.contrib.auth.backends.ModelBackend")
        if cookie:
            fresh.cookies[settings.LANGUAGE_COOKIE_NAME] = cookie
        assert f'<html lang="{shown}">' in fresh.get(orders).content.decode()
    User.objects.filter(pk=owner.user_id).update(language="en")
    never_chose = fresh
    del never_chose.cookies[settings.LANGUAGE_COOKIE_NAME]
    answer = never_chose.get(orders, headers={"accept-language": "zh-hans"})
    assert '<html lang="zh-hans">' in answer.content.decode()


# --- The demo clock -----------------------------------------------------------------------------


@pytest.mark.rule("K-5")
def test_only_staff_of_a_demo_find_the_clock(
    owner_client: Client, staff_client: Client, client: Client, settings: Any
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    page = reverse("portal:demo-clock")
    for demo, staff_status in ((False, 404), (True, 200)):
        settings.DEMO = demo
        assert owner_client.get(page).status_code == 404
        assert staff_client.get(page).status_code == staff_status
        assert client.get(page).status_code == 302


@pytest.mark.rule("K-5")
def test_setting_the_clock_moves_the_platform_and_wakes_the_scheduler(
    staff_client: Client,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.STAFF_MFA_REQUIRED, settings.DEMO = False, True
    woken: list[str] = []
    monkeypatch.setattr("portal.queueing.enqueue", lambda task, *args: woken.append(task.name))
    page = reverse("portal:demo-clock")
    staff_client.post(page, {"day": "2022-08-03", "time": "09:30"})
    assert not DemoClock.objects.exists(), "PORTAL_NOW freezes the time"

    monkeypatch.delenv("PORTAL_NOW")
    with django_capture_on_commit_callbacks(execute=True):
        staff_client.post(page, {"day": "2022-08-03", "time": "09:30"})
    wanted = platform_time.parse_instant("2022-08-03T09:30:00-07:00")
    assert abs(platform_time.now() - wanted) < timedelta(minutes=1)
    assert woken == ["portal.tasks.schedule_nights"]

    assert staff_client.post(page, {"day": "", "time": "9"}).status_code == 400
    with django_capture_on_commit_callbacks(execute=True):
        staff_client.post(page, {"reset": "1"})
    assert abs(platform_time.now() - platform_time.wall_clock()) < timedelta(minutes=1)


# --- What every page keeps to -------------------------------------------------------------------

QUERIES = {
    "portal:notices": 7,
    "portal:bulletins": 7,
    "portal:orders": 9,
    "portal:inquiries": 9,
    "portal:metrics": 9,
    "portal:rulebooks": 6,
    "portal:members": 6,
    "portal:shop": 5,
}
"""Session, user, memberships, notices' count and published day are five of each."""
HOME_QUERIES = 40
"""Modules add actions to the home page; together they stay below this."""


@pytest.mark.parametrize("name", [*QUERIES, "portal:home"])
def test_a_page_costs_the_same_however_much_there_is(
    name: str, owner_client: Client, owner: Member, shop: Seller
) -> None:
    night_publish(AS_OF)
    fill(shop, owner.user, 2)
    owner_client.get(reverse(name))
    costs = []
    for more in (0, 30):
        fill(shop, owner.user, more)
        with CaptureQueriesContext(connection) as queries:
            owner_client.get(reverse(name))
        costs.append(len(queries))
    assert costs[0] == costs[1]
    if name in QUERIES:
        assert costs[0] == QUERIES[name]
    else:
        assert costs[0] <= HOME_QUERIES


class _Strict(HTMLParser):
    """Collects what the content security policy and a phone would not take."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._table_cells = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name, value in given.items():
            if name == "style" or name.startswith("on"):
                self.found.append(f"<{tag} {name}>")
            if name in ("src", "href", "action") and re.match(r"(https?:)?//", value or ""):
                self.found.append(f"<{tag} {name}={value}>")
        if tag == "style" or (tag == "script" and not given.get("src")):
            self.found.append(f"<{tag}>")
        if tag == "img" and "alt" not in given:
            self.found.append("<img> without alt")


@pytest.mark.rule("UI-5")
def test_no_page_has_inline_styles_scripts_or_remote_parts(
    owner_client: Client, client: Client, owner: Member, shop: Seller
) -> None:
    night_publish(AS_OF - timedelta(days=1))
    night_publish(AS_OF)
    fill(shop, owner.user, 2)
    pages = [reverse(name) for name in [*EVERYBODY, "portal:members", "mfa_index"]]
    pages += [
        reverse("portal:bulletin-detail", args=["bulletin-0"]),
        reverse("portal:rulebook", args=["portal.buyer_labels"]),
        reverse("portal:metric", args=["portal.inquiries_30d"]),
        reverse("portal:member-deactivate", args=[owner.pk]),
        reverse("account_change_password"),
        "/nothing-here/",
    ]
    entrances = [reverse("account_login"), reverse("account_reset_password"), "/nothing-here/"]
    for visitor, addresses in ((owner_client, pages), (client, entrances)):
        for address in addresses:
            answer = visitor.get(address)
            assert answer.status_code in (200, 404), address
            strict = _Strict()
            strict.feed(answer.content.decode())
            assert strict.found == [], address
            policy = answer["Content-Security-Policy"]
            assert "unsafe" not in policy
            assert "default-src 'self'" in policy


@pytest.mark.rule("UI-5")
def test_every_icon_named_in_a_template_exists() -> None:
    for path in Path(settings.BASE_DIR, "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r'{%\s*(?:icon|empty) "([^"]+)"', text):
            assert icon_body(name), f"{path.name}: {name}"


@pytest.mark.rule("UI-4")
def test_empty_pages_offer_one_thing_to_do(owner_client: Client) -> None:
    for name in ("portal:orders", "portal:inquiries", "portal:notices", "portal:bulletins"):
        text = owner_client.get(reverse(name)).content.decode()
        assert text.count('class="empty"') == 1
        assert text.split('class="empty"')[1].count("btn-primary") == 1, name


@pytest.mark.rule("K-9")
def test_a_form_without_its_token_is_refused_in_our_words(owner: Member) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner.user, backend="django.contrib.auth.backends.ModelBackend")
    answer = strict.post(reverse("portal:notices"))
    assert answer.status_code == 403
    assert "This form has expired" in answer.content.decode()


def test_signing_in_and_resetting_a_password_work_by_form_alone(
    client: Client, owner: Member
) -> None:
    wrong = client.post(reverse("account_login"), {"login": "owner", "password": "guess"})
    assert wrong.status_code == 200
    right = client.post(
        reverse("account_login"), {"login": "owner", "password": factories.PASSWORD}
    )
    assert right["Location"] == reverse("portal:home")
    client.logout()
    client.post(reverse("account_reset_password"), {"email": owner.user.email})
    link = re.search(r"/accounts/password/reset/key/\S+", mail.outbox[0].body)
    assert link is not None
    form = client.get(link[0], follow=True)
    assert form.context["form"].fields.keys() == {"password1", "password2"}


def test_what_to_do_next_is_ordered_by_what_is_at_stake(owner_client: Client, shop: Seller) -> None:
    bulletin_create()
    with seller_scope(shop):
        order_create(shop, buyer_create(1), "late", paid_at=NOW, ship_by=TODAY - timedelta(days=1))
        order_create(shop, buyer_create(2), "soon", paid_at=NOW, ship_by=TODAY + timedelta(days=2))
    titles = [
        action.title for action in owner_client.get(reverse("portal:home")).context["actions"]
    ]
    assert titles[:3] == [
        "Ship 1 late order",
        "Ship 1 order due within three days",
        "Read: News new-rules",
    ]


@pytest.mark.rule("K-16", "UI-6")
def test_rules_are_outlined_in_the_readers_language() -> None:
    content = {
        "name_en": "Search", "name_zh": "搜索", "code_en": "kept", "on": "2022-02-28",
        "off": "2022-02-31", "rows": [{"a": 1, "c": None}, {"b": 2, "c": ""}], "deep": [{"a": {"b": 1}}],
    }  # fmt: skip
    english = dict(outline(content)["facts"])
    assert english["Name"] == {"kind": "value", "value": "Search"}
    assert english["Code en"]["value"] == "kept"
    assert english["On"] == {"kind": "day", "value": date(2022, 2, 28)}
    assert english["Off"] == {"kind": "value", "value": "2022-02-31"}
    assert english["Rows"]["heads"] == ["A", "B"]
    assert english["Rows"]["rows"][0][1] == ("B", {"kind": "value", "value": None})
    assert [part["kind"] for part in english["Deep"]["parts"]] == ["facts"]
    with translation.override("zh-hans"):
        assert dict(outline(content)["facts"])["Name"]["value"] == "搜索"
