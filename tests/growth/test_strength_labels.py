"""Choosing strength labels: who may, which are available, and what becomes of them (GRO-16)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from rest_framework.test import APIClient

from growth.membership.strength_reading import strength_rules
from growth.membership.strength_schema import LABEL_CATEGORIES
from growth.models import StrengthLabel
from growth.services.strength_labels import strength_labels_choose
from portal import platform_time
from portal.choices import Membership, Role, SellerStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Seller
from portal.next_actions import next_actions_for
from portal.scoping import seller_scope, unscoped
from tests import factories
from tests.compliance.world import certificate_create
from tests.growth.rights_world import FREE, choose, numbers, strength, system

pytestmark = [pytest.mark.django_db, pytest.mark.rule("GRO-16"), pytest.mark.usefixtures("clock")]

API = "/api/v1/growth/strength-labels"
PAGE = "/growth/strength-labels/"


def kept(shop: Seller) -> list[str]:
    """The labels in the database, in order of place."""
    with unscoped():
        rows = StrengthLabel.objects.filter(seller=shop).order_by("place")
        return list(rows.values_list("label", flat=True))


def audited() -> int:
    """How many choices the audit trail tells of."""
    return LogEntry.objects.filter(additional_data__action="strength_labels.choose").count()


def available(shop: Seller) -> set[str]:
    """Keys of the labels the shop may choose."""
    return {label.entry.key for label in strength(shop).labels if label.available}


# --- The catalogue ------------------------------------------------------------------------------


def test_the_catalogue_has_every_category_in_both_languages() -> None:
    rules = strength_rules(platform_time.today())
    assert rules
    assert {entry.category for entry in rules.labels} == set(LABEL_CATEGORIES)
    assert all(entry.title_en and entry.title_zh for entry in rules.labels)
    assert all(entry.proof_zh for entry in rules.labels if entry.needs_proof)


def test_a_certificate_makes_its_label_available_and_no_other(shop: Seller) -> None:
    before = available(shop)
    assert {"bsci", "fsc", "quality-system", "patents", "odm"}.isdisjoint(before)
    system(shop, "bsci 2022")
    assert available(shop) - before == {"bsci"}
    certificate_create(seller=shop, type="patent", name="Hub motor", country="", category="")
    assert available(shop) - before == {"bsci", "patents"}


@pytest.mark.parametrize(
    ("years", "is_available"), [(9, False), ("9.99", False), (10, True), (17, True)]
)
def test_a_number_makes_its_label_available_from_its_target(
    shop: Seller, years: Any, is_available: bool
) -> None:
    numbers(shop, export_years=years)
    assert ("export-expert" in available(shop)) is is_available


# --- Choosing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "may"),
    [(Role.OWNER, True), (Role.MANAGER, True), (Role.SALESPERSON, False), (Role.VIEWER, False)],
)
def test_owner_and_managers_choose(shop: Seller, role: str, may: bool) -> None:
    member = factories.member_create(shop, role)
    client = factories.api_client(member.user)
    answer = client.put(API, {"labels": FREE}, format="json")
    assert answer.status_code == (200 if may else 403)
    assert kept(shop) == (FREE if may else [])
    assert audited() == int(may)


def test_the_order_of_the_choice_is_kept_and_again_is_nothing(
    shop: Seller, owner_api: APIClient
) -> None:
    answer = owner_api.put(API, {"labels": FREE[::-1]}, format="json").json()
    assert answer["chosen"] == answer["shown"] == FREE[::-1]
    owner_api.put(API, {"labels": FREE[::-1]}, format="json")
    assert (kept(shop), audited()) == (FREE[::-1], 1)
    assert owner_api.put(API, {"labels": FREE}, format="json").json()["chosen"] == FREE
    assert (kept(shop), audited()) == (FREE, 2)


@pytest.mark.parametrize(
    "labels", [[], FREE[:1], [FREE[0]] * 2, [*FREE, "process"], [FREE[0], "no-such"], [FREE[0], ""]]
)
def test_exactly_two_different_labels_of_the_catalogue(
    shop: Seller, owner: Member, owner_api: APIClient, labels: list[str]
) -> None:
    choose(owner, "process", "supply-chain")
    answer = owner_api.put(API, {"labels": labels}, format="json")
    assert answer.status_code == 400
    assert kept(shop) == ["process", "supply-chain"]


def test_a_label_without_its_proof_is_refused_with_what_it_asks_for(
    shop: Seller, owner: Member
) -> None:
    with pytest.raises(Refusal) as refused:
        choose(owner, FREE[0], "bsci")
    assert refused.value.code == "label_unavailable"
    assert "BSCI" in refused.value.fields[0][1]
    assert kept(shop) == []
    system(shop, "BSCI")
    assert choose(owner, FREE[0], "bsci") == [FREE[0], "bsci"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"membership": Membership.BASIC}, "not_verified"),
        ({"status": SellerStatus.CLOSED}, "shop_closed"),
    ],
)
def test_shops_without_the_right_are_refused(
    shop: Seller, owner: Member, change: dict, code: str
) -> None:
    Seller.objects.filter(pk=shop.pk).update(**change)
    with pytest.raises(Refusal) as refused:
        choose(owner, *FREE)
    assert (refused.value.code, kept(shop)) == (code, [])


def test_a_stale_choice_is_refused_and_the_same_one_is_not(shop: Seller, owner: Member) -> None:
    choose(owner, *FREE)
    with pytest.raises(Refusal) as refused:
        strength_labels_choose(member=owner, labels=["process", "supply-chain"], seen=[])
    assert (refused.value.code, kept(shop)) == ("stale", FREE)
    assert strength_labels_choose(member=owner, labels=FREE, seen=[]) == FREE, "a double click"


def test_nobody_chooses_for_another_shop(
    shop: Seller, owner: Member, stranger: Member, stranger_api: APIClient
) -> None:
    choose(owner, *FREE)
    assert stranger_api.get(API).json()["chosen"] == []
    stranger_api.put(API, {"labels": ["process", "supply-chain"]}, format="json")
    assert kept(shop) == FREE
    assert kept(stranger.seller) == ["process", "supply-chain"]


def test_an_inactive_member_chooses_nothing(shop: Seller, owner: Member) -> None:
    owner.is_active = False
    with pytest.raises(NotAllowed):
        choose(owner, *FREE)
    assert kept(shop) == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_choices_at_once_leave_one_of_them_whole(
    shop: Seller, owner: Member, at_once: Callable[..., list[object]]
) -> None:
    pairs = [FREE, ["process", "supply-chain"]]
    acts = [partial(strength_labels_choose, member=owner, labels=pair) for pair in pairs]
    results = at_once(acts)
    assert results == pairs
    assert kept(shop) in pairs


# --- Afterwards ---------------------------------------------------------------------------------


def test_a_label_whose_proof_ends_is_not_shown_any_more(
    shop: Seller, owner: Member, clock: Any, owner_client: Client
) -> None:
    ends = platform_time.now() + timedelta(days=1)
    system(shop, "BSCI", valid_until=ends)
    choose(owner, "bsci", FREE[0])
    assert [entry.key for entry in strength(shop).facts.labels] == ["bsci", FREE[0]]
    clock(ends.isoformat())
    found = strength(shop)
    assert ([entry.key for entry in found.facts.labels], found.lost) == ([FREE[0]], ["bsci"])
    assert not found.complete
    page = owner_client.get(PAGE).content.decode()
    assert "Buyers no longer see these labels" in page
    with pytest.raises(Refusal):
        choose(owner, "bsci", FREE[1])


def actions(member: Member) -> list[str]:
    """Titles of the next actions about labels."""
    with seller_scope(member.seller):
        found = next_actions_for(member.seller, member, platform_time.today())
    return [str(action.title) for action in found if "label" in str(action.title)]


def test_the_home_page_asks_for_labels_whom_they_concern(
    shop: Seller, owner: Member, colleague: Member, clock: Any
) -> None:
    ends = platform_time.now() + timedelta(days=1)
    system(shop, "BSCI", valid_until=ends)
    assert actions(owner) == ["Choose your two strength labels"]
    assert actions(colleague) == []
    choose(owner, "bsci", FREE[0])
    assert actions(owner) == []
    clock(ends.isoformat())
    assert actions(owner) == ["Choose other strength labels"]
    owner.seller.membership = Membership.BASIC
    assert actions(owner) == []


# --- The page -----------------------------------------------------------------------------------


def test_the_form_works_without_javascript(shop: Seller, owner_client: Client) -> None:
    assert owner_client.post(PAGE, {"labels": FREE, "seen": ""}).status_code == 302
    assert kept(shop) == FREE
    page = owner_client.get(PAGE).content.decode()
    assert f'value="{"|".join(FREE)}"' in page
    assert page.count(" checked") == 2


def test_three_ticks_come_back_with_the_message(shop: Seller, owner_client: Client) -> None:
    answer = owner_client.post(PAGE, {"labels": [*FREE, "process"], "seen": ""})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Choose exactly two different labels." in page
    assert page.count(" checked") == 3
    assert kept(shop) == []


def test_a_stale_form_shows_what_is_chosen_now(
    shop: Seller, owner: Member, owner_client: Client
) -> None:
    choose(owner, *FREE)
    answer = owner_client.post(PAGE, {"labels": ["process", "supply-chain"], "seen": ""})
    assert answer.status_code == 409
    assert "Somebody chose other labels meanwhile" in answer.content.decode()
    assert kept(shop) == FREE


def test_who_may_not_choose_reads_the_catalogue(shop: Seller, viewer_client: Client) -> None:
    page = viewer_client.get(PAGE).content.decode()
    assert "The owner and managers of the shop choose the labels." in page
    assert "Show these two" not in page
    assert viewer_client.post(PAGE, {"labels": FREE}).status_code == 403
    assert kept(shop) == []


def test_basic_sellers_see_the_catalogue_locked(shop: Seller, owner_client: Client) -> None:
    Seller.objects.filter(pk=shop.pk).update(membership=Membership.BASIC)
    assert "Strength labels are for Verified Suppliers." in owner_client.get(PAGE).content.decode()
    assert owner_client.post(PAGE, {"labels": FREE, "seen": ""}).status_code == 409
    assert kept(shop) == []


def test_unknown_labels_are_named(owner: Member) -> None:
    with pytest.raises(InvalidInput) as refused:
        choose(owner, FREE[0], "<b>")
    assert refused.value.fields == [("labels", "There is no label “<b>”.")]
