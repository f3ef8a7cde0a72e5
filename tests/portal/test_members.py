"""Members of a shop: only owners manage them, and one owner always stays (K-7, K-9)."""

from __future__ import annotations

import re

import pytest
from auditlog.models import LogEntry
from django.core import mail
from django.test import Client
from django.urls import reverse

from portal.choices import Role
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Seller, User
from portal.services.members import member_change_role, member_deactivate, member_invite
from tests import factories

pytestmark = [pytest.mark.rule("K-7"), pytest.mark.django_db]


def people() -> list[tuple]:
    return list(Member.everywhere.order_by("pk").values_list("user__username", "role", "is_active"))


def invite(owner: Member, **changes: str) -> Member:
    fields = {"email": "new@example.com", "username": "newcomer", "role": Role.SALESPERSON}
    return member_invite(actor=owner.user, seller=owner.seller, **{**fields, **changes})


def actions(member: Member) -> list[str]:
    entries = LogEntry.objects.get_for_object(member).order_by("pk")
    return [entry.additional_data["action"] for entry in entries]


@pytest.mark.rule("K-9")
def test_an_invited_person_chooses_a_password_by_mail_and_signs_in(
    owner: Member, django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        member = invite(owner)
    assert not member.user.has_usable_password()
    (message,) = mail.outbox
    assert message.to == ["new@example.com"]
    link = re.search(r"http://127\.0\.0\.1:8000(/accounts/password/reset/key/\S+)", message.body)
    assert link is not None
    browser = Client()
    form = browser.get(link[1], follow=True)
    address = form.redirect_chain[-1][0]
    browser.post(address, {"password1": "a long new secret", "password2": "a long new secret"})
    assert Client().login(username="newcomer", password="a long new secret")
    assert actions(member) == ["member.invite"]


@pytest.mark.parametrize("role", [Role.MANAGER, Role.SALESPERSON, Role.VIEWER])
def test_only_an_owner_of_this_shop_invites(shop: Seller, owner: Member, role: str) -> None:
    other = factories.member_create(shop, role)
    before = people()
    with pytest.raises(NotAllowed):
        invite(other)
    assert people() == before
    assert not User.objects.filter(username="newcomer").exists()


def test_the_owner_of_another_shop_is_nobody_here(owner: Member, stranger: Member) -> None:
    before = people()
    for call in (
        lambda: member_invite(
            actor=stranger.user, seller=owner.seller, email="x@e.com", username="x", role="owner"
        ),
        lambda: member_change_role(actor=stranger.user, member=owner, role=Role.VIEWER),
        lambda: member_deactivate(actor=stranger.user, member=owner),
    ):
        with pytest.raises(NotAllowed):
            call()
    assert people() == before


def test_a_former_owner_manages_nobody(shop: Seller, owner: Member, colleague: Member) -> None:
    former = factories.member_create(shop, Role.OWNER)
    member_deactivate(actor=owner.user, member=former)
    with pytest.raises(NotAllowed):
        member_deactivate(actor=former.user, member=colleague)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"role": "emperor"}, "role"),
        ({"email": ""}, "email"),
        ({"email": "not an address"}, "email"),
        ({"username": ""}, "username"),
        ({"username": "with space"}, "username"),
    ],
)
def test_a_wrong_invitation_names_the_field(owner: Member, changes: dict, field: str) -> None:
    before = people()
    with pytest.raises(InvalidInput) as refusal:
        invite(owner, **changes)
    assert [name for name, _text in refusal.value.fields] == [field]
    assert people() == before
    assert User.objects.count() == 1


@pytest.mark.rule("K-8")
def test_somebody_elses_name_or_address_cannot_be_told_apart(
    owner: Member, stranger: Member
) -> None:
    texts = set()
    for changes in ({"username": "Stranger"}, {"email": "STRANGER@example.com"}):
        with pytest.raises(Refusal) as refusal:
            invite(owner, **changes)
        assert refusal.value.code == "taken"
        texts.add(str(refusal.value))
    assert len(texts) == 1
    assert User.objects.count() == 2


def test_the_last_owner_is_neither_demoted_nor_let_go(owner: Member, colleague: Member) -> None:
    before = people()
    for call in (
        lambda: member_change_role(actor=owner.user, member=owner, role=Role.MANAGER),
        lambda: member_deactivate(actor=owner.user, member=owner),
    ):
        with pytest.raises(Refusal) as refusal:
            call()
        assert refusal.value.code == "last_owner"
    assert people() == before
    member_change_role(actor=owner.user, member=colleague, role=Role.OWNER)
    member_change_role(actor=owner.user, member=owner, role=Role.MANAGER)
    assert people() == [("owner", "manager", True), ("colleague", "owner", True)]


def test_an_owner_who_cannot_sign_in_does_not_count(shop: Seller, owner: Member) -> None:
    second = factories.member_create(shop, Role.OWNER)
    User.objects.filter(pk=second.user_id).update(is_active=False)
    with pytest.raises(Refusal):
        member_deactivate(actor=owner.user, member=owner)


def test_letting_go_and_returning_are_audited(owner: Member, colleague: Member) -> None:
    member_deactivate(actor=owner.user, member=colleague)
    with pytest.raises(Refusal) as refusal:
        member_deactivate(actor=owner.user, member=colleague)
    assert refusal.value.code == "not_active"
    invite(owner, username="colleague", email="colleague@example.com", role=Role.VIEWER)
    assert people()[1] == ("colleague", "viewer", True)
    assert actions(colleague) == ["member.deactivate", "member.return"]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_owners_cannot_let_each_other_go_at_once(
    shop: Seller, owner: Member, at_once: object
) -> None:
    second = factories.member_create(shop, Role.OWNER)
    results = at_once(  # type: ignore[operator]
        [
            lambda: member_deactivate(actor=owner.user, member=second),
            lambda: member_deactivate(actor=second.user, member=owner),
        ]
    )
    assert sum(isinstance(result, Member) for result in results) == 1
    assert Member.everywhere.filter(role=Role.OWNER, is_active=True).count() == 1


@pytest.mark.django_db
@pytest.mark.rule("K-9")
@pytest.mark.parametrize(("username", "lands_on"), [("staff", "/admin/"), ("owner", "/")])
def test_everybody_lands_on_their_own_front_page(
    client: Client, owner: Member, staff: User, username: str, lands_on: str
) -> None:
    answer = client.post(
        reverse("account_login"), {"login": username, "password": factories.PASSWORD}
    )
    assert (answer.status_code, answer["Location"]) == (302, lands_on)
