"""Sellers and members from upstream (K-6, K-7, K-15)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import authenticate

from portal.ingest import kinds_people
from portal.models import Category, Member, Seller, User
from tests import factories
from tests.portal.ingest_tools import counts, send, why

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

SECRET = "  a long secret "


def _member(username: str = "li.wei", **more: Any) -> dict[str, Any]:
    return {
        "username": username,
        "email": f"{username}@example.com",
        "seller": "cn1001",
        "role": "salesperson",
        "password": SECRET,
        **more,
    }


def _may_sign_in(username: str, password: str) -> bool:
    return authenticate(username=username, password=password) is not None


# --- Sellers ------------------------------------------------------------------------------------


@pytest.mark.rule("K-6")
def test_a_sellers_industry_is_the_root_of_its_main_category(
    categories: dict[str, Category],
) -> None:
    row = {
        "member_id": "s1",
        "name_en": "S1",
        "membership": "verified",
        "company_type": "combined",
        "main_category": "e-bike-kits",
    }
    assert counts(send("sellers", row)) == (1, 0, 0, 0)
    stored = Seller.objects.get()
    assert (stored.industry, stored.status, stored.assessed_star) == (
        categories["sports"],
        "active",
        0,
    )
    assert counts(send("sellers", {**row, "main_category": "vacuum-flasks"})) == (0, 1, 0, 0)
    assert Seller.objects.get().industry == categories["home"]


@pytest.mark.rule("K-6")
def test_a_star_has_a_range_and_a_service_an_order(categories: dict[str, Category]) -> None:
    row = {
        "member_id": "s1",
        "name_en": "S1",
        "membership": "basic",
        "company_type": "trader",
        "main_category": "e-bike-kits",
    }
    assert why(send("sellers", {**row, "assessed_star": 6})) == [(1, "assessed_star")]
    dates = {"service_starts_on": "2022-07-02", "service_ends_on": "2022-07-01"}
    assert why(send("sellers", {**row, **dates})) == [(1, "service_ends_on")]
    assert not Seller.objects.exists()
    assert counts(send("sellers", {**row, "assessed_star": 5})) == (1, 0, 0, 0)


# --- Members ------------------------------------------------------------------------------------


@pytest.mark.rule("K-7")
def test_a_member_is_created_then_unchanged_then_updated(shop: Seller) -> None:
    assert counts(send("members", _member())) == (1, 0, 0, 0)
    assert _may_sign_in("li.wei", SECRET)
    before = User.objects.get().password
    assert counts(send("members", _member())) == (0, 0, 1, 0)
    assert User.objects.get().password == before
    for change in ({"role": "manager"}, {"email": "new@example.com"}, {"password": "another"}):
        assert counts(send("members", _member(**change))) == (0, 1, 0, 0)
        assert counts(send("members", _member(**change))) == (0, 0, 1, 0)
        send("members", _member())
    member = Member.everywhere.get()
    assert (member.seller, member.role, member.is_active) == (shop, "salesperson", True)
    assert not member.user.is_staff
    assert not member.user.is_superuser


@pytest.mark.rule("K-15")
def test_an_empty_or_absent_password_leaves_the_stored_one(shop: Seller) -> None:
    send("members", _member())
    assert counts(send("members", _member(password=""))) == (0, 0, 1, 0)
    assert counts(send("members", _member(password="   "))) == (0, 0, 1, 0)
    row = _member()
    del row["password"]
    assert counts(send("members", row)) == (0, 0, 1, 0)
    assert _may_sign_in("li.wei", SECRET)
    row = _member("zhang")
    del row["password"]
    send("members", row)
    assert not User.objects.get(username="zhang").has_usable_password()


@pytest.mark.rule("K-15")
def test_only_new_passwords_are_hashed(shop: Seller, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    original = kinds_people.make_password

    def make(password: str | None) -> str:
        if password is not None:
            hashed.append(password)
        return original(password)

    monkeypatch.setattr(kinds_people, "make_password", make)
    send("members", _member())
    send("members", _member(), _member("zhang"))
    assert len(hashed) == 2


@pytest.mark.rule("K-7")
def test_a_user_may_belong_to_several_shops(shop: Seller, other_shop: Seller) -> None:
    rows = [_member(), _member(seller="cn2002", role="owner")]
    assert counts(send("members", *rows)) == (2, 0, 0, 0)
    assert User.objects.count() == 1
    assert set(Member.everywhere.values_list("seller__member_id", "role")) == {
        ("cn1001", "salesperson"),
        ("cn2002", "owner"),
    }
    assert counts(send("members", *rows)) == (0, 0, 2, 0)


@pytest.mark.rule("K-7", "K-15")
def test_staff_never_become_members(shop: Seller, staff: User) -> None:
    before = staff.password
    report = send("members", _member("staff", password="taken over"), _member())
    assert counts(report) == (1, 0, 0, 1)
    assert why(report) == [(1, "username")]
    staff.refresh_from_db()
    assert staff.password == before
    assert not Member.everywhere.filter(user=staff).exists()


@pytest.mark.rule("K-7")
def test_a_member_an_owner_let_go_does_not_come_back_by_ingest(shop: Seller) -> None:
    send("members", _member())
    Member.everywhere.update(is_active=False)
    assert counts(send("members", _member())) == (0, 0, 1, 0)
    assert not Member.everywhere.get().is_active


@pytest.mark.rule("K-15")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "no address"}, "email"),
        ({"email": "Known@Example.com"}, "email"),
        ({"username": "with space"}, "username"),
        ({"username": "KNOWN", "email": ""}, "username"),
        ({"username": "x" * 151}, "username"),
        ({"username": ""}, "username"),
        ({"role": "boss"}, "role"),
        ({"seller": "cn9"}, "seller"),
        ({"password": "nul\x00"}, "password"),
    ],
)
def test_a_row_that_cannot_be_a_member_is_refused(
    shop: Seller, change: dict[str, str], field: str
) -> None:
    factories.user_create("known", email="known@example.com")
    report = send("members", _member(**change))
    assert why(report) == [(1, field)]
    assert SECRET.strip() not in report.rejections[0].message
    assert "nul" not in report.rejections[0].message
    assert User.objects.count() == 1


@pytest.mark.rule("K-15")
def test_one_user_cannot_be_given_two_passwords_or_two_users_one_address(
    shop: Seller, other_shop: Seller
) -> None:
    report = send(
        "members",
        _member(),
        _member(seller="cn2002", password="another"),
        _member("zhang", email="li.wei@example.com"),
        _member("Li.Wei", email=""),
    )
    assert why(report) == [(2, "password"), (3, "email"), (4, "username")]
    assert User.objects.count() == 1
