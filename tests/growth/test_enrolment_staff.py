"""What staff and the night do with enrolments: decisions, removal, steps, renewals, ends (GRO-17, GRO-18)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.choices import CertificateStatus, CertificateType
from compliance.models import Certificate
from growth.choices import EnrolmentState, RenewalStatus
from growth.models import Enrolment, EnrolmentEvent, EnrolmentRenewal
from growth.nightly.programmes import PROGRAMMES
from growth.services.enrolment_nights import (
    automatic_follow,
    dependents_expire,
    ending_tell,
    enrolments_expire,
    steps_missed_end,
)
from growth.services.enrolment_review import (
    enrolment_decide,
    enrolment_remove,
    enrolment_take,
)
from growth.services.enrolment_steps import (
    enrolment_step,
    enrolment_step_back,
    enrolment_step_finish,
)
from growth.services.enrolments import enrolment_leave
from growth.services.renewals import renewal_answer, renewal_request
from portal import platform_time
from portal.choices import CompanyType, Membership, Role, SellerStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Category, Member, Notice, Seller, SellerFlag, User
from portal.scoping import unscoped
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
from tests.growth.world import night

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("GRO-17")]

EXPIRED, REMOVED = EnrolmentState.EXPIRED, EnrolmentState.REMOVED


@pytest.fixture
def operator(db: None) -> User:
    """A member of staff who may decide."""
    return operator_create()


def notices(kind: str) -> list[Notice]:
    with unscoped():
        return list(Notice.objects.filter(kind=kind).order_by("pk"))


def refusal_of(act: Any, **kwargs: Any) -> str:
    """Return the code of a refusal, having checked that no enrolment changed."""
    before = enrolments()
    with pytest.raises(Refusal) as refused:
        act(**kwargs)
    assert enrolments() == before
    return refused.value.code


def run_night() -> None:
    """Do what the night does, twice: the second time changes nothing."""

    def once() -> int:
        now = platform_time.now()
        with unscoped():
            return sum(
                each(now=now)
                for each in (
                    enrolments_expire, steps_missed_end, automatic_follow, dependents_expire, ending_tell,
                )
            )  # fmt: skip

    once()
    before = enrolments(), LogEntry.objects.count()
    assert once() == 0
    assert (enrolments(), LogEntry.objects.count()) == before


# --- Deciding -----------------------------------------------------------------------------------


def test_staff_take_an_application_on_and_enrol_the_shop(
    owner: Member, operator: User, clock: Any
) -> None:
    apply(owner, programme_create(routes=[{"review": True}], term={"months": 12}))
    taken = enrolment_take(actor=operator, enrolment=current(owner.seller, "made_up"))
    assert taken.state == EnrolmentState.IN_REVIEW
    clock.advance(days=1)
    done = enrolment_decide(actor=operator, enrolment=taken, approve=True)
    assert (done.state, done.since, done.until) == (ACTIVE, date(2022, 8, 4), date(2023, 8, 4))
    assert done.decided_by == operator
    [notice] = notices("enrolment_decided")
    assert notice.user == owner.user
    assert "Enrolled" in notice.title


def test_a_refusal_has_a_reason_and_is_final(owner: Member, operator: User, clock: Any) -> None:
    programme = programme_create(routes=[{"review": True}])
    waiting = apply(owner, programme)
    for reason in ("", "  ", "x" * 2001):
        refusal_of(
            enrolment_decide, actor=operator, enrolment=waiting, approve=False, reason=reason
        )
    refused = enrolment_decide(
        actor=operator, enrolment=waiting, approve=False, reason="Papers are not readable."
    )
    assert (refused.state, refused.since) == (EnrolmentState.REFUSED, None)
    again = {"actor": operator, "enrolment": refused, "approve": True}
    assert refusal_of(enrolment_decide, **again) == "gone_on"
    assert "Papers are not readable." in notices("enrolment_decided")[0].body
    assert apply(owner, programme).state == APPLIED


def test_two_reviewers_decide_once(owner: Member, operator: User, clock: Any) -> None:
    apply(owner, programme_create(routes=[{"review": True}]))
    first, second = (current(owner.seller, "made_up") for _ in range(2))
    enrolment_decide(actor=operator, enrolment=first, approve=True)
    late = {"actor": operator, "enrolment": second, "approve": False, "reason": "No."}
    assert refusal_of(enrolment_decide, **late) == "gone_on"


def test_nobody_decides_without_the_permission_or_about_their_own_shop(
    owner: Member, shop: Seller, operator: User, clock: Any
) -> None:
    waiting = apply(owner, programme_create(routes=[{"review": True}]))
    stranger = factories.user_create("risk", is_staff=True)
    colleague = operator_create("colleague-of-the-shop")
    Member.everywhere.create(seller=shop, user=colleague, role=Role.VIEWER, is_active=False)
    before = enrolments()
    for actor in (stranger, colleague, owner.user):
        with pytest.raises(NotAllowed):
            enrolment_decide(actor=actor, enrolment=waiting, approve=True)
    assert enrolments() == before


@pytest.mark.rule("GRO-18")
def test_a_certificate_that_ended_meanwhile_is_not_good_enough(
    owner: Member, shop: Seller, operator: User, clock: Any
) -> None:
    option = {"key": "mark", "kind": "certificate", "types": ["trademark"], "title": {"en": "Mark"}}
    papers = [{"key": "papers", "title": {"en": "Papers"}, "options": [option]}]
    programme = programme_create(routes=[{"review": True, "documents": papers}])
    mark = certificate_create(seller=shop, type=CertificateType.TRADEMARK, country="", category="")
    waiting = apply(owner, programme, certificates=[mark.pk])
    with unscoped():
        Certificate.objects.update(
            status=CertificateStatus.REVOKED, valid_until=platform_time.now()
        )
    decide = {"actor": operator, "enrolment": waiting, "approve": True}
    assert refusal_of(enrolment_decide, **decide) == "documents_ended"


def test_nobody_is_enrolled_in_what_is_over(owner: Member, operator: User, clock: Any) -> None:
    waiting = apply(
        owner, programme_create(routes=[{"review": True}], term={"until": "2022-08-03"})
    )
    clock.advance(days=1)
    assert refusal_of(enrolment_decide, actor=operator, enrolment=waiting, approve=True) == "over"


# --- Removing -----------------------------------------------------------------------------------


@pytest.mark.rule("GRO-18")
@pytest.mark.parametrize(
    "ground", ["complaint", "licence_changed", "documents_incomplete", "not_a_factory"]
)
def test_find_factory_has_four_grounds_for_removal(
    owner: Member, operator: User, clock: Any, ground: str
) -> None:
    apply(owner, shipped("find_factory"))
    clock.advance(days=3)
    joined = current(owner.seller, "find_factory")
    gone = enrolment_remove(actor=operator, enrolment=joined, ground=ground)
    assert (gone.state, gone.reason_code, gone.until) == (REMOVED, ground, date(2022, 8, 5))
    assert len(notices("enrolment_removed")) == 1
    run_night()
    assert state_of(owner.seller, "find_factory") == REMOVED, "no night brings it back"
    assert apply(owner, shipped("find_factory")).state == APPLIED, "staff decide about the way back"


def test_a_removal_names_a_ground_of_the_programme_or_a_reason(
    owner: Member, operator: User, clock: Any
) -> None:
    joined = apply(owner, shipped("find_factory"))
    for given in ({"ground": "weather"}, {"ground": ""}, {"ground": "", "reason": " "}):
        assert refusal_of(enrolment_remove, actor=operator, enrolment=joined, **given) == "invalid"
    gone = enrolment_remove(actor=operator, enrolment=joined, ground="", reason="Shop on holiday.")
    assert gone.reason == "Shop on holiday."


# --- Machinery ----------------------------------------------------------------------------------


@pytest.mark.rule("GRO-18")
def test_the_local_service_centre_builds_on_the_remote_warranty(
    owner: Member, shop: Seller, operator: User, clock: Any, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    remote, local = shipped("machinery_remote_warranty"), shipped("machinery_local_service")
    with pytest.raises(Refusal, match="machinery"):
        apply(owner, remote, agreement=True)
    Category.objects.filter(pk=shop.industry_id).update(name_zh="工业机械")
    waiting = apply(owner, remote, agreement=True)
    centre = {"agreement": True, "answers": {"countries": "Brazil"}}
    papers = {"files": {"dealer": [upload()]}}
    with pytest.raises(Refusal, match="remote warranty"):
        apply(owner, local, **centre, **papers)
    enrolment_decide(actor=operator, enrolment=waiting, approve=True)
    with pytest.raises(Refusal) as missing:
        apply(owner, local, **centre)
    assert missing.value.code == "documents_needed"
    centre["files"] = {"dealer": [upload()]}
    enrolment_decide(actor=operator, enrolment=apply(owner, local, **centre), approve=True)
    enrolment_leave(member=owner, programme=remote)
    assert current(shop, local.code).reason_code == "prerequisite_ended"


# --- Steps --------------------------------------------------------------------------------------


@pytest.fixture
def showroom(owner: Member, operator: User, clock: Any) -> Enrolment:
    """A showroom that was granted on 1 July 2021."""
    clock("2021-07-01T12:00:00-07:00")
    waiting = apply(owner, shipped("vr_showroom"))
    return enrolment_decide(actor=operator, enrolment=waiting, approve=True)


def walk(owner: Member, operator: User, showroom: Enrolment, *steps: str) -> Enrolment:
    """Do steps, each by who does it."""
    for step in steps:
        if step in ("shot", "live"):
            now = current(owner.seller, "vr_showroom")
            showroom = enrolment_step_finish(actor=operator, enrolment=now, step=step)
        else:
            showroom = enrolment_step(member=owner, enrolment=showroom, step=step)
    return showroom


@pytest.mark.rule("GRO-18")
def test_a_showroom_goes_live_step_by_step(
    owner: Member, operator: User, colleague: Member, showroom: Enrolment
) -> None:
    assert (showroom.step, showroom.until) == ("enrolled", date(2022, 7, 1))
    do = {"member": owner, "enrolment": showroom}
    assert refusal_of(enrolment_step, step="shot", **do) == "not_your_turn"
    assert refusal_of(enrolment_step, step="configured", **do) == "gone_on"
    walk(owner, operator, showroom, "shot", "configured")
    assert refusal_of(enrolment_step, step="configured", **do) == "gone_on", "a double click"
    with pytest.raises(NotAllowed):
        enrolment_step(member=colleague, enrolment=showroom, step="submitted")
    done = walk(owner, operator, showroom, "submitted", "live")
    assert done.step == "live"
    assert "Showroom configured" in notices("enrolment_step")[-1].title, "what follows the shooting"
    [last] = notices("enrolment_steps_done")
    assert last.title == "3D/VR showroom: Live on the site"
    with unscoped():
        steps = EnrolmentEvent.objects.filter(enrolment=showroom).order_by("pk")
        assert [one.step for one in steps] == [
            "", "enrolled", "shot", "configured", "submitted", "live",
        ]  # fmt: skip


@pytest.mark.rule("GRO-18")
def test_what_was_submitted_can_be_sent_back(
    owner: Member, operator: User, showroom: Enrolment
) -> None:
    walk(owner, operator, showroom, "shot", "configured")
    back = {"actor": operator, "reason": "The videos do not play."}
    now = current(owner.seller, "vr_showroom")
    assert refusal_of(enrolment_step_back, enrolment=now, **back) == "cannot_send_back"
    walk(owner, operator, showroom, "submitted")
    now = current(owner.seller, "vr_showroom")
    with pytest.raises(InvalidInput):
        enrolment_step_back(actor=operator, enrolment=now, reason="")
    assert enrolment_step_back(enrolment=now, **back).step == "configured"
    assert "The videos do not play." in notices("enrolment_step")[-1].body
    assert walk(owner, operator, showroom, "submitted", "live").step == "live"


@pytest.mark.rule("GRO-18")
def test_a_showroom_that_is_not_shot_in_time_is_given_up(
    owner: Member, showroom: Enrolment, clock: Any
) -> None:
    clock("2021-09-30T23:59:59-07:00")
    run_night()
    assert current(owner.seller, "vr_showroom").state == ACTIVE
    clock("2021-10-01T00:00:00-07:00")
    run_night()
    ended = current(owner.seller, "vr_showroom")
    assert (ended.state, ended.reason_code) == (EXPIRED, "step_missed")
    assert ended.until == date(2021, 9, 30)
    assert len(notices("enrolment_removed")) == 1


@pytest.mark.rule("GRO-18")
def test_the_end_ends_configuration_before_the_night_says_so(
    owner: Member, operator: User, showroom: Enrolment, clock: Any
) -> None:
    walk(owner, operator, showroom, "shot")
    clock("2022-07-01T23:59:59-07:00")
    walk(owner, operator, showroom, "configured")
    clock("2022-07-02T00:00:00-07:00")
    do = {"member": owner, "enrolment": showroom, "step": "submitted"}
    assert refusal_of(enrolment_step, **do) == "not_enrolled"
    run_night()
    ended = current(owner.seller, "vr_showroom")
    assert (ended.state, ended.until) == (EXPIRED, date(2022, 7, 1))
    assert ended.ended_at == platform_time.end_of(date(2022, 7, 1))


# --- Renewals -----------------------------------------------------------------------------------


@pytest.mark.rule("GRO-18")
@pytest.mark.parametrize(
    ("instant", "code"),
    [
        ("2022-03-31T23:59:59-07:00", "window_closed"),
        ("2022-04-01T00:00:00-07:00", ""),
        ("2022-07-01T23:59:59-07:00", ""),
        ("2022-07-02T00:00:00-07:00", "not_enrolled"),
    ],
)
def test_renewing_is_asked_for_in_the_last_three_months(
    owner: Member, operator: User, showroom: Enrolment, clock: Any, instant: str, code: str
) -> None:
    walk(owner, operator, showroom, "shot")
    clock(instant)
    ask = {"member": owner, "enrolment": showroom}
    if code:
        assert refusal_of(renewal_request, **ask) == code
    else:
        assert renewal_request(**ask).status == RenewalStatus.OPEN
        assert refusal_of(renewal_request, **ask) == "already_asked"


@pytest.mark.rule("GRO-18", "K-4")
def test_a_renewal_is_answered_within_five_working_days_and_holds_one_more_year(
    owner: Member, operator: User, showroom: Enrolment, clock: Any
) -> None:
    walk(owner, operator, showroom, "shot")
    # In Shanghai a Saturday, 10:00, worked for the Qingming holiday from the 3rd to the 5th.
    clock("2022-04-02T02:00:00+00:00")
    renewal = renewal_request(member=owner, enrolment=showroom, note="Bought two years.")
    assert renewal.answer_due_at == platform_time.parse_instant("2022-04-12T10:00:00+08:00")
    granted = renewal_answer(actor=operator, renewal=renewal, grant=True)
    assert (granted.status, granted.answered_by) == (RenewalStatus.GRANTED, operator)
    assert current(owner.seller, "vr_showroom").until == date(2023, 7, 1)
    assert len(notices("renewal_answered")) == 1
    with pytest.raises(Refusal):
        renewal_answer(actor=operator, renewal=renewal, grant=False, answer="No.")
    clock("2023-05-01T12:00:00-07:00")
    ask = {"member": owner, "enrolment": showroom}
    assert refusal_of(renewal_request, **ask) == "renewed_already"


@pytest.mark.rule("GRO-18")
@pytest.mark.parametrize("grant", [True, False])
def test_what_was_asked_for_in_time_waits_for_the_answer(
    owner: Member, operator: User, showroom: Enrolment, clock: Any, grant: bool
) -> None:
    walk(owner, operator, showroom, "shot")
    clock("2022-07-01T23:00:00-07:00")
    renewal = renewal_request(member=owner, enrolment=showroom)
    clock("2022-07-05T12:00:00-07:00")
    run_night()
    assert current(owner.seller, "vr_showroom").state == ACTIVE
    with pytest.raises(InvalidInput):
        renewal_answer(actor=operator, renewal=renewal, grant=False)
    renewal_answer(actor=operator, renewal=renewal, grant=grant, answer="Decided.")
    now = current(owner.seller, "vr_showroom")
    if grant:
        assert (now.state, now.until) == (ACTIVE, date(2023, 7, 1))
    else:
        assert (now.state, now.until) == (EXPIRED, date(2022, 7, 1))


def test_what_has_no_renewal_is_not_renewed(owner: Member, clock: Any) -> None:
    enrolment = apply(owner, programme_create())
    ask = {"member": owner, "enrolment": enrolment}
    assert refusal_of(renewal_request, **ask) == "not_renewable"
    with unscoped():
        assert not EnrolmentRenewal.objects.exists()


# --- The night ----------------------------------------------------------------------------------


@pytest.mark.rule("GRO-18")
def test_verified_makers_are_in_find_factory_by_themselves_as_long_as_they_are_verified(
    category: Category, clock: Any
) -> None:
    def shop(**fields: Any) -> Seller:
        return factories.seller_create(category, **fields)

    maker = shop(company_type=CompanyType.MANUFACTURER)
    both = shop(company_type=CompanyType.COMBINED, city="Shenzhen")
    outside = [
        shop(company_type=CompanyType.TRADER),
        shop(company_type=CompanyType.MANUFACTURER, membership=Membership.BASIC),
        shop(company_type=CompanyType.MANUFACTURER, status=SellerStatus.CLOSED),
    ]
    left = shop(company_type=CompanyType.MANUFACTURER)
    leaver = factories.member_create(left, Role.OWNER, "leaver")
    apply(leaver, shipped("find_factory"))
    enrolment_leave(member=leaver, programme=shipped("find_factory"))
    with unscoped():
        night(date(2022, 8, 1), PROGRAMMES)
    assert [state_of(one, "find_factory") for one in (maker, both)] == [ACTIVE] * 2
    assert [state_of(one, "find_factory") for one in outside] == ["none"] * 3
    assert state_of(left, "find_factory") == EnrolmentState.LEFT
    run_night()
    Seller.objects.filter(pk=maker.pk).update(membership=Membership.BASIC)
    clock.advance(days=1)
    run_night()
    ended = current(maker, "find_factory")
    assert (ended.state, ended.reason_code) == (EXPIRED, "conditions_ended")
    assert state_of(both, "find_factory") == ACTIVE
    Seller.objects.filter(pk=maker.pk).update(membership=Membership.VERIFIED)
    run_night()
    assert state_of(maker, "find_factory") == ACTIVE, "it comes back with the conditions"


def test_many_shops_take_no_more_statements_than_few(category: Category, clock: Any) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries, unscoped():
            automatic_follow(now=platform_time.now())
        return len(queries)

    factories.seller_create(category)
    few = statements()
    for _number in range(12):
        factories.seller_create(category)
    assert statements() <= few
    with unscoped():
        assert Enrolment.objects.filter(programme__code="find_factory").count() == 13


@pytest.mark.rule("K-11")
def test_a_flag_ends_with_the_membership_the_night_ends(owner: Member, clock: Any) -> None:
    programme = programme_create(flag="made_up", audience=[
        {"field": "enrolled_in", "op": "eq", "value": "base"}])  # fmt: skip
    base = programme_create("base", term={"months": 1})
    apply(owner, base)
    apply(owner, programme)
    assert SellerFlag.objects.get().until is None
    clock("2022-09-04T12:00:00-07:00")
    run_night()
    assert current(owner.seller, "base").until == date(2022, 9, 3)
    assert current(owner.seller, "made_up").until == date(2022, 9, 3)
    assert SellerFlag.objects.get().until == date(2022, 9, 3)


def test_owners_are_told_of_ends_once(
    owner: Member, colleague: Member, operator: User, showroom: Enrolment, clock: Any
) -> None:
    walk(owner, operator, showroom, "shot")
    told = []
    for day in (date(2022, 3, 31), date(2022, 4, 1), date(2022, 6, 23), date(2022, 6, 24)):
        clock.noon(day)
        run_night()
        told.append(len(notices("enrolment_ending")))
    assert told == [0, 1, 1, 2]
    assert {one.user for one in notices("enrolment_ending")} == {owner.user}
