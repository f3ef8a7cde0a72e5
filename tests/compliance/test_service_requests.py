"""Registration services: the price table, asking, staff's answer (EPR-10)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from django.urls import reverse

from compliance.models import ServiceRequest
from compliance.services.obligations import (
    service_request_answer,
    service_request_cancel,
    service_request_make,
    service_request_take,
)
from compliance.services.service_requests import service_rules
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Notice, Seller, User
from portal.scoping import unscoped
from tests.compliance.world import certificate_create, product_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-10")]

API = "/api/v1/compliance/"
OFFERED = date(2022, 11, 24)


@pytest.fixture(autouse=True)
def _offered(clock: Any) -> None:
    clock.noon(OFFERED)


def ask(member: Member, offer: str = "de-packaging", **over: Any) -> ServiceRequest:
    return service_request_make(member=member, offer=offer, **over)


def stored() -> list[tuple[str, str]]:
    with unscoped():
        return list(ServiceRequest.objects.order_by("pk").values_list("offer", "status"))


def test_the_whole_price_table_of_november() -> None:
    rules = service_rules(OFFERED)
    assert rules is not None
    table = [
        (one.country, one.category.value, one.price_cny, one.minimum_fee_eur)
        for one in rules.offers
    ]
    assert table == [
        ("DE", "packaging", 550, 25),
        ("DE", "packaging", 1100, 50),
        ("DE", "electrical", 3699, None),
        ("DE", "battery", 3499, None),
        ("DE", "electrical", 1500, None),
        ("DE", "battery", 1500, None),
        ("FR", "packaging", 960, 80),
        ("FR", "packaging", 1554, 150),
        ("FR", "packaging", 2514, 230),
        ("FR", "electrical", 699, None),
        ("FR", "battery", 699, None),
        ("FR", "tyre", 699, None),
        ("FR", "furniture", 699, None),
        ("FR", "paper", 699, None),
        ("FR", "textile", 699, None),
    ]


@pytest.mark.parametrize(
    ("day", "offer", "code"),
    [
        (date(2022, 11, 9), "de-packaging", "not_offered"),
        (date(2022, 11, 10), "de-packaging", None),
        (date(2022, 11, 30), "fr-packaging-2022", None),
        (date(2022, 12, 1), "fr-packaging-2022", "not_offered"),
        (date(2022, 12, 1), "fr-packaging-2023", None),
        (date(2022, 12, 1), "it-packaging", "invalid"),
    ],
)
def test_offers_have_their_days(
    owner: Member, clock: Any, day: date, offer: str, code: str | None
) -> None:
    clock.noon(day)
    if code is None:
        assert ask(owner, offer).status == "new"
    else:
        with pytest.raises(Refusal) as refused:
            ask(owner, offer)
        assert refused.value.code == code
        assert stored() == []


def test_offer_and_price_are_copied_and_asked_once(
    owner: Member, stranger: Member, colleague: Member
) -> None:
    made = ask(owner, "de-electrical", note=" Two brands ")
    assert (made.title_en, made.title_zh) == ("Electrical equipment (WEEE)", "WEEE")
    assert (made.price_cny, made.note, made.asked_by) == (Decimal(3699), "Two brands", owner.user)
    with pytest.raises(Refusal) as refused:
        ask(owner, "de-electrical")
    assert refused.value.code == "already_requested"
    with pytest.raises(NotAllowed):
        ask(colleague)
    with pytest.raises(InvalidInput):
        ask(owner, note="x" * 2001)
    assert stored() == [("de-electrical", "new")]
    ask(stranger, "de-electrical")
    assert len(stored()) == 2


def test_staff_take_answer_and_finish(owner: Member, colleague: Member, staff: User) -> None:
    request = ask(owner)
    with pytest.raises(NotAllowed):
        service_request_take(actor=owner.user, request=request)
    service_request_take(actor=staff, request=request)
    # A second one of staff, and the shop itself, come too late.
    with pytest.raises(Refusal):
        service_request_take(actor=staff, request=request)
    with pytest.raises(Refusal):
        service_request_cancel(member=owner, request=request)
    with pytest.raises(InvalidInput):
        service_request_answer(actor=staff, request=request, answer="  ")
    service_request_answer(actor=staff, request=request, answer="Please send the brand list.")
    done = service_request_answer(
        actor=staff, request=request, answer="Registered: DE…", status="done"
    )
    assert (done.status, done.answered_by, done.answer) == ("done", staff, "Registered: DE…")
    with pytest.raises(Refusal) as refused:
        service_request_answer(actor=staff, request=request, answer="Again", status="done")
    assert refused.value.code == "not_open"
    with unscoped():
        notices = list(Notice.objects.filter(kind="service_answered").order_by("pk"))
    assert [(one.user, one.title) for one in notices] == [
        (owner.user, "Your request “Packaging, 2022 or 2023”: In progress"),
        (owner.user, "Your request “Packaging, 2022 or 2023”: Done"),
    ]
    actions = LogEntry.objects.filter(additional_data__action__startswith="service_request")
    assert [row.additional_data["action"].partition(".")[2] for row in actions.order_by("pk")] == [
        "make",
        "take",
        "answer",
        "answer",
    ]
    # What is over can be asked for again.
    assert ask(owner).status == "new"


def test_the_shop_takes_back_what_nobody_began(owner: Member, stranger: Member) -> None:
    request = ask(owner)
    with pytest.raises(Refusal):
        service_request_cancel(member=stranger, request=request)
    assert stored() == [("de-packaging", "new")]
    service_request_cancel(member=owner, request=request)
    assert stored() == [("de-packaging", "cancelled")]


# --- Pages --------------------------------------------------------------------------------------


def test_what_the_shop_lacks_comes_first(
    shop: Seller, owner_client: Client, categories: Any
) -> None:
    product_create(seller=shop, countries=("FR",), epr_traits=["packaging", "textile"])
    certificate_create(seller=shop, country="FR", category="packaging")
    page = owner_client.get(reverse("compliance:services"))
    groups = page.context["groups"]
    assert [group.country for group in groups] == ["FR", "DE"]
    assert [(line.offer.code, line.is_needed) for line in groups[0].lines][:2] == [
        ("fr-textile", True),
        ("fr-packaging-2022", False),
    ]
    text = " ".join(page.content.decode().split())
    for words in ("CN¥2,514", "minimum fee of €230 included", "Prices may change", "Dec 1, 2022"):
        assert words in text


def test_before_the_first_day_the_page_says_from_when(owner_client: Client, clock: Any) -> None:
    clock.noon(date(2022, 11, 9))
    page = owner_client.get(reverse("compliance:services")).content.decode()
    assert "Registration services start on" in page
    assert "Nov 10, 2022" in page
    assert "CN¥" not in page
    url = reverse("compliance:service-request", args=["de-packaging"])
    assert owner_client.get(url).status_code == 404


def test_asking_on_the_page_is_confirmed(
    owner: Member, owner_client: Client, colleague_client: Client
) -> None:
    url = reverse("compliance:service-request", args=["fr-tyre"])
    assert colleague_client.get(url).status_code == 403
    assert "CN¥699" in owner_client.get(url).content.decode()
    assert stored() == []
    long = owner_client.post(url, {"note": "y" * 2001})
    assert (long.status_code, "y" * 100 in long.content.decode(), stored()) == (400, True, [])
    for _click in range(2):
        owner_client.post(url, {"note": "Winter tyres"})
    assert stored() == [("fr-tyre", "new")]
    page = owner_client.get(reverse("compliance:services")).content.decode()
    assert "Winter tyres" in page
    with unscoped():
        request = ServiceRequest.objects.get()
    owner_client.post(reverse("compliance:service-request-cancel", args=[request.pk]))
    assert stored() == [("fr-tyre", "cancelled")]


def test_staff_work_in_the_admin(owner: Member, staff_client: Client) -> None:
    request = ask(owner, note="Soon, please")
    assert "Soon, please" in staff_client.get(
        reverse("admin:compliance_servicerequest_change", args=[request.pk])
    ).content.decode()  # fmt: skip
    queue = staff_client.get(
        reverse("admin:compliance_servicerequest_changelist"), {"waiting": "yes"}
    )
    assert queue.context["cl"].result_count == 1
    url = reverse("admin:compliance_servicerequest_change", args=[request.pk])
    refused = staff_client.post(url, {"decision": "done", "answer": ""})
    assert refused.status_code == 200
    assert stored() == [("de-packaging", "new")]
    staff_client.post(url, {"decision": "take", "answer": ""})
    assert stored() == [("de-packaging", "in_progress")]
    staff_client.post(url, {"decision": "done", "answer": "Registered."})
    assert stored() == [("de-packaging", "done")]
    late = staff_client.post(url, {"decision": "take", "answer": ""}, follow=True)
    assert "It has been decided meanwhile" in late.content.decode()
    assert stored() == [("de-packaging", "done")]


# --- API ----------------------------------------------------------------------------------------


def test_services_over_the_api(
    shop: Seller, owner_api: Any, colleague_api: Any, stranger_api: Any, categories: Any, clock: Any
) -> None:
    product_create(seller=shop, countries=("DE",), epr_traits=["battery"])
    answer = colleague_api.get(f"{API}services").json()
    rows = {row["code"]: row for row in answer["results"]}
    assert (len(rows), answer["starts_on"]) == (15, None)
    assert rows["de-packaging"]["minimum_fee_eur"] == "25.00"
    assert [code for code, row in rows.items() if row["needed"]] == ["de-battery"]
    url = f"{API}service-requests"
    assert colleague_api.post(url, {"offer": "de-battery"}).status_code == 403
    made = owner_api.post(url, {"offer": "de-battery", "note": "1 brand"})
    assert (made.status_code, made.json()["price_cny"], made.json()["status"]) == (
        201,
        "3499.00",
        "new",
    )
    again = owner_api.post(url, {"offer": "de-battery"})
    assert (again.status_code, again.json()["code"]) == (409, "already_requested")
    unknown = owner_api.post(url, {"offer": "nothing"})
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (400, "offer")
    assert [row["offer"] for row in colleague_api.get(url).json()["results"]] == ["de-battery"]
    assert stranger_api.get(url).json()["results"] == []
    cancel = f"{url}/{made.json()['id']}/cancel"
    assert stranger_api.post(cancel).status_code == 404
    assert owner_api.post(cancel).json()["status"] == "cancelled"
    clock.noon(date(2022, 11, 9))
    before = owner_api.get(f"{API}services").json()
    assert (before["results"], before["starts_on"]) == ([], "2022-11-10")
    assert owner_api.post(url, {"offer": "de-battery"}).json()["code"] == "not_offered"
