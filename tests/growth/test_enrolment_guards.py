"""Ways round what programmes ask for, and changes that meet: neither gets a shop in or keeps it in (GRO-17)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry

from growth.choices import EnrolmentState, RenewalStatus
from growth.models import Enrolment, EnrolmentRenewal, Programme
from growth.programmes.schema import programme_errors
from growth.services import renewals
from growth.services.enrolment_moves import enrolment_move
from growth.services.enrolment_nights import (
    automatic_follow,
    dependents_expire,
    enrolments_expire,
    steps_missed_end,
)
from growth.services.enrolment_review import enrolment_decide, enrolment_remove
from growth.services.enrolment_steps import enrolment_step
from growth.services.enrolments import enrolment_leave
from growth.services.renewals import renewal_answer, renewal_request
from portal import platform_time
from portal.errors import InvalidInput, Refusal
from portal.models import Member, MetricValue, Notice, Seller, SellerFlag, User
from portal.scoping import unscoped
from tests.compliance.world import upload
from tests.growth.programme_world import (
    ACTIVE,
    APPLIED,
    apply,
    current,
    enrolments,
    operator_create,
    programme_create,
)
from tests.growth.world import night

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("GRO-17")]

EXPIRED = EnrolmentState.EXPIRED
RENEWABLE = {"months_before": 3, "months": 12, "answer_working_days": 5}
WORDS = {"en": "Words"}
KINDS = ACTIVITIES, CHANNELS = "growth.activities_enrolled", "growth.exclusive_channels"


@pytest.fixture
def operator(db: None) -> User:
    """A member of staff who may decide."""
    return operator_create()


# --- Documents ----------------------------------------------------------------------------------


def asks_for(kind: str, **option: Any) -> Programme:
    option |= {"key": "proof", "kind": kind, "title": WORDS}
    return programme_create(
        routes=[
            {"review": True, "documents": [{"key": "proof", "title": WORDS, "options": [option]}]}
        ]
    )


@pytest.mark.rule("GRO-18")
@pytest.mark.parametrize(
    ("kind", "option"),
    [
        ("certificate", {"types": ["trademark"]}),
        ("fact", {"condition": {"metric": "ext.famous_mark", "op": "gte", "value": 1}}),
        ("text", {}),
    ],
)
def test_a_file_stands_in_for_nothing_that_is_no_file(
    owner: Member, kind: str, option: dict[str, Any]
) -> None:
    programme = asks_for(kind, **option)
    with pytest.raises(InvalidInput) as refused:
        apply(owner, programme, files={"proof": [upload("acceptance-notice.pdf")]})
    assert [name for name, _text in refused.value.fields] == ["files.proof"]
    assert not enrolments()


def test_a_file_is_taken_where_one_is_asked_for(owner: Member) -> None:
    assert apply(owner, asks_for("file"), files={"proof": [upload()]}).state == APPLIED


# --- Coming back --------------------------------------------------------------------------------


def test_who_was_removed_does_not_get_round_staff_by_taking_an_application_back(
    owner: Member, operator: User
) -> None:
    programme = programme_create()
    enrolment_remove(actor=operator, enrolment=apply(owner, programme), ground="", reason="Fake.")
    assert apply(owner, programme).state == APPLIED
    enrolment_leave(member=owner, programme=programme)
    again = apply(owner, programme)
    assert again.state == APPLIED
    enrolment_decide(actor=operator, enrolment=again, approve=False, reason="No.")
    again = apply(owner, programme)
    assert again.state == APPLIED
    enrolment_decide(actor=operator, enrolment=again, approve=True)
    enrolment_leave(member=owner, programme=programme)
    assert apply(owner, programme).state == ACTIVE, "staff had let it in again"


# --- What is over -------------------------------------------------------------------------------


def test_nobody_gets_into_what_is_over_though_its_window_is_open(owner: Member, clock: Any) -> None:
    programme = programme_create(term={"until": date(2022, 8, 4)})
    clock("2022-08-05T00:00:00-07:00")
    with pytest.raises(Refusal) as refused:
        apply(owner, programme)
    assert refused.value.code == "window_closed"
    assert not enrolments()
    clock("2022-08-04T23:59:59-07:00")
    assert apply(owner, programme).until == date(2022, 8, 4)


def test_the_last_day_counts_whole(owner: Member, clock: Any) -> None:
    apply(owner, programme_create(term={"until": date(2022, 8, 4)}))
    for now, ended in (("2022-08-04T23:59:59", 0), ("2022-08-05T00:00:00", 1)):
        clock(f"{now}-07:00")
        with unscoped():
            assert enrolments_expire(now=platform_time.now()) == ended
    over = current(owner.seller, "made_up")
    assert (over.state, over.until) == (EXPIRED, date(2022, 8, 4))
    assert over.ended_at == platform_time.now()


def test_the_night_begins_nothing_that_is_over(owner: Member, clock: Any) -> None:
    programme_create(routes=[{"automatic": True}], term={"until": date(2022, 8, 4)})
    for day, begun in ((4, 1), (5, 1), (6, 1)):
        clock(f"2022-08-0{day}T12:00:00-07:00")
        now = platform_time.now()
        with unscoped():
            enrolments_expire(now=now)
            automatic_follow(now=now)
            made = Enrolment.objects.filter(programme__code="made_up")
            assert made.count() == begun


@pytest.mark.parametrize("limit", [{"places": 10}, {"once_per_owner": True}, {"voucher": True}])
def test_what_the_night_would_pass_over_is_not_automatic(limit: dict[str, Any]) -> None:
    content = {"summary": WORDS, **limit}
    assert programme_errors(content) == []
    assert programme_errors(content | {"routes": [{"automatic": True, "agrees": False}]})


def test_who_is_enrolled_by_the_night_has_steps_to_do(owner: Member, clock: Any) -> None:
    steps = [
        {"key": "begun", "title": WORDS, "who": "shop"},
        {"key": "done", "title": WORDS, "who": "shop"},
    ]
    programme_create(routes=[{"automatic": True}], steps=steps)
    with unscoped():
        automatic_follow(now=platform_time.now())
    assert current(owner.seller, "made_up").step == "begun"
    moved = enrolment_step(member=owner, enrolment=current(owner.seller, "made_up"), step="done")
    assert moved.step == "done"


# --- What belongs together ----------------------------------------------------------------------


def test_what_is_built_on_what_is_built_on_it_ends_in_the_same_night(owner: Member) -> None:
    def built_on(code: str, position: int, *needed: str) -> None:
        audience = [{"field": "enrolled_in", "op": "eq", "value": one} for one in needed]
        programme = programme_create(code, audience=audience)
        Programme.objects.filter(pk=programme.pk).update(position=position)
        apply(owner, programme)

    built_on("base", 3)
    built_on("middle", 2, "base")
    built_on("top", 1, "middle")
    with unscoped():
        Enrolment.objects.filter(programme__code="base").update(state=EXPIRED)
        assert dependents_expire(now=platform_time.now()) == 2
        assert dependents_expire(now=platform_time.now()) == 0


@pytest.mark.rule("GRO-18", "K-18", "K-19")
def test_an_application_is_refused_in_the_night_in_which_what_it_builds_on_ends(
    owner: Member, clock: Any
) -> None:
    base = programme_create("base", term={"until": date(2022, 8, 4)})
    needs = [{"field": "enrolled_in", "op": "eq", "value": "base"}]
    waits = programme_create("waits", audience=needs, routes=[{"review": True}])
    apply(owner, base)
    applied = apply(owner, waits)

    def nightly() -> int:
        with unscoped():
            enrolments_expire(now=platform_time.now())
            return dependents_expire(now=platform_time.now())

    clock("2022-08-04T23:59:59-07:00")
    assert (nightly(), current(owner.seller, "waits").state) == (0, APPLIED)
    clock("2022-08-05T00:00:00-07:00")
    assert (nightly(), nightly()) == (1, 0)
    refused_one = current(owner.seller, "waits")
    assert (refused_one.pk, refused_one.state) == (applied.pk, EnrolmentState.REFUSED)
    assert (refused_one.reason_code, refused_one.until) == ("prerequisite_ended", None)
    assert refused_one.ended_at == platform_time.now()
    with unscoped():
        assert [event.state for event in refused_one.events.order_by("pk")] == [
            APPLIED, EnrolmentState.REFUSED
        ]  # fmt: skip
        [notice] = Notice.objects.filter(kind="enrolment_decided")
    assert notice.user == owner.user
    assert notice.params["reason"]["en"] == "The programme it builds on has ended."
    entry = LogEntry.objects.get_for_object(refused_one).get(
        additional_data__action="enrolment.end"
    )
    assert entry.changes["state"] == ["applied", "refused"]


@pytest.mark.rule("GRO-4", "GRO-9")
def test_programmes_of_a_kind_are_counted_on_the_days_they_hold(
    owner: Member, shop: Seller, clock: Any
) -> None:
    """Two activities and a channel from the 3rd of August on; one activity ends with the 4th."""
    apply(owner, programme_create("short", term={"until": date(2022, 8, 4)}))
    apply(owner, programme_create("long"))
    apply(owner, programme_create("channel", kind="channel"))
    clock("2022-08-08T12:00:00-07:00")

    def counted(day: date) -> dict[str, int]:
        with unscoped():
            enrolments_expire(now=platform_time.now())
            night(day, "metrics")
            rows = MetricValue.objects.as_of(day).filter(seller=shop, metric__in=KINDS)
            return {row.metric: int(row.value) for row in rows}

    assert counted(date(2022, 8, 2)) == {}
    assert counted(date(2022, 8, 3)) == {ACTIVITIES: 2, CHANNELS: 1}
    assert counted(date(2022, 8, 4)) == {ACTIVITIES: 2, CHANNELS: 1}
    assert counted(date(2022, 8, 5)) == {ACTIVITIES: 1, CHANNELS: 1}


@pytest.mark.rule("K-11")
def test_a_flag_two_programmes_give_holds_while_one_of_them_does(owner: Member, clock: Any) -> None:
    apply(owner, programme_create("short", flag="badge", term={"months": 1}))
    apply(owner, programme_create("long", flag="badge", term={"months": 2}))
    for now, until in (("2022-09-04", date(2022, 10, 3)), ("2022-10-04", date(2022, 10, 3))):
        clock(f"{now}T12:00:00-07:00")
        with unscoped():
            assert enrolments_expire(now=platform_time.now()) == 1
            assert SellerFlag.objects.get(code="badge").until == until


# --- Renewals -----------------------------------------------------------------------------------


@pytest.fixture
def asked(owner: Member, clock: Any) -> EnrolmentRenewal:
    """A renewal that waits, of a membership that ends on 2022-09-03."""
    programme = programme_create(term={"months": 1}, renewal=RENEWABLE)
    return renewal_request(member=owner, enrolment=apply(owner, programme))


def test_a_renewal_does_not_revive_what_ended_in_the_same_moment(
    asked: EnrolmentRenewal, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def until(*args: Any) -> date:
        # The night, which holds the enrolment and not the shop, is done just before the row is written.
        Enrolment.objects.filter(pk=asked.enrolment_id).update(
            state=EXPIRED, until=date(2022, 8, 2)
        )
        return date(2023, 9, 3)

    monkeypatch.setattr(renewals, "renewed_until", until)
    with pytest.raises(Refusal) as refused:
        renewal_answer(actor=operator, renewal=asked, grant=True)
    assert refused.value.code == "gone_on"
    with unscoped():
        assert EnrolmentRenewal.objects.get().status == RenewalStatus.OPEN
    assert not [one for one in enrolments() if one["until"] == date(2023, 9, 3)]


def left(owner: Member, operator: User, enrolment: Enrolment) -> None:
    enrolment_leave(member=owner, programme=enrolment.programme)


def removed(owner: Member, operator: User, enrolment: Enrolment) -> None:
    enrolment_remove(actor=operator, enrolment=enrolment, ground="", reason="Fake.")


def taken_up_again(owner: Member, operator: User, enrolment: Enrolment) -> None:
    apply(owner, enrolment.programme)


@pytest.mark.parametrize(("end", "day"), [(left, 10), (removed, 10), (taken_up_again, 35)])
def test_with_the_membership_its_waiting_renewal_is_over(
    asked: EnrolmentRenewal, owner: Member, operator: User, clock: Any, end: Any, day: int
) -> None:
    clock.advance(days=day)
    end(owner, operator, current(owner.seller, "made_up"))
    with unscoped():
        renewal = EnrolmentRenewal.objects.get()
    assert (renewal.status, renewal.answered_by) == (RenewalStatus.OVER, None)
    assert renewal.answered_at == platform_time.now()


def test_the_night_closes_waiting_renewals_with_what_it_ends(owner: Member, clock: Any) -> None:
    base = programme_create("base")
    apply(owner, base)
    built_on = programme_create(
        term={"months": 1},
        renewal=RENEWABLE,
        audience=[{"field": "enrolled_in", "op": "eq", "value": "base"}],
    )
    renewal_request(member=owner, enrolment=apply(owner, built_on))
    with unscoped():
        enrolment_move(
            enrolment=current(owner.seller, "base"),
            state=EXPIRED,
            action="enrolment.end",
            actor=None,
        )
        dependents_expire(now=platform_time.now())
        assert EnrolmentRenewal.objects.get().status == RenewalStatus.OVER


def test_what_waited_for_a_renewal_keeps_its_last_day_when_the_night_ends_it(
    owner: Member, clock: Any
) -> None:
    """A step missed ten days after the last day does not make the membership ten days longer."""
    steps = [
        {"key": "first", "title": WORDS, "who": "shop"},
        {"key": "second", "title": WORDS, "who": "shop", "by": date(2022, 9, 10), "ends": True},
    ]
    programme = programme_create(term={"months": 1}, renewal=RENEWABLE, steps=steps)
    enrolment = apply(owner, programme)
    assert enrolment.until == date(2022, 9, 3)
    renewal_request(member=owner, enrolment=enrolment)
    clock.advance(days=40)
    with unscoped():
        assert steps_missed_end(now=platform_time.now()) == 1
    ended = current(owner.seller, "made_up")
    assert (ended.state, ended.until) == (EXPIRED, date(2022, 9, 3))
    assert ended.ended_at - platform_time.now() < timedelta(seconds=1)
