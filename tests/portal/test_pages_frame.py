"""What every page keeps to: shop, language, clock, cost, content policy (UI-1 … UI-6)."""

from __future__ import annotations

import re
from datetime import timedelta
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

from portal import platform_time
from portal.choices import Role
from portal.models import (
    DemoClock,
    Member,
    Seller,
    User,
)
from portal.scoping import seller_scope
from portal.services.people import FORM_SELLER
from portal.templatetags.portal_ui import icon_body
from tests import factories
from tests.portal.page_rows import (
    AS_OF,
    EVERYBODY,
    NOW,
    TODAY,
    bulletin_create,
    buyer_create,
    fill,
    night_publish,
    order_create,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon(clock: Any) -> None:
    """Every test happens at noon of 2022-08-03 (Pacific)."""


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


@pytest.mark.rule("K-8")
def test_a_form_acts_for_the_shop_it_was_shown_for(
    owner_client: Client, owner: Member, other_shop: Seller, category: Any
) -> None:
    """In one tab a form of the first shop is open, in another the second shop is chosen."""
    invite = {"username": "newcomer", "email": "newcomer@example.com", "role": Role.VIEWER}
    page = reverse("portal:members")
    assert FORM_SELLER not in owner_client.get(page).content.decode(), "one shop: nothing to mix up"
    second = factories.seller_create(category, member_id="cn3003", name_en="Zhongshan Two Ltd")
    Member.everywhere.create(user=owner.user, seller=second, role=Role.OWNER)
    shown = owner_client.get(page).content.decode()
    field = f'name="{FORM_SELLER}" value="{owner.seller.member_id}"'
    assert shown.count(field) == shown.count("csrfmiddlewaretoken") - 1, "all but the switcher"
    owner_client.post(reverse("portal:switch-seller"), {"seller": second.member_id})

    foreign = owner_client.post(page, {**invite, FORM_SELLER: other_shop.member_id}, follow=True)
    assert "Nothing was done" in foreign.content.decode()
    assert not User.objects.filter(username="newcomer").exists()

    done = owner_client.post(page, {**invite, FORM_SELLER: owner.seller.member_id}, follow=True)
    assert "so it was done there" in done.content.decode()
    assert done.context["seller"] == owner.seller, "what follows is of the same shop"
    shops = Member.everywhere.filter(user__username="newcomer").values_list("seller", flat=True)
    assert list(shops) == [owner.seller.pk]

    again = owner_client.get(page).content.decode()
    assert "so it was done there" not in again


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
    "portal:bulletins": 6,
    "portal:orders": 9,
    "portal:inquiries": 9,
    "portal:metrics": 9,
    "portal:rulebooks": 6,
    "portal:members": 6,
    "portal:shop": 5,
}
"""Session, user, memberships, notices' count and published day are five of each."""
HOME_QUERIES = 44
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
            assert "default-src 'none'" in policy


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
    bands = owner_client.get(reverse("portal:home")).context["bands"]
    titles = [action.title for _name, actions in bands for action in actions]
    assert titles[:4] == [
        "Ship 1 late order",
        "Ship 1 order due within three days",
        "Publish your first product",
        "Read: News new-rules",
    ]


@pytest.mark.rule("K-9")
@pytest.mark.django_db
def test_a_name_nobody_can_have_is_refused_before_it_is_looked_for(client: Client) -> None:
    answer = client.post(reverse("account_login"), {"login": "x" * 100_000, "password": "guess"})
    assert answer.status_code == 200
    assert "login" in answer.context["form"].errors
