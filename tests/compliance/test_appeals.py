"""Appeals: until when, by whom, what staff decide; in pages, the API and the admin (CMP-8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from compliance.models import Appeal, PenaltyEffect, Violation
from compliance.services.violations import (
    appeal_decide,
    appeal_make,
    effects_in_force,
    points_of,
    violation_confirm,
    violation_overturn,
)
from portal import platform_time
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Notice, Seller, StoredFile, User
from portal.next_actions import next_actions_for
from portal.scoping import seller_scope, unscoped
from portal.services.files import file_url, files_sweep
from tests import factories
from tests.compliance.world import upload

pytestmark = [pytest.mark.django_db, pytest.mark.rule("CMP-8")]

STATEMENT = "The buyer asked for an order without Trade Assurance; see the chat."


@pytest.fixture(autouse=True)
def _world(clock: Any, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def penalise(staff: User, seller: Seller, rule: str = "phone_evasion", **over: Any) -> Violation:
    fields: dict[str, Any] = {"evidence": "Shown as new.", **over}
    return violation_confirm(actor=staff, seller=seller, rule=rule, **fields)


@pytest.fixture
def violation(staff: User, owner: Member) -> Violation:
    return penalise(staff, owner.seller)


@pytest.fixture
def officer(db: None) -> User:
    user = factories.user_create("officer", is_staff=True)
    user.groups.add(Group.objects.get(name="risk officer"))
    return user


@pytest.fixture
def officer_client(officer: User, settings: Any) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.force_login(officer, backend="django.contrib.auth.backends.ModelBackend")
    return client


def appeal(member: Member, violation: Violation, **over: Any) -> Appeal:
    fields: dict[str, Any] = {"reason": "buyer_asked", "text": STATEMENT, "files": []} | over
    return appeal_make(member=member, violation=violation, **fields)


def state() -> tuple[int, ...]:
    with unscoped():
        models = (Appeal, PenaltyEffect, StoredFile, Notice, LogEntry)
        open_ones = Appeal.objects.filter(status="open").count()
        return (*(model.objects.count() for model in models), open_ones)


def told(member: Member) -> set[str]:
    with unscoped():
        return set(Notice.objects.filter(user=member.user).values_list("kind", flat=True))


# --- Making one ---------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_the_last_second_of_seven_days_is_in_time(
    owner: Member, violation: Violation, clock: Any
) -> None:
    end = violation.penalised_at + timedelta(days=7)
    assert violation.appeal_until == end
    clock(end.isoformat())
    unchanged = state()
    with pytest.raises(Refusal) as refusal:
        appeal(owner, violation)
    assert (refusal.value.code, state()) == ("appeal_closed", unchanged)
    clock((end - timedelta(seconds=1)).isoformat())
    made = appeal(owner, violation, files=[upload(), upload("chat.png")])
    assert made.status == "open"
    with unscoped():
        assert made.files.count() == 2
        assert set(StoredFile.objects.values_list("purpose", flat=True)) == {"appeal"}


def test_seven_days_over_the_change_of_clocks_end_at_the_same_time_of_day(
    staff: User, shop: Seller, clock: Any
) -> None:
    clock("2022-11-03T12:00:00-07:00")
    made = penalise(staff, shop)
    assert made.appeal_until.isoformat() == "2022-11-10T20:00:00+00:00"  # noon, Pacific standard
    assert made.appeal_until - made.penalised_at == timedelta(days=7, hours=1)


def test_one_appeal_per_penalty_by_the_owner_alone(
    owner: Member, colleague: Member, viewer: Member, stranger: Member, violation: Violation
) -> None:
    unchanged = state()
    for member in (colleague, viewer):
        with pytest.raises(NotAllowed):
            appeal(member, violation)
    with pytest.raises(Violation.DoesNotExist):
        appeal(stranger, violation)
    assert state() == unchanged
    appeal(owner, violation)
    with pytest.raises(Refusal) as refusal:
        appeal(owner, violation)
    assert refusal.value.code == "already_appealed"


def test_what_is_wrong_is_all_named_and_nothing_is_kept(
    owner: Member, violation: Violation
) -> None:
    script = SimpleUploadedFile("proof.pdf", b"<script>alert(1)</script>")
    unchanged = state()
    with pytest.raises(InvalidInput) as refusal:
        appeal(owner, violation, reason="mood", text=" ", files=[upload(), script])
    assert [field for field, _text in refusal.value.fields] == ["reason", "text", "files"]
    with pytest.raises(InvalidInput):
        appeal(owner, violation, files=[upload() for _file in range(6)])
    assert state() == unchanged


def test_what_was_taken_back_needs_no_appeal(
    owner: Member, staff: User, violation: Violation
) -> None:
    violation_overturn(actor=staff, violation=violation, note="A mistake.")
    with pytest.raises(Refusal) as refusal:
        appeal(owner, violation)
    assert refusal.value.code == "appeal_closed"


# --- Deciding -----------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_an_appeal_that_is_right_takes_everything_back(owner: Member, officer: User) -> None:
    closing = penalise(officer, owner.seller, "drugs_severe")
    made = appeal(owner, closing)
    appeal_decide(actor=officer, appeal=made, overturn=True, answer="You are right.")
    owner.seller.refresh_from_db()
    assert (made.status, made.answer, made.decided_by) == ("overturned", "You are right.", officer)
    assert (points_of(owner.seller), effects_in_force(owner.seller)) == (0, [])
    assert owner.seller.status == "active"
    assert {"violation_recorded", "shop_closed", "appeal_decided", "shop_reopened"} <= told(owner)


def test_an_appeal_that_is_wrong_leaves_everything(owner: Member, officer: User) -> None:
    closing = penalise(officer, owner.seller, "drugs_severe")
    made = appeal(owner, closing)
    with pytest.raises(InvalidInput):
        appeal_decide(actor=officer, appeal=made, overturn=False, answer=" ")
    appeal_decide(actor=officer, appeal=made, overturn=False, answer="The photos show it.")
    owner.seller.refresh_from_db()
    assert (made.status, points_of(owner.seller)) == ("penalty_upheld", 48)
    assert owner.seller.status == "closed"
    # The people of a closed shop hear of it too.
    assert "appeal_decided" in told(owner)
    unchanged = state()
    with pytest.raises(Refusal) as refusal:
        appeal_decide(actor=officer, appeal=made, overturn=True, answer="After all.")
    assert (refusal.value.code, state()) == ("already_decided", unchanged)


def test_nobody_decides_about_a_shop_of_theirs(
    owner: Member, officer: User, violation: Violation
) -> None:
    made = appeal(owner, violation)
    Member.everywhere.create(user=officer, seller=owner.seller, role="viewer")
    unchanged = state()
    for actor in (officer, owner.user):
        with pytest.raises(NotAllowed):
            appeal_decide(actor=actor, appeal=made, overturn=True, answer="x")
    assert state() == unchanged


def test_a_mistake_of_staff_closes_the_appeal_with_it(
    owner: Member, officer: User, violation: Violation
) -> None:
    made = appeal(owner, violation)
    violation_overturn(actor=officer, violation=violation, note="Our mistake.")
    made.refresh_from_db()
    assert (made.status, made.answer) == ("overturned", "Our mistake.")


# --- Pages --------------------------------------------------------------------------------------


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
    owner_client.post(address(violation), {"files": [upload()]})
    with unscoped():
        token = StoredFile.objects.get().token
    theirs = penalise(staff, Member.everywhere.get(user__username="stranger").seller)
    stranger_client.post(address(theirs), {"reason": "other", "text": STATEMENT, "kept": [token]})
    with unscoped():
        assert Appeal.objects.get().files.count() == 0
        assert StoredFile.objects.get().purpose == "appeal_pending"


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
    closing = penalise(officer, owner.seller, "drugs_severe", files=[upload("shelf.png")])
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

    penalise(staff, shop, "off_platform_contact", files=[upload()])
    queries()
    few = queries()
    for _time in range(5):
        penalise(staff, shop, "refusing_trade_assurance", files=[upload()])
    assert queries() == few


@pytest.mark.rule("CMP-6")
def test_the_page_says_what_counts_what_runs_out_and_what_comes_next(
    owner_client: Client, shop: Seller, staff: User
) -> None:
    penalise(staff, shop)
    page = owner_client.get(reverse("compliance:violations")).content.decode()
    assert "42 more points close the shop" in page
    assert "Aug 3, 2023 12:00 Pacific" in page
    assert "from time 2 on" in page


@pytest.mark.rule("CMP-6")
def test_the_public_list_shows_what_is_published_and_no_names(
    owner: Member, stranger_client: Client, stranger_api: APIClient, staff: User, officer: User
) -> None:
    from compliance.services.violations import violation_publish

    shown = penalise(staff, owner.seller)
    hidden = penalise(staff, owner.seller, "off_platform_contact")
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


# --- API ----------------------------------------------------------------------------------------


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
    assert colleague_api.post(f"{url}/appeal", sent, format="multipart").status_code == 403
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
    closing = penalise(officer, owner.seller, "drugs_severe")
    assert owner_api.get("/api/v1/me").status_code == 403
    body = owner_api.get("/api/v1/compliance/violations").json()
    assert body["points"] == 48
    assert body["penalties"][0]["effects"][0]["kind"] == "shop_closed"
    url = f"/api/v1/compliance/violations/{closing.pk}/appeal"
    sent = {"reason": "other", "text": STATEMENT}
    assert owner_api.post(url, sent, format="json").status_code == 201


# --- Admin --------------------------------------------------------------------------------------


def test_officers_see_statement_beside_evidence_and_decide_once(
    owner: Member, officer_client: Client, officer: User
) -> None:
    from tests.rfq.world import buyer_create, order_create

    order = order_create(
        seller=owner.seller, buyer=buyer_create(), amount=6200, created_at=platform_time.now()
    )
    violation = penalise(officer, owner.seller, "refusing_trade_assurance", order=order)
    made = appeal(owner, violation, files=[upload("chat.png")])
    front = officer_client.get(reverse("admin:index")).content.decode()
    assert "Appeals to decide" in front
    queue = officer_client.get(reverse("admin:compliance_appeal_changelist"))
    assert "Refusing Trade Assurance" in queue.content.decode()
    case = officer_client.get(reverse("admin:compliance_appeal_change", args=[made.pk]))
    text = case.content.decode()
    for words in ("Shown as new.", STATEMENT, "chat.png", "US$6,200.00"):
        assert words in text
    decide = reverse("admin:compliance_appeal_decide", args=[made.pk, "overturn"])
    assert officer_client.get(decide).status_code == 200
    made.refresh_from_db()
    assert made.status == "open"  # looking decides nothing
    assert officer_client.post(decide, {"note": ""}).status_code == 200
    assert officer_client.post(decide, {"note": "You are right."}).status_code == 302
    other = reverse("admin:compliance_appeal_decide", args=[made.pk, "uphold"])
    assert officer_client.post(other, {"note": "Too late."}).status_code == 302
    made.refresh_from_db()
    assert (made.status, made.answer) == ("overturned", "You are right.")


def test_other_staff_look_but_do_not_decide(
    owner: Member, violation: Violation, settings: Any
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    made = appeal(owner, violation)
    user = factories.user_create("reviewer", is_staff=True)
    user.groups.add(Group.objects.get(name="reviewer"))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:compliance_violation_change", args=[violation.pk]))
    assert page.status_code == 200
    assert "decide/overturn" not in page.content.decode()
    for name, args in (
        ("appeal_decide", [made.pk, "overturn"]),
        ("violation_overturn", [violation.pk]),
        ("violation_publish", [violation.pk]),
        ("violation_confirm", []),
    ):
        url = reverse(f"admin:compliance_{name}", args=args)
        assert client.post(url, {"note": "x"}).status_code == 403
    made.refresh_from_db()
    assert made.status == "open"


@pytest.mark.rule("CMP-6")
def test_confirming_shows_what_it_costs_first(
    officer_client: Client, shop: Seller, officer: User
) -> None:
    penalise(officer, shop, "prohibited_goods", points=45)
    penalise(officer, shop, "off_platform_contact")
    url = reverse("admin:compliance_violation_confirm")
    assert officer_client.get(url).status_code == 200
    typed = {
        "seller": str(shop.pk), "rule": "off_platform_contact", "happened_on": "2022-08-02",
        "happened_at": "18:30", "evidence": "Gave a WhatsApp number.",
    }  # fmt: skip
    wrong = officer_client.post(url, {**typed, "product": "no-such"})
    assert "This is not one of the shop" in wrong.content.decode()
    preview = officer_client.post(url, typed)
    text = preview.content.decode()
    assert "Confirming closes Suzhou E-Bike Kits Ltd" in text
    assert "3: from 45 to 48 of 48" in text
    with unscoped():
        assert Violation.objects.count() == 2
    form = preview.context["evidence"]
    sent = {**typed, "confirmed": "1", "key": form["key"].value(), "seen": form["seen"].value()}
    # Somebody else was faster: what was shown is not what would happen.
    faster = penalise(officer, shop, "off_platform_contact")
    again = officer_client.post(url, sent)
    assert "Something else was decided" in again.content.decode()
    violation_overturn(actor=officer, violation=faster, note="A mistake.")
    bad = SimpleUploadedFile("proof.png", b"no image")
    refused = officer_client.post(url, {**sent, "uploads": [bad]})
    assert "Gave a WhatsApp number." in refused.content.decode()
    done = officer_client.post(url, {**sent, "uploads": [upload("proof.png")]})
    twice = officer_client.post(url, {**sent, "uploads": [upload("proof.png")]})
    assert done.status_code == 302
    with unscoped():
        made = Violation.objects.latest("pk")
        assert (made.step, made.points, made.files.count()) == (2, 3, 1)
        assert made.happened_at.isoformat() == "2022-08-03T01:30:00+00:00"
        assert Violation.objects.count() == 4
    assert (twice.status_code, twice["Location"]) == (302, done["Location"])
    shop.refresh_from_db()
    assert shop.status == "closed"


@pytest.mark.rule("CMP-6")
def test_publishing_ending_and_ladders_in_the_admin(
    officer_client: Client, shop: Seller, officer: User
) -> None:
    grave = penalise(officer, shop, "off_platform_contact", grave=True)
    publish = reverse("admin:compliance_violation_publish", args=[grave.pk])
    assert "S****Ltd" in officer_client.get(publish).content.decode()
    officer_client.post(publish, {"public": "1"})
    grave.refresh_from_db()
    assert grave.public
    (effect,) = effects_in_force(shop)
    end = reverse("admin:compliance_violation_end_effect", args=[grave.pk, effect.pk])
    assert officer_client.post(end, {"note": "Good will."}).status_code == 302
    assert effects_in_force(shop) == []
    ladders = officer_client.get(reverse("admin:compliance_violation_ladders")).content.decode()
    assert "Trade Assurance closed for 90 days" in ladders
    overturn = reverse("admin:compliance_violation_overturn", args=[grave.pk])
    assert officer_client.get(overturn).status_code == 200
    officer_client.post(overturn, {"note": "A mistake."})
    assert points_of(shop) == 0
    listed = officer_client.get(reverse("admin:compliance_violation_changelist"))
    assert "Leading buyers" in listed.content.decode()


# --- What to do next ----------------------------------------------------------------------------


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
    penalise(staff, colleague.seller, "prohibited_goods", points=points)
    ladders = f"{reverse('compliance:violations')}#ladders"
    assert actions(colleague) == ([(ladders, None)] if warned else [])
