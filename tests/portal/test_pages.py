"""The kernel's pages: who sees them and what people do there (K-7, K-8, K-17, K-18)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.choices import Role
from portal.models import (
    BulletinQuestion,
    BulletinRead,
    Member,
    NoticePreference,
    Seller,
    User,
)
from portal.scoping import unscoped
from tests.portal.page_rows import (
    EVERYBODY,
    NOW,
    bulletin_create,
    notice_create,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon(clock: Any) -> None:
    """Every test happens at noon of 2022-08-03 (Pacific)."""


# --- Who sees what ------------------------------------------------------------------------------


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
