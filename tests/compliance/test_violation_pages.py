"""The shop's pages and the API of violations and appeals, the public list, what to do next (CMP-6, CMP-8)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from compliance.models import Appeal, Violation
from compliance.services.violations import (
    appeal_decide,
    violation_overturn,
    violation_publish,
)
from portal import platform_time
from portal.errors import Refusal
from portal.models import Member, Seller, StoredFile, User
from portal.next_actions import next_actions_for
from portal.scoping import seller_scope, unscoped
from portal.services.files import file_url, files_sweep
from tests.compliance.penalty_world import (
    CONTACT,
    DRUGS,
    GOODS,
    PHONES,
    REFUSING,
    STATEMENT,
    confirm,
)
from tests.compliance.world import upload

pytestmark = [pytest.mark.django_db, pytest.mark.rule("CMP-8")]


@pytest.fixture(autouse=True)
def _world(clock: Any, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


# --- Pages ---------------------------------------------------------------------------------------


def address(violation: Violation) -> str:
    return reverse("compliance:violation", args=[violation.pk])


def test_nothing_typed_and_no_good_file_is_lost_when_one_is_refused(
    owner_client: Client, owner: Member, violation: Violation
) -> None:
    bad = SimpleUploadedFile("chat.pdf", b"no pdf at all")
    sent = {"reason": "impossible", "text": STATEMENT, "files": [upload("order.png"), bad]}
    page = owner_client.post(address(violation), sent)
    text = page.content.decode()
    assert page.status_code == 400
    assert STATEMENT in text
    assert 'value="impossible" checked' in text
    assert "order.png" in text
    with unscoped():
        (kept,) = StoredFile.objects.all()
        assert (kept.purpose, Appeal.objects.count()) == ("appeal_pending", 0)
    done = owner_client.post(
        address(violation), {"reason": "impossible", "text": STATEMENT, "kept": [kept.token]}
    )
    assert done.status_code == 302
    with unscoped():
        assert [one.file for one in Appeal.objects.get().files.all()] == [kept]
    kept.refresh_from_db()
    assert kept.purpose == "appeal"


def test_what_was_never_sent_is_swept_after_a_day(
    owner_client: Client, violation: Violation, clock: Any
) -> None:
    owner_client.post(address(violation), {"files": [upload()]})
    assert files_sweep() == 0
    clock.advance(days=1, minutes=1)
    assert files_sweep() == 1
    with unscoped():
        assert not StoredFile.objects.exists()


def test_a_pending_file_is_its_uploaders_alone(
    owner_client: Client, owner: Member, violation: Violation, stranger_client: Client, staff: User
) -> None:
    owner_client.post(address(violation), {"files": [upload("order.png")]})
    with unscoped():
        token = StoredFile.objects.get().token
    theirs = confirm(staff, Member.everywhere.get(user__username="stranger").seller, PHONES)
    sent = {"reason": "other", "text": STATEMENT, "kept": [token]}
    refused = stranger_client.post(address(theirs), sent)
    assert refused.status_code == 400
    assert "order.png" not in refused.content.decode()
    with unscoped():
        assert not Appeal.objects.exists()
        assert StoredFile.objects.get().purpose == "appeal_pending"


def test_no_appeal_goes_without_a_file_the_page_said_was_kept(
    owner_client: Client, violation: Violation, clock: Any
) -> None:
    owner_client.post(address(violation), {"files": [upload("order.png")]})
    with unscoped():
        token = StoredFile.objects.get().token
    clock.advance(days=1, minutes=1)
    files_sweep()
    sent = {"reason": "other", "text": STATEMENT, "kept": [token]}
    page = owner_client.post(address(violation), sent)
    assert page.status_code == 400
    assert "not there any more" in page.content.decode()
    assert STATEMENT in page.content.decode()
    assert owner_client.post(address(violation), {**sent, "kept": []}).status_code == 302


def test_a_second_click_says_that_the_appeal_was_sent(
    owner_client: Client, violation: Violation
) -> None:
    sent = {"reason": "other", "text": f"First.\r\n{STATEMENT}\r\n"}
    for _click in range(2):
        page = owner_client.post(address(violation), sent, follow=True)
        assert [str(one) for one in page.context["messages"]] == [
            "Your appeal was sent. You are told when it is decided."
        ]
    with unscoped():
        assert Appeal.objects.get().text == f"First.\n{STATEMENT}"
    other = owner_client.post(address(violation), {**sent, "text": "Something else."}, follow=True)
    assert "has appealed against this penalty already" in other.content.decode()


def test_a_statement_as_long_as_the_page_lets_it_be_is_taken(
    owner_client: Client, violation: Violation
) -> None:
    longest = "\n".join(["x" * 39] * 100)  # 3,999 characters; the form sends 99 more
    sent = {"reason": "other", "text": longest.replace("\n", "\r\n") + "x"}
    assert (
        owner_client.post(address(violation), {**sent, "text": sent["text"] + "x"}).status_code
        == 400
    )
    assert owner_client.post(address(violation), sent).status_code == 302


def test_others_read_but_do_not_appeal(
    colleague_client: Client, stranger_client: Client, violation: Violation
) -> None:
    page = colleague_client.get(address(violation)).content.decode()
    assert "Only the owner of the shop can appeal" in page
    assert "<textarea" not in page
    sent = {"reason": "other", "text": STATEMENT}
    assert colleague_client.post(address(violation), sent).status_code == 403
    assert stranger_client.get(address(violation)).status_code == 404
    assert stranger_client.post(address(violation), sent).status_code == 404


def test_people_of_a_closed_shop_see_why_and_appeal(
    owner: Member, owner_client: Client, stranger_client: Client, officer: User
) -> None:
    closing = confirm(officer, owner.seller, DRUGS, files=[upload("shelf.png")])
    assert owner_client.get(reverse("portal:home")).status_code == 302
    way_out = owner_client.get(reverse("portal:no-shop")).content.decode()
    here = reverse("compliance:closed-violations", args=[owner.seller.member_id])
    assert here in way_out
    # The link of the notice leads there as well.
    case = owner_client.get(address(closing), follow=True)
    assert case.redirect_chain[-1][0] == f"{here}{closing.pk}/"
    listed = owner_client.get(here).content.decode()
    assert "is closed" in listed
    assert reverse("compliance:traits") not in listed
    with unscoped():
        url = file_url(closing.files.get().file)
    assert owner_client.get(url).status_code == 200
    assert stranger_client.get(url).status_code == 404
    assert stranger_client.get(here).status_code == 404
    sent = {"reason": "other", "text": STATEMENT}
    assert owner_client.post(f"{here}{closing.pk}/", sent).status_code == 302
    with unscoped():
        made = Appeal.objects.get()
    appeal_decide(actor=officer, appeal=made, overturn=True, answer="You are right.")
    back = owner_client.get(here)
    assert (back.status_code, back["Location"]) == (302, reverse("compliance:violations"))


def test_the_list_costs_the_same_with_one_violation_and_with_many(
    owner_client: Client, shop: Seller, staff: User, django_assert_max_num_queries: Any
) -> None:
    def queries() -> int:
        with django_assert_max_num_queries(60) as captured:
            assert owner_client.get(reverse("compliance:violations")).status_code == 200
        return len(captured)

    confirm(staff, shop, CONTACT, files=[upload()])
    queries()
    few = queries()
    for _time in range(5):
        confirm(staff, shop, REFUSING, files=[upload()])
    assert queries() == few


@pytest.mark.rule("CMP-6")
def test_the_page_says_what_counts_what_runs_out_and_what_comes_next(
    owner_client: Client, shop: Seller, staff: User
) -> None:
    confirm(staff, shop, PHONES)
    page = owner_client.get(reverse("compliance:violations")).content.decode()
    assert "42 more points close the shop" in page
    assert "Aug 3, 2023 12:00 Pacific" in page
    assert "from the 2nd time on" in page


@pytest.mark.rule("CMP-6")
def test_a_penalty_is_in_force_while_its_effect_holds_though_its_points_ran_out(
    owner_client: Client, shop: Seller, staff: User, clock: Any
) -> None:
    grave = confirm(staff, shop, CONTACT, grave=True)
    points = confirm(staff, shop, PHONES)
    clock(grave.points_until.isoformat())
    for one, state in ((grave, "In force"), (points, "Run out")):
        assert f">{state}<" in owner_client.get(address(one)).content.decode()


@pytest.mark.rule("CMP-6")
def test_the_public_list_shows_what_is_published_and_no_names(
    owner: Member, stranger_client: Client, stranger_api: APIClient, staff: User, officer: User
) -> None:
    shown = confirm(staff, owner.seller, PHONES)
    hidden = confirm(staff, owner.seller, CONTACT)
    assert owner.seller.member_id == "cn1001"

    def rows() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = stranger_api.get(
            reverse("api:compliance:violations-public")
        ).json()["results"]
        return found

    assert rows() == []
    violation_publish(actor=officer, violation=shown, public=True)
    assert rows() == [
        {
            "penalised_on": "2022-08-03",
            "member_id": "c****1",
            "company": "S****Ltd",
            "name": "Evading the rules for phones",
            "penalty": "6 points",
        }
    ]
    page = stranger_client.get(reverse("compliance:violations-public")).content.decode()
    assert "S****Ltd" in page
    assert "cn1001" not in page
    assert "Suzhou" not in page
    violation_overturn(actor=staff, violation=shown, note="A mistake.")
    assert rows() == []
    with pytest.raises(Refusal):
        violation_publish(actor=officer, violation=shown, public=True)
    assert hidden.public is False


# --- API -----------------------------------------------------------------------------------------


def test_the_api_answers_points_penalties_and_takes_appeals(
    owner_api: APIClient, stranger_api: APIClient, colleague_api: APIClient, violation: Violation,
    clock: Any,
) -> None:  # fmt: skip
    body = owner_api.get("/api/v1/compliance/violations").json()
    assert (body["points"], body["closes_at"], body["next"]) == (6, 48, None)
    (penalty,) = body["penalties"]
    assert (penalty["rule"], penalty["time"], penalty["counts"]) == ("phone_evasion", 1, True)
    assert (penalty["can_appeal"], penalty["appeal"]) == (True, None)
    url = f"/api/v1/compliance/violations/{violation.pk}"
    assert owner_api.get(url).json() == penalty
    assert stranger_api.get(url).status_code == 404
    sent = {"reason": "other", "text": STATEMENT, "files": [upload()]}
    assert stranger_api.post(f"{url}/appeal", sent, format="multipart").status_code == 404
    not_hers = colleague_api.post(f"{url}/appeal", sent, format="multipart")
    assert (not_hers.status_code, "Your role" in not_hers.json()["title"]) == (403, True)
    bad = owner_api.post(f"{url}/appeal", {"reason": "other", "text": ""}, format="json")
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (400, "text")
    sent["files"] = [upload()]
    done = owner_api.post(f"{url}/appeal", sent, format="multipart")
    assert (done.status_code, done.json()["appeal"]["status"]) == (201, "open")
    assert len(done.json()["appeal"]["files"]) == 1
    again = owner_api.post(f"{url}/appeal", sent, format="multipart")
    assert (again.status_code, again.json()["code"]) == (409, "already_appealed")
    assert owner_api.get(f"/api/v1/compliance/violations/{2**70}").status_code == 404


def test_the_api_refuses_a_late_appeal(
    owner_api: APIClient, violation: Violation, clock: Any
) -> None:
    clock(violation.appeal_until.isoformat())
    late = owner_api.post(
        f"/api/v1/compliance/violations/{violation.pk}/appeal",
        {"reason": "other", "text": STATEMENT},
        format="json",
    )
    assert (late.status_code, late.json()["code"]) == (409, "appeal_closed")


def test_the_api_lets_a_closed_shop_appeal_and_nothing_else(
    owner: Member, owner_api: APIClient, officer: User
) -> None:
    closing = confirm(officer, owner.seller, DRUGS)
    assert owner_api.get("/api/v1/me").status_code == 403
    body = owner_api.get("/api/v1/compliance/violations").json()
    assert body["points"] == 48
    assert body["penalties"][0]["effects"][0]["kind"] == "shop_closed"
    url = f"/api/v1/compliance/violations/{closing.pk}/appeal"
    sent = {"reason": "other", "text": STATEMENT}
    assert owner_api.post(url, sent, format="json").status_code == 201


# --- What to do next -----------------------------------------------------------------------------


def actions(member: Member) -> list[tuple[str, Any]]:
    day = platform_time.today()
    with seller_scope(member.seller):
        found = next_actions_for(member.seller, member, day)
    return [(one.url, one.due) for one in found if "/violations/" in one.url]


def test_the_owner_is_reminded_while_the_time_to_appeal_runs(
    owner: Member, colleague: Member, violation: Violation, clock: Any
) -> None:
    asked = (f"{address(violation)}#appeal", violation.appeal_until)
    assert actions(owner) == [asked]
    assert actions(colleague) == []
    clock(violation.appeal_until.isoformat())
    assert actions(owner) == []


@pytest.mark.rule("CMP-6")
@pytest.mark.parametrize(("points", "warned"), [(35, False), (36, True), (47, True)])
def test_a_shop_near_the_limit_is_warned(
    colleague: Member, staff: User, points: int, warned: bool
) -> None:
    confirm(staff, colleague.seller, GOODS, points=points)
    ladders = f"{reverse('compliance:violations')}#ladders"
    assert actions(colleague) == ([(ladders, None)] if warned else [])
