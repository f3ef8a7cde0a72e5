"""Programmes on pages, over the API and in the staff site (GRO-17, GRO-18)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation
from django.utils.html import escape
from rest_framework.test import APIClient

from compliance.choices import CertificateType
from growth.choices import EnrolmentState
from growth.models import Enrolment, Programme
from growth.services.enrolment_review import enrolment_decide
from growth.services.enrolments import enrolment_leave
from portal.choices import Membership, Role
from portal.models import Category, Member, Seller
from portal.next_actions import next_actions_for
from portal.scoping import seller_scope, unscoped
from portal.services.files import file_url
from tests import factories
from tests.compliance.world import certificate_create, upload
from tests.growth.programme_world import (
    ACTIVE,
    APPLIED,
    apply,
    current,
    enrolments,
    operator_create,
    programme_create,
    shipped,
    state_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.rule("GRO-17")]

API = "/api/v1/growth/programmes"
CLUB = "million_dollar_club"


@pytest.fixture(autouse=True)
def _august(clock: Any) -> None:
    """Stand inside the monthly window."""
    clock("2022-08-10T12:00:00-07:00")


def row(api: APIClient, code: str) -> dict[str, Any]:
    """Return a programme as the list of the API shows it."""
    answer = api.get(API, {"page_size": 500})
    assert answer.status_code == 200
    [found] = [each for each in answer.json()["results"] if each["code"] == code]
    return found


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


# --- API ----------------------------------------------------------------------------------------


def test_the_api_says_condition_by_condition_what_is_missing(
    owner_api: APIClient, shop: Seller
) -> None:
    found = row(owner_api, CLUB)
    assert (found["state"], found["eligible"], found["can_enrol"]) == ("none", False, False)
    assert found["conditions"] == [
        {"text": "Membership: Verified Supplier", "met": True, "value": "Verified Supplier"},
        {"text": "Assessed star 0, needs 1", "met": False, "value": "0"},
    ]
    assert found["refusal"]["code"] == "not_eligible"
    assert found["window"] == {"state": "open", "opens_on": "2022-08-07", "closes_on": "2022-08-23"}
    answer = owner_api.post(f"{API}/{CLUB}/enrol", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_eligible")
    Seller.objects.filter(pk=shop.pk).update(assessed_star=1)
    answer = owner_api.post(f"{API}/{CLUB}/enrol")
    assert (answer.status_code, answer.json()["state"]) == (200, "active")
    answer = owner_api.post(f"{API}/{CLUB}/leave")
    assert (answer.status_code, answer.json()["state"]) == (200, "left")
    assert owner_api.post(f"{API}/{CLUB}/leave").json()["code"] == "not_enrolled"


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"answers": []},
        {"documents": "1"},
        {"documents": [True]},
        {"documents": ["x"]},
        {"documents": [10**30]},
        {"documents": [1.5]},
        {"agreement": "yes"},
        {"answers": {"plan": {"deep": 1}}},
        {"route": "sideways"},
    ],
)
def test_what_has_the_wrong_shape_is_refused_and_nothing_kept(
    owner_api: APIClient, clock: Any, body: Any
) -> None:
    clock("2022-11-25T12:00:00-08:00")
    answer = owner_api.post(f"{API}/site_builder/enrol", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert enrolments() == []


def test_others_see_their_own_and_only_the_owner_acts(
    owner_api: APIClient,
    colleague_api: APIClient,
    stranger_api: APIClient,
    anonymous_api: APIClient,
) -> None:
    assert colleague_api.post(f"{API}/guarantee_upgrade/enrol").status_code == 403
    assert anonymous_api.get(API).status_code == 401
    assert owner_api.post(f"{API}/guarantee_upgrade/enrol").status_code == 200
    assert row(colleague_api, "guarantee_upgrade")["state"] == "active"
    assert row(stranger_api, "guarantee_upgrade")["state"] == "none"
    assert stranger_api.post(f"{API}/guarantee_upgrade/leave").json()["code"] == "not_enrolled"
    Programme.objects.filter(code="guarantee_upgrade").update(published=False)
    for call in ("", "/enrol", "/leave", "/steps/x", "/renewal"):
        method = owner_api.post if call else owner_api.get
        assert method(f"{API}/guarantee_upgrade{call}").status_code == 404


@pytest.mark.rule("GRO-18")
def test_files_and_certificates_come_over_the_api(
    owner_api: APIClient, stranger_client: Client, shop: Seller, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    options = [
        {"key": "paper", "kind": "file", "title": {"en": "Paper"}},
        {"key": "mark", "kind": "certificate", "types": ["trademark"], "title": {"en": "Mark"}},
    ]
    papers = [{"key": one["key"] + "s", "title": {"en": "x"}, "options": [one]} for one in options]
    programme_create("made_up", routes=[{"review": True, "documents": papers}])
    mark = certificate_create(seller=shop, type=CertificateType.TRADEMARK, country="", category="")
    answer = owner_api.post(f"{API}/made_up/enrol", {"documents": [mark.pk]}, format="json")
    assert answer.json()["code"] == "documents_needed"
    assert [one["field"] for one in answer.json()["errors"]] == ["documents.papers"]
    sent = {"documents": [mark.pk], "files.paper": upload()}
    answer = owner_api.post(f"{API}/made_up/enrol", sent, format="multipart")
    assert (answer.status_code, answer.json()["state"]) == (200, "applied")
    with unscoped():
        [file] = current(shop, "made_up").files.select_related("file")
        assert stranger_client.get(file_url(file.file)).status_code == 404


@pytest.mark.rule("GRO-18")
def test_steps_and_renewals_over_the_api(owner_api: APIClient, owner: Member, clock: Any) -> None:
    steps = [
        {"key": key, "title": {"en": key.title()}, "who": who}
        for key, who in (("in", "shop"), ("set", "shop"), ("live", "staff"))
    ]
    rule = {"months_before": 3, "months": 12, "answer_working_days": 5}
    programme_create("made_up", steps=steps, term={"months": 2}, renewal=rule)
    assert owner_api.post(f"{API}/made_up/steps/set").json()["code"] == "not_enrolled"
    owner_api.post(f"{API}/made_up/enrol")
    assert owner_api.post(f"{API}/made_up/steps/live").json()["code"] == "gone_on"
    done = owner_api.post(f"{API}/made_up/steps/set")
    assert (done.status_code, done.json()["enrolment"]["step"]) == (200, "set")
    assert owner_api.post(f"{API}/made_up/steps/live").json()["code"] == "not_your_turn"
    asked = owner_api.post(f"{API}/made_up/renewal", {"note": "Please."}, format="json")
    assert (asked.status_code, asked.json()["status"]) == (201, "open")
    assert owner_api.post(f"{API}/made_up/renewal").json()["code"] == "already_asked"


# --- Pages --------------------------------------------------------------------------------------


def test_the_list_shows_each_programme_at_its_place(
    owner_client: Client, owner: Member, shop: Seller
) -> None:
    apply(owner, shipped("guarantee_upgrade"))
    page = owner_client.get(reverse("growth:programmes"))
    context = page.context
    assert [each.programme.code for each in context["mine"]] == ["guarantee_upgrade"]
    assert "september_2021" in [each.programme.code for each in context["over"]]
    [activities] = [one for one in context["groups"] if one.kind == "activity"]
    order = [each.programme.code for each in activities.rows]
    assert order.index("first_order_discount") < order.index("buyer_carnival") < order.index(CLUB)
    assert "Assessed star 0, needs 1" in text_of(page)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_programme_has_a_page_in_both_languages(
    owner_client: Client, owner: Member, language: str
) -> None:
    owner_client.cookies["django_language"] = language
    for programme in Programme.objects.all():
        page = owner_client.get(reverse("growth:programme", args=[programme.code]))
        assert page.status_code == 200
        with translation.override(language):
            assert escape(programme.title) in page.content.decode()
    assert owner_client.get(reverse("growth:programme", args=["nothing"])).status_code == 404


@pytest.mark.rule("GRO-17")
def test_a_condition_that_is_not_met_is_said_once_and_of_itself_alone(
    owner_client: Client, shop: Seller
) -> None:
    apply_url = reverse("growth:programme-enrol", args=["first_order_discount"])
    owner_client.post(apply_url, {"agreement": "on"})
    page = text_of(owner_client.get(reverse("growth:programme", args=["machinery_local_service"])))
    assert page.count("Enrolled in: One-year after-sales service for machinery: remote") == 1
    assert "First-order discount" not in page, "what else the shop takes part in says nothing"
    assert "Your shop can enrol once it meets every condition." in page


@pytest.mark.rule("GRO-18")
def test_the_terms_of_machinery_stand_as_a_table(owner_client: Client) -> None:
    page = text_of(
        owner_client.get(reverse("growth:programme", args=["machinery_remote_warranty"]))
    )
    for text in ("13 months from dispatch", "24 hours", "Parts sent within 48 hours"):
        assert text in page
    assert "On site within 7 days, closed within 90 days" in page


def test_an_owner_enrols_by_the_form_and_leaves_after_confirming(
    owner_client: Client, shop: Seller
) -> None:
    Seller.objects.filter(pk=shop.pk).update(membership=Membership.BASIC, city="Ningbo")
    page = reverse("growth:programme", args=["find_factory"])
    enrol, leave = (
        reverse(f"growth:programme-{act}", args=["find_factory"]) for act in ("enrol", "leave")
    )
    form = owner_client.get(page)
    assert form.context["form"]["agrees"]
    typed = {"route": "licence", "terms": form.context["form"]["terms"]}
    refused = owner_client.post(enrol, typed)
    assert refused.status_code == 409
    assert "Read the agreement and tick it." in text_of(refused)
    assert enrolments() == []
    assert owner_client.post(enrol, typed | {"agreement": "on"}).url == page
    assert state_of(shop, "find_factory") == ACTIVE
    again = owner_client.post(enrol, typed | {"agreement": "on"}, follow=True)
    assert "enrolled already" in text_of(again)
    assert len(enrolments()) == 1
    asked = owner_client.get(leave)
    assert "Leave Find-factory" in text_of(asked)
    assert owner_client.post(leave, {"enrolment": 0}, follow=True).status_code == 200
    assert state_of(shop, "find_factory") == ACTIVE, "a form for another enrolment leaves nothing"
    owner_client.post(leave, dict(asked.context["fields"]))
    assert state_of(shop, "find_factory") == EnrolmentState.LEFT


@pytest.mark.rule("GRO-17")
def test_leaving_says_what_is_lost_and_how_one_comes_back(
    owner_client: Client, owner: Member, shop: Seller, clock: Any
) -> None:
    benefits = [
        {"text": {"en": "A badge", "zh": "标识"}},
        {"text": {"en": "A parade", "zh": "游行"}, "from_day": "2023-01-01"},
    ]
    window = [{"opens_on": "2022-08-01", "closes_on": "2022-09-30"}]
    made = programme_create("venue", benefits=benefits, windows=window, places=9)
    clock("2022-08-10T12:00:00-07:00")
    apply(owner, made)
    leave = reverse("growth:programme-leave", args=["venue"])
    page = text_of(owner_client.get(leave))
    assert "It ends at once, on Aug 10, 2022." in page
    assert "A badge" in page
    assert "A parade" not in page, "what has not begun is not lost"
    assert "Enrolment is open through Sep 30, 2022." in page
    assert "The place is given back" in page
    clock("2022-10-01T12:00:00-07:00")
    page = text_of(owner_client.get(leave))
    assert "your shop cannot come back" in page
    assert "Enrolment is open" not in page


@pytest.mark.rule("GRO-17")
def test_an_application_taken_back_after_the_window_promises_no_second_one(
    owner_client: Client, owner: Member, clock: Any
) -> None:
    window = [{"opens_on": "2022-08-01", "closes_on": "2022-09-30"}]
    made = programme_create("fair", windows=window, routes=[{"review": True, "agrees": False}])
    clock("2022-08-10T12:00:00-07:00")
    apply(owner, made)
    leave = reverse("growth:programme-leave", args=["fair"])
    assert "Enrolment is open through Sep 30, 2022." in text_of(owner_client.get(leave))
    clock("2022-10-01T12:00:00-07:00")
    assert "your shop cannot come back" in text_of(owner_client.get(leave))


def test_what_was_typed_stays_in_a_refused_form(owner_client: Client, clock: Any) -> None:
    clock("2022-11-25T12:00:00-08:00")
    enrol = reverse("growth:programme-enrol", args=["campus_fairs_2022"])
    page = owner_client.post(enrol, {"answers.jobs": "Two sellers <b>"})
    assert page.status_code == 400
    assert "Two sellers &lt;b&gt;" in page.content.decode()
    assert "Please answer this." in text_of(page)


def test_colleagues_read_and_are_told_who_can_act(
    colleague_client: Client, viewer_client: Client
) -> None:
    page = reverse("growth:programme", args=["guarantee_upgrade"])
    for client in (colleague_client, viewer_client):
        shown = client.get(page)
        assert shown.context["form"] is None
        assert "Only the owner of the shop can enrol it." in text_of(shown)
        for act in ("enrol", "leave", "renew"):
            address = reverse(f"growth:programme-{act}", args=["guarantee_upgrade"])
            assert client.post(address).status_code == 403
    assert enrolments() == []


def test_pages_take_as_many_queries_for_many_programmes_as_for_few(
    owner_client: Client, owner: Member
) -> None:
    def queries(name: str, *args: str) -> int:
        with CaptureQueriesContext(connection) as found:
            assert owner_client.get(reverse(name, args=args)).status_code == 200
        return len(found)

    apply(owner, shipped("guarantee_upgrade"))
    listed, one = queries("growth:programmes"), queries("growth:programme", "guarantee_upgrade")
    for number in range(8):
        star = [{"field": "assessed_star", "op": "gte", "value": 0}]
        apply(owner, programme_create(f"more_{number}", audience=star, places=9))
    for _round in range(3):
        enrolment_leave(member=owner, programme=shipped("more_1"))
        apply(owner, shipped("more_1"))
    assert queries("growth:programmes") <= listed
    assert queries("growth:programme", "guarantee_upgrade") <= one


def test_what_closes_within_a_week_is_worth_doing_next(
    owner: Member, colleague: Member, shop: Seller, clock: Any
) -> None:
    def titles(member: Member, day: int) -> list[str]:
        clock(f"2022-08-{day:02}T12:00:00-07:00")
        with seller_scope(shop):
            found = next_actions_for(shop, member, date(2022, 8, day))
        return [str(one.title) for one in found if "programmes" in one.url]

    assert titles(owner, 16) == []
    assert titles(owner, 17) == ["Enrol: First-order discount", "Enrol: Check-in coupons"]
    assert titles(colleague, 17) == []
    apply(owner, shipped("first_order_discount"))
    assert titles(owner, 23) == ["Enrol: Check-in coupons"]
    assert titles(owner, 24) == []


# --- Staff site ---------------------------------------------------------------------------------


@pytest.fixture
def operator_client(db: None) -> Client:
    """A browser session of an operator."""
    client = Client()
    client.force_login(operator_create(), backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_staff_decide_on_the_page_of_the_enrolment(
    operator_client: Client, owner: Member, shop: Seller
) -> None:
    programme = programme_create("made_up", routes=[{"review": True}])
    waiting = apply(owner, programme)
    queue = reverse("admin:growth_enrolment_changelist")
    assert shop.name_en in operator_client.get(queue, {"waiting": "decision"}).content.decode()
    page = reverse("admin:growth_enrolment_change", args=[waiting.pk])
    assert operator_client.get(page).status_code == 200
    inline = {"events-TOTAL_FORMS": 0, "events-INITIAL_FORMS": 0}
    answer = operator_client.post(page, {"decision": "refuse", "reason": ""} | inline)
    assert "Say why: the shop is told." in answer.content.decode()
    assert state_of(shop, "made_up") == APPLIED
    assert operator_client.post(page, {"decision": "take"} | inline).status_code == 302
    assert operator_client.post(page, {"decision": "approve"} | inline).status_code == 302
    assert state_of(shop, "made_up") == ACTIVE
    answer = operator_client.post(page, {"decision": "refuse", "reason": "Late"} | inline)
    assert answer.status_code == 200, "what is decided cannot be refused any more"
    operator_client.post(page, {"decision": "remove", "reason": "Complaints"} | inline)
    assert current(shop, "made_up").reason == "Complaints"
    late = operator_client.post(page, {"decision": "approve"} | inline, follow=True)
    assert "It has been decided meanwhile" in late.content.decode()
    assert state_of(shop, "made_up") == "removed", "what came too late changed nothing"


def test_staff_answer_renewals(
    operator_client: Client, owner: Member, shop: Seller, owner_api: APIClient
) -> None:
    rule = {"months_before": 3, "months": 12, "answer_working_days": 5}
    apply(owner, programme_create("made_up", term={"months": 2}, renewal=rule))
    number = owner_api.post(f"{API}/made_up/renewal").json()["id"]
    page = reverse("admin:growth_enrolmentrenewal_change", args=[number])
    operator_client.post(page, {"decision": "granted", "reason": ""})
    assert current(shop, "made_up").until == date(2023, 10, 10)


def test_staff_write_programmes_and_mistakes_are_said(operator_client: Client) -> None:
    page = reverse("admin:growth_programme_add")
    given = {"code": "new", "kind": "offer", "title_en": "New", "title_zh": "新", "position": 5}
    bad = operator_client.post(page, given | {"content": '{"summary": {"en": "x"}, "colour": 1}'})
    assert "colour" in bad.content.decode()
    assert not Programme.objects.filter(code="new").exists()
    good = {"published": "on", "content": '{"summary": {"en": "x"}, "windows": []}'}
    assert operator_client.post(page, given | good).status_code == 302
    saved = Programme.objects.get(code="new")
    assert saved.content == {"summary": {"en": "x"}}
    again = operator_client.post(page, given | good)
    assert again.status_code == 200
    changed = reverse("admin:growth_programme_change", args=[saved.pk])
    operator_client.post(changed, given | good | {"title_en": "Newer"})
    assert Programme.objects.get(code="new").title_en == "Newer"


def test_the_showroom_is_moved_on_by_staff(
    operator_client: Client, owner: Member, shop: Seller, clock: Any
) -> None:
    clock("2021-07-01T12:00:00-07:00")
    waiting = apply(owner, shipped("vr_showroom"))
    enrolment_decide(actor=operator_create("second"), enrolment=waiting, approve=True)
    queue = operator_client.get(
        reverse("admin:growth_enrolment_changelist"), {"waiting": "step"}
    ).content.decode()
    assert shop.name_en in queue
    page = reverse("admin:growth_enrolment_change", args=[waiting.pk])
    inline = {"events-TOTAL_FORMS": 0, "events-INITIAL_FORMS": 0}
    operator_client.post(page, {"decision": "step:shot"} | inline)
    assert current(shop, "vr_showroom").step == "shot"
    operator_client.post(page, {"decision": "step:shot"} | inline)
    assert current(shop, "vr_showroom").step == "shot", "a second click does nothing"


def test_many_enrolments_take_no_more_queries_in_the_queue(
    operator_client: Client, category: Category
) -> None:
    programme = programme_create(routes=[{"review": True}])

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            operator_client.get(reverse("admin:growth_enrolment_changelist"))
        return len(found)

    for number in range(3):
        shop = factories.seller_create(category)
        apply(factories.member_create(shop, Role.OWNER, f"o{number}"), programme)
    few = queries()
    for number in range(3, 9):
        shop = factories.seller_create(category)
        apply(factories.member_create(shop, Role.OWNER, f"o{number}"), programme)
    assert queries() <= few
    with unscoped():
        assert Enrolment.objects.count() == 9
