"""Asking to become verified: the form, the due time, the queue of staff (GRO-15)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from rest_framework.test import APIClient

from growth.models import UpgradeRequest
from growth.services.upgrade_requests import (
    upgrade_request_answer,
    upgrade_request_cancel,
    upgrade_request_make,
    upgrade_request_take,
)
from portal import platform_time
from portal.choices import Membership, RequestStatus, Role, SellerStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Notice, Seller, User
from portal.scoping import unscoped
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.rule("GRO-15"), pytest.mark.usefixtures("clock")]

API = "/api/v1/growth/upgrade-request"
PAGE = "/growth/rights/upgrade/"
QUEUE = "/admin/growth/upgraderequest/"
ASKED = {"contact": "Lin Yue", "phone": "+86 571 8502 2088", "wishes": "After 14:00, please"}


@pytest.fixture(autouse=True)
def _basic(shop: Seller) -> None:
    """The shop is a basic seller."""
    Seller.objects.filter(pk=shop.pk).update(membership=Membership.BASIC)
    shop.membership = Membership.BASIC


def make(member: Member, **over: str) -> UpgradeRequest:
    """Ask through the service."""
    return upgrade_request_make(member=member, **{**ASKED, **over})


def kept() -> int:
    """How many requests there are."""
    with unscoped():
        return int(UpgradeRequest.objects.count())


def status(request: UpgradeRequest) -> str:
    """The status in the database."""
    with unscoped():
        return str(UpgradeRequest.objects.get(pk=request.pk).status)


# --- Asking -------------------------------------------------------------------------------------


@pytest.mark.rule("K-4")
@pytest.mark.parametrize(
    ("asked", "due"),
    [
        # Wednesday 10:00 in China: through Friday, and Monday until 10:00.
        ("2022-08-03T10:00:00+08:00", "2022-08-08T10:00:00+08:00"),
        ("2022-08-03T08:00:00+08:00", "2022-08-05T18:00:00+08:00"),
        # Saturday: from Monday on.
        ("2022-08-06T12:00:00+08:00", "2022-08-10T18:00:00+08:00"),
        # The first week of October is off, its last Saturday and Sunday are worked.
        ("2022-09-30T18:00:00+08:00", "2022-10-10T18:00:00+08:00"),
    ],
)
def test_staff_have_three_working_days(owner: Member, clock: Any, asked: str, due: str) -> None:
    clock(asked)
    request = make(owner)
    assert request.due_at == platform_time.parse_instant(due)
    assert request.status == RequestStatus.NEW


def test_only_the_owner_asks(shop: Seller, owner: Member) -> None:
    for role in (Role.MANAGER, Role.SALESPERSON, Role.VIEWER):
        member = factories.member_create(shop, role)
        with pytest.raises(NotAllowed):
            make(member)
        client = factories.api_client(member.user)
        assert client.post(API, ASKED, format="json").status_code == 403
    assert kept() == 0


def test_one_request_is_open_at_a_time(owner: Member, owner_api: APIClient) -> None:
    assert owner_api.post(API, ASKED, format="json").status_code == 201
    again = owner_api.post(API, ASKED, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "already_requested")
    assert kept() == 1
    owner_api.post(f"{API}/cancel")
    assert owner_api.post(API, ASKED, format="json").status_code == 201
    assert kept() == 2


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"contact": "  "}, "contact"),
        ({"contact": "x" * 81}, "contact"),
        ({"contact": "a\x00b"}, "contact"),
        ({"phone": ""}, "phone"),
        ({"phone": "1234"}, "phone"),
        ({"phone": "call me"}, "phone"),
        ({"phone": "1" * 41}, "phone"),
        ({"wishes": "x" * 1001}, "wishes"),
    ],
)
def test_a_form_with_a_mistake_keeps_nothing(
    owner: Member, owner_client: Client, over: dict, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        make(owner, **over)
    assert [name for name, _text in refused.value.fields] == [field]
    answer = owner_client.post(PAGE, {**ASKED, **over})
    assert answer.status_code == 400
    assert f'id="{field}-problem"' in answer.content.decode()
    assert kept() == 0


@pytest.mark.parametrize(
    "phone", ["12345", "(0571) 8502-2088", "+86 138.0013.8000", "85022088 x12"]
)
def test_numbers_are_taken_as_people_write_them(owner: Member, phone: str) -> None:
    assert make(owner, phone=f" {phone} ").phone == phone


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"membership": Membership.VERIFIED}, "already_verified"),
        ({"status": SellerStatus.CLOSED}, "shop_closed"),
    ],
)
def test_who_has_nothing_to_ask_for_is_refused(
    shop: Seller, owner: Member, change: dict, code: str
) -> None:
    Seller.objects.filter(pk=shop.pk).update(**change)
    with pytest.raises(Refusal) as refused:
        make(owner)
    assert (refused.value.code, kept()) == (code, 0)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_ten_clicks_at_once_are_one_request(
    owner: Member, at_once: Callable[..., list[object]]
) -> None:
    results = at_once([partial(make, owner) for _click in range(10)])
    refused = [one.code for one in results if isinstance(one, Refusal)]
    assert (kept(), refused) == (1, ["already_requested"] * 9)


# --- Taking back --------------------------------------------------------------------------------


def test_a_request_is_taken_back_until_staff_begin(owner: Member, staff: User) -> None:
    first = make(owner)
    assert upgrade_request_cancel(member=owner, request=first).status == RequestStatus.CANCELLED
    second = make(owner)
    upgrade_request_take(actor=staff, request=second)
    with pytest.raises(Refusal) as refused:
        upgrade_request_cancel(member=owner, request=second)
    assert (refused.value.code, status(second)) == ("not_open", RequestStatus.IN_PROGRESS)


def test_a_stranger_finds_no_request(
    owner: Member, stranger_client: Client, stranger_api: APIClient
) -> None:
    request = make(owner)
    assert stranger_client.post(f"/growth/rights/upgrade/{request.pk}/cancel/").status_code == 404
    assert stranger_api.get(API).status_code == 404
    assert stranger_api.post(f"{API}/cancel").status_code == 404
    assert status(request) == RequestStatus.NEW


def test_the_page_leads_from_asking_to_taking_back(owner_client: Client, owner: Member) -> None:
    form = owner_client.get(PAGE).content.decode()
    assert "Ask for a call" in form
    assert owner_client.post(PAGE, ASKED).status_code == 302
    page = owner_client.get("/growth/rights/").content.decode()
    assert "Your request to become verified" in page
    assert "Lin Yue" in page
    assert 'href="/growth/rights/upgrade/"' not in page, "one is open"
    assert owner_client.get(PAGE).status_code == 302
    with unscoped():
        request = UpgradeRequest.objects.get()
    owner_client.post(f"/growth/rights/upgrade/{request.pk}/cancel/")
    assert status(request) == RequestStatus.CANCELLED
    assert 'href="/growth/rights/upgrade/"' in owner_client.get("/growth/rights/").content.decode()


def test_others_do_not_see_the_form(colleague_client: Client, viewer_client: Client) -> None:
    for client in (colleague_client, viewer_client):
        assert client.get(PAGE).status_code == 403
        assert client.post(PAGE, ASKED).status_code == 403
    assert kept() == 0


# --- Staff --------------------------------------------------------------------------------------


def told(member: Member) -> list[str]:
    """Kinds and statuses of the notices a member got."""
    with unscoped():
        rows = Notice.objects.filter(user=member.user, kind="upgrade_answered").order_by("pk")
        return [row.params["status"]["en"] for row in rows]


def test_every_step_of_staff_is_told_to_the_owner(
    shop: Seller, owner: Member, colleague: Member, staff: User, clock: Any
) -> None:
    request = make(owner)
    upgrade_request_take(actor=staff, request=request)
    answer = upgrade_request_answer(actor=staff, request=request, answer="Papers, please")
    assert (answer.status, answer.handled_by) == (RequestStatus.IN_PROGRESS, staff)
    upgrade_request_answer(
        actor=staff, request=request, answer="Welcome", status=RequestStatus.DONE
    )
    assert told(owner) == ["In progress", "In progress", "Done"]
    assert told(colleague) == []
    rows = LogEntry.objects.get_for_object(request).order_by("pk")
    assert [row.additional_data["action"] for row in rows] == [
        "upgrade_request.make", "upgrade_request.take", "upgrade_request.answer", "upgrade_request.answer",
    ]  # fmt: skip
    assert not any(ASKED["phone"] in str(row.changes) for row in rows)


@pytest.mark.parametrize("over", [RequestStatus.DONE, RequestStatus.CANCELLED])
def test_what_is_over_stays(owner: Member, staff: User, over: str) -> None:
    request = make(owner)
    upgrade_request_answer(actor=staff, request=request, answer="Over", status=over)
    for act in (
        partial(upgrade_request_take, actor=staff, request=request),
        partial(upgrade_request_answer, actor=staff, request=request, answer="More"),
        partial(upgrade_request_cancel, member=owner, request=request),
    ):
        with pytest.raises(Refusal) as refused:
            act()
        assert refused.value.code == "not_open"
    with unscoped():
        kept = UpgradeRequest.objects.get(pk=request.pk)
    assert (kept.status, kept.answer, len(told(owner))) == (over, "Over", 1)


@pytest.mark.parametrize(
    ("answer", "to", "field"),
    [
        ("", RequestStatus.DONE, "answer"),
        ("Yes", RequestStatus.NEW, "status"),
        ("Yes", "x", "status"),
    ],
)
def test_an_answer_says_something_and_leads_on(
    owner: Member, staff: User, answer: str, to: str, field: str
) -> None:
    request = make(owner)
    with pytest.raises(InvalidInput) as refused:
        upgrade_request_answer(actor=staff, request=request, answer=answer, status=to)
    assert [name for name, _text in refused.value.fields] == [field]
    assert (status(request), told(owner)) == (RequestStatus.NEW, [])


def test_two_of_staff_do_not_take_the_same_request(owner: Member, staff: User) -> None:
    request = make(owner)
    upgrade_request_take(actor=staff, request=request)
    other = factories.user_create("second", is_staff=True, is_superuser=True)
    with pytest.raises(Refusal):
        upgrade_request_take(actor=other, request=request)
    with unscoped():
        assert UpgradeRequest.objects.get().handled_by == staff


def test_people_of_shops_do_not_answer(owner: Member, shop: Seller) -> None:
    request = make(owner)
    with pytest.raises(NotAllowed):
        upgrade_request_take(actor=owner.user, request=request)
    assert status(request) == RequestStatus.NEW


def test_the_queue_shows_what_is_due_first_and_what_is_late(
    owner: Member, stranger: Member, staff_client: Client, clock: Any
) -> None:
    Seller.objects.update(membership=Membership.BASIC)
    late = make(owner)
    clock.advance(days=2)
    make(stranger, contact="Second")
    assert "Requests to become verified" in staff_client.get("/admin/").content.decode()
    clock((late.due_at + timedelta(seconds=1)).isoformat())
    everything = staff_client.get(QUEUE, {"waiting": "yes"}).content.decode()
    assert 0 < everything.index("Lin Yue") < everything.index("Second")
    late_ones = staff_client.get(QUEUE, {"waiting": "late"}).content.decode()
    assert "Lin Yue" in late_ones
    assert "Second" not in late_ones
    clock(late.due_at.isoformat())
    assert "Lin Yue" not in staff_client.get(QUEUE, {"waiting": "late"}).content.decode()


def test_staff_answer_in_the_admin(owner: Member, staff_client: Client) -> None:
    request = make(owner)
    page = f"{QUEUE}{request.pk}/change/"
    refused = staff_client.post(page, {"decision": "done", "answer": ""})
    assert "Write what the shop is told." in refused.content.decode()
    assert status(request) == RequestStatus.NEW
    assert staff_client.post(page, {"decision": "done", "answer": "Welcome"}).status_code == 302
    assert (status(request), told(owner)) == (RequestStatus.DONE, ["Done"])
    assert 'name="decision"' not in staff_client.get(page).content.decode()


def test_staff_keep_second_companies_in_the_admin(shop: Seller, staff_client: Client) -> None:
    page = "/admin/growth/affiliatedcompany/add/"
    fields = {
        "seller": shop.pk, "name": "Works Ltd", "shares": "49.99", "concert_shares": "",
        "floor_area": 300, "qc_staff": 0, "rd_staff": 0, "employees": 12,
    }  # fmt: skip
    refused = staff_client.post(page, fields | {"shares": "100.01"})
    assert refused.status_code == 200
    assert "less than or equal to 100" in refused.content.decode()
    assert staff_client.post(page, fields).status_code == 302
    with unscoped():
        assert str(shop.affiliate.shares) == "49.99"  # type: ignore[attr-defined]
