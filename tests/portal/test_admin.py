"""The staff site: signed in with a second factor, by group, never around the services (UI-7, K-9)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from auditlog.models import LogEntry
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from portal import platform_time
from portal.choices import Role, SellerStatus
from portal.models import (
    Bulletin,
    Buyer,
    Category,
    Inquiry,
    Member,
    Notice,
    Order,
    Seller,
    SellerFlag,
    User,
)
from portal.scoping import unscoped
from portal.services.staff_groups import GRANTS, staff_groups_sync
from tests import factories

pytestmark = [pytest.mark.rule("UI-7"), pytest.mark.django_db]


def in_group(name: str) -> Client:
    user = factories.user_create(name.replace(" ", "-"), is_staff=True)
    user.groups.add(Group.objects.get(name=name))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def orders(seller: Seller, count: int, start: int = 0) -> None:
    with unscoped():
        for number in range(start, start + count):
            buyer = Buyer.objects.create(buyer_id=f"b{number}", country="DE", tier="L2")
            moment = platform_time.now()
            Order.objects.create(
                order_id=f"o{number}",
                seller=seller,
                buyer=buyer,
                channel="trade_assurance",
                kind="rts",
                amount=5,
                created_at=moment,
            )
            Inquiry.objects.create(inquiry_id=f"i{number}", seller=seller, buyer=buyer, at=moment)


def actions(obj: Any) -> list[str]:
    entries = LogEntry.objects.get_for_object(obj).order_by("pk")
    return [entry.additional_data["action"] for entry in entries]


# --- Signing in ---------------------------------------------------------------------------------


@pytest.mark.rule("K-9")
def test_strangers_are_sent_to_the_portals_sign_in(client: Client) -> None:
    answer = client.get("/admin/portal/seller/", follow=False)
    assert answer.status_code == 302
    answer = client.get(answer["Location"])
    assert answer["Location"] == "/accounts/login/?next=/admin/portal/seller/"
    outside = client.get("/admin/login/?next=https://elsewhere.example/")
    assert outside["Location"] == "/accounts/login/?next=/admin/"


@pytest.mark.rule("K-9")
def test_a_seller_is_told_that_this_is_for_staff(owner_client: Client) -> None:
    answer = owner_client.get("/admin/", follow=True)
    assert answer.status_code == 403


@pytest.mark.rule("K-9")
def test_staff_without_a_second_factor_set_one_up_first(
    staff: User, staff_client: Client, settings: Settings
) -> None:
    settings.STAFF_MFA_REQUIRED = True
    answer = staff_client.get("/admin/")
    assert answer["Location"] == reverse("mfa_activate_totp")
    Authenticator.objects.create(user=staff, type=Authenticator.Type.TOTP, data={"secret": "x"})
    assert staff_client.get("/admin/").status_code == 200


@pytest.mark.rule("K-9")
def test_a_staff_session_without_a_second_factor_gets_nothing_from_staff_calls(
    staff_client: Client, settings: Settings
) -> None:
    settings.STAFF_MFA_REQUIRED = True
    answer = staff_client.post(
        "/api/v1/ingest/logins", {"rows": []}, content_type="application/json"
    )
    assert answer.status_code == 403
    assert answer.json()["code"] == "mfa_required"


# --- Every page ---------------------------------------------------------------------------------

KERNEL_MODELS = sorted(
    (model._meta.model_name for model in admin.site._registry if model._meta.app_label == "portal"),
)


@pytest.mark.parametrize("model", KERNEL_MODELS)
def test_every_list_opens_and_searches(staff_client: Client, shop: Seller, model: str) -> None:
    orders(shop, 1)
    address = reverse(f"admin:portal_{model}_changelist")
    assert staff_client.get(address).status_code == 200
    assert staff_client.get(address, {"q": "something"}).status_code == 200


def test_the_demo_clock_is_not_in_the_admin() -> None:
    assert "democlock" not in KERNEL_MODELS
    assert {"seller", "order", "rulebook", "bulletin", "notice"} <= set(KERNEL_MODELS)


@pytest.mark.parametrize("model", ["order", "inquiry", "seller", "member", "notice"])
def test_a_list_takes_as_many_queries_for_many_rows_as_for_one(
    staff_client: Client,
    category: Category,
    model: str,
    django_assert_num_queries: Callable[..., Any],
) -> None:
    address = reverse(f"admin:portal_{model}_changelist")

    def add(count: int) -> None:
        for number in range(count):
            start = User.objects.count() * 10
            orders(factories.seller_create(category), 1, start)
            member = factories.member_create(factories.seller_create(category))
            with unscoped():
                Notice.objects.create(
                    user=member.user, seller=member.seller, kind="follow_up_due", key=f"k{number}"
                )

    add(2)
    staff_client.get(address)
    with CaptureQueriesContext(
        connection,
    ) as first:
        staff_client.get(address)
    add(8)
    with django_assert_num_queries(len(first)):
        staff_client.get(address)


@pytest.mark.parametrize(
    "model", ["order", "inquiry", "buyer", "attribute", "notice", "metricvalue"]
)
def test_facts_are_read_only_even_for_superusers(
    staff_client: Client, shop: Seller, model: str
) -> None:
    assert staff_client.get(reverse(f"admin:portal_{model}_add")).status_code == 403


def test_a_fact_can_be_looked_at_but_not_changed(staff_client: Client, shop: Seller) -> None:
    orders(shop, 1)
    with unscoped():
        order = Order.objects.get()
    address = reverse("admin:portal_order_change", args=[order.pk])
    assert staff_client.get(address).status_code == 200
    assert staff_client.post(address, {"amount": "999"}).status_code == 403
    assert (
        staff_client.post(
            reverse("admin:portal_order_delete", args=[order.pk]), {"post": "yes"}
        ).status_code
        == 403
    )
    with unscoped():
        assert Order.objects.get().amount == 5


# --- Groups -------------------------------------------------------------------------------------


def test_groups_exist_after_migrate_and_syncing_again_changes_nothing() -> None:
    before = {
        group.name: set(group.permissions.values_list("pk", flat=True))
        for group in Group.objects.all()
    }
    assert set(before) == set(GRANTS)
    assert all(before.values())
    staff_groups_sync()
    for name, permissions in before.items():
        group = Group.objects.get(name=name)
        assert set(group.permissions.values_list("pk", flat=True)) == permissions


@pytest.mark.parametrize(
    ("group", "may_publish", "may_restrict", "may_see_audit"),
    [
        ("reviewer", False, False, False),
        ("operator", True, False, False),
        ("risk officer", False, True, True),
        ("admin", True, True, True),
    ],
)
def test_each_group_does_its_own_work(
    shop: Seller, group: str, may_publish: bool, may_restrict: bool, may_see_audit: bool
) -> None:
    client = in_group(group)
    bulletin = Bulletin.objects.create(slug="b", title_en="B", body_en="B")
    page = client.get(reverse("admin:portal_bulletin_publish", args=[bulletin.pk]))
    assert (page.status_code == 200) is may_publish
    address = reverse("admin:portal_seller_change", args=[shop.pk])
    assert client.get(address).status_code == 200
    status = client.post(address, seller_form(status="restricted", reason="x")).status_code
    assert (status == 302) is may_restrict
    assert (client.get("/admin/auditlog/logentry/").status_code == 200) is may_see_audit


def test_the_front_page_counts_what_waits_for_this_person() -> None:
    Bulletin.objects.create(slug="b", title_en="B", body_en="B")
    assert "Bulletins not yet published" in in_group("operator").get("/admin/").content.decode()
    assert "Bulletins not" not in in_group("reviewer").get("/admin/").content.decode()


# --- Shops and people ---------------------------------------------------------------------------


def seller_form(**fields: str) -> dict[str, str]:
    inlines = {
        f"{prefix}-{name}": "0"
        for prefix in ("members", "flags")
        for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")
    }
    return {**inlines, **fields}


def test_a_shop_is_restricted_with_a_reason(staff_client: Client, shop: Seller) -> None:
    address = reverse("admin:portal_seller_change", args=[shop.pk])
    answer = staff_client.post(address, seller_form(status="restricted", name_en="Hacked"))
    assert answer.status_code == 200
    assert "Say why" in answer.content.decode()
    shop.refresh_from_db()
    assert (shop.status, actions(shop)) == (SellerStatus.ACTIVE, [])
    staff_client.post(address, seller_form(status="restricted", reason="fake trade"))
    shop.refresh_from_db()
    assert (shop.status, shop.name_en) == (SellerStatus.RESTRICTED, "Suzhou E-Bike Kits Ltd")
    assert actions(shop) == ["seller.status"]
    history = staff_client.get(reverse("admin:portal_seller_history", args=[shop.pk]))
    assert "seller.status" in history.content.decode()


@pytest.mark.parametrize(
    ("since", "until", "allowed"),
    [
        ("2022-08-01", "2022-08-09", True),
        ("2022-08-01", "2022-08-10", False),
        ("2022-08-20", "", False),
        ("2022-08-21", "", True),
    ],
)
def test_flags_of_a_shop_do_not_overlap(
    staff_client: Client, shop: Seller, since: str, until: str, allowed: bool
) -> None:
    SellerFlag.objects.create(
        seller=shop, code="club", since=date(2022, 8, 10), until=date(2022, 8, 20)
    )
    answer = staff_client.post(
        reverse("admin:portal_sellerflag_add"),
        {"seller": shop.pk, "code": "club", "since": since, "until": until},
    )
    assert (answer.status_code == 302) is allowed
    assert SellerFlag.objects.count() == (2 if allowed else 1)


def test_the_last_owner_stays_in_the_admin_too(
    staff_client: Client, owner: Member, colleague: Member
) -> None:
    address = reverse("admin:portal_member_change", args=[owner.pk])
    answer = staff_client.post(address, {"role": "viewer"})
    assert "needs an owner" in answer.content.decode()
    listing = reverse("admin:portal_member_changelist")
    chosen = {
        "action": "end_memberships", "_selected_action": [owner.pk, colleague.pk], "confirmed": "yes",
    }  # fmt: skip
    staff_client.post(listing, chosen)
    owner.refresh_from_db()
    colleague.refresh_from_db()
    assert (owner.role, owner.is_active, colleague.is_active) == (Role.OWNER, True, False)


def test_staff_invite_members_by_mail(
    staff_client: Client, shop: Seller, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    form = {"seller": shop.pk, "username": "new", "email": "new@example.com", "role": "owner"}
    with django_capture_on_commit_callbacks(execute=True):
        answer = staff_client.post(reverse("admin:portal_member_add"), form)
    assert answer.status_code == 302
    member = Member.everywhere.get(user__username="new")
    assert (member.seller, actions(member)) == (shop, ["member.invite"])
    assert [message.to for message in mail.outbox] == [["new@example.com"]]


def account(**fields: str) -> dict[str, str]:
    return {"username": "x", "email": "x@example.com", "language": "en", **fields}


@pytest.mark.rule("K-9")
def test_accounts_are_opened_without_a_password_and_audited(
    staff_client: Client, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    operator = Group.objects.get(name="operator")
    form = account(is_staff="on", groups=str(operator.pk))
    with django_capture_on_commit_callbacks(execute=True):
        answer = staff_client.post(reverse("admin:portal_user_add"), form)
    assert answer.status_code == 302
    user = User.objects.get(username="x")
    assert (user.is_staff, user.has_usable_password()) == (True, False)
    assert list(user.groups.all()) == [operator]
    assert actions(user) == ["account.open", "account.password_link"]
    assert "/accounts/password/reset/key/" in mail.outbox[0].body
    assert staff_client.get(f"/admin/portal/user/{user.pk}/password/").status_code in (302, 404)


@pytest.mark.rule("K-9")
def test_only_superusers_make_or_touch_superusers(staff: User) -> None:
    client = in_group("admin")
    client.post(reverse("admin:portal_user_add"), account(is_superuser="on"))
    assert not User.objects.get(username="x").is_superuser
    address = reverse("admin:portal_user_change", args=[staff.pk])
    taken_over = {"email": "thief@example.com", "language": "en", "is_active": "on"}
    assert client.post(address, taken_over).status_code == 403
    me = User.objects.get(username="admin")
    own = reverse("admin:portal_user_change", args=[me.pk])
    form = {"email": me.email, "language": "en", "is_active": "on", "is_staff": "on"}
    client.post(own, {**form, "is_superuser": "on"})
    me.refresh_from_db()
    staff.refresh_from_db()
    assert (me.is_superuser, staff.email) == (False, "staff@example.com")
    links = {"action": "send_password_links", "_selected_action": [staff.pk], "confirmed": "yes"}
    client.post(reverse("admin:portal_user_changelist"), links)
    assert actions(staff) == []


@pytest.mark.rule("K-9")
def test_a_lost_second_factor_is_reset_and_audited(staff_client: Client, owner: Member) -> None:
    Authenticator.objects.create(user=owner.user, type="totp", data={"secret": "x"})
    chosen = {
        "action": "reset_second_factors", "_selected_action": [owner.user.pk], "confirmed": "yes",
    }  # fmt: skip
    staff_client.post(reverse("admin:portal_user_changelist"), chosen)
    assert not Authenticator.objects.exists()
    assert actions(owner.user) == ["account.reset_mfa"]


def test_secrets_and_tokens_have_no_page(staff_client: Client) -> None:
    for address in ("mfa/authenticator", "knox/authtoken", "account/emailaddress"):
        assert staff_client.get(f"/admin/{address}/").status_code == 404


# --- Categories ---------------------------------------------------------------------------------


def test_flags_of_a_category_change_and_nothing_else(
    staff_client: Client, category: Category
) -> None:
    address = reverse("admin:portal_category_change", args=[category.pk])
    inline = {
        f"category_attributes-{name}": "0"
        for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")
    }
    form = {**inline, "restricted": "on", "code": "hacked"}
    wrong = {**form, "suspended_from": "2022-09-02", "suspended_to": "2022-09-01"}
    assert staff_client.post(address, wrong).status_code == 200
    category.refresh_from_db()
    assert category.restricted is False
    assert staff_client.post(address, form).status_code == 302
    category.refresh_from_db()
    assert (category.restricted, category.code) == (True, "e-bike-kits")
    assert actions(category) == ["category.flags"]
