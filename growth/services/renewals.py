"""Renewing an enrolment that will end, and the answer (延期申请, GRO-18)."""

from __future__ import annotations

from datetime import date

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from growth.choices import EnrolmentState, RenewalStatus
from growth.models import Enrolment, EnrolmentRenewal
from growth.programmes.reading import content_of
from growth.programmes.rules import answer_due_at, renewal_from, renewed_until
from growth.programmes.schema import RenewalRule
from growth.services.enrolment_moves import (
    dependents_end,
    enrolment_move,
    enrolment_tell,
    event_add,
    flag_follow,
    gone_on,
    shop_lock,
)
from growth.services.enrolment_review import reason_of, staff_change
from portal import platform_time
from portal.bilingual import in_both
from portal.choices import Action
from portal.errors import NotAllowed, Refusal
from portal.locks import queued_transaction
from portal.models import Member, User
from portal.scoping import seller_scope
from portal.services import audit
from portal.templatetags.portal_ui import day_text


def renewal_request(*, member: Member, enrolment: Enrolment, note: str = "") -> EnrolmentRenewal:
    """Ask for an enrolment to go on after its end (GRO-18).

    Possible from some months before the last day to its end; answered within working days. Raises
    `NotAllowed` for anybody but the owner, `InvalidInput` naming `note`; refuses `not_enrolled`,
    `not_renewable`, `window_closed` before its time, `already_asked`, `renewed_already` once it was
    renewed as often as possible.
    """
    if not member.can(Action.ENROL):
        raise NotAllowed(_("Only the owner of the shop can ask for a renewal."))
    note = reason_of(note, needed=False)
    with seller_scope(member.seller), queued_transaction():
        shop_lock(member.seller)
        rows = Enrolment.objects.select_related("programme", "seller")
        current = rows.get(pk=enrolment.pk)
        rule = _rule_of(current)
        now = platform_time.now()
        try:
            with transaction.atomic():
                renewal = EnrolmentRenewal.objects.create(
                    enrolment=current,
                    asked_at=now,
                    asked_by=member.user,
                    note=note,
                    answer_due_at=answer_due_at(rule, now),
                )
        except IntegrityError:
            raise _asked_already() from None
        audit.record(
            action="renewal.request",
            actor=member.user,
            obj=renewal,
            after={"programme": current.programme.code, "until": current.until},
        )
    return renewal


def _rule_of(enrolment: Enrolment) -> RenewalRule:
    """Return how the enrolment is renewed, or refuse as `renewal_request` says."""
    rule, until, today = (
        content_of(enrolment.programme).renewal,
        enrolment.until,
        platform_time.today(),
    )
    if enrolment.state != EnrolmentState.ACTIVE or enrolment.over_on(today):
        raise Refusal("not_enrolled", _("The membership is over; it cannot be renewed any more."))
    if rule is None or until is None:
        raise Refusal("not_renewable", _("This is not renewed."))
    first = renewal_from(rule, until)
    if today < first:
        text = _("Renewing can be asked for from %(day)s on.") % {"day": day_text(first)}
        raise Refusal("window_closed", text)
    asked = list(enrolment.renewals.values_list("status", flat=True))
    if RenewalStatus.OPEN in asked:
        raise _asked_already()
    if asked.count(RenewalStatus.GRANTED) >= rule.times:
        raise Refusal(
            "renewed_already", _("This has been renewed already; there is no further time.")
        )
    return rule


def _asked_already() -> Refusal:
    return Refusal("already_asked", _("Your shop has asked already; staff will answer."))


def renewal_answer(
    *, actor: User, renewal: EnrolmentRenewal, grant: bool, answer: str = ""
) -> EnrolmentRenewal:
    """Grant a renewal or refuse it with words for the shop, which is told (GRO-18).

    One that was asked for in time is granted also when the last day has passed meanwhile; refused then,
    the enrolment ends with its last day. Raises `InvalidInput` for a refusal without words; refuses `gone_on`.
    """
    answer = reason_of(answer, needed=not grant)
    with staff_change(actor=actor, enrolment=renewal.enrolment) as current:
        status = RenewalStatus.GRANTED if grant else RenewalStatus.REFUSED
        rule = content_of(current.programme).renewal
        if current.state != EnrolmentState.ACTIVE or rule is None or current.until is None:
            raise gone_on()
        moved = EnrolmentRenewal.objects.filter(pk=renewal.pk, status=RenewalStatus.OPEN).update(
            status=status, answered_at=platform_time.now(), answered_by=actor, answer=answer
        )
        if not moved:
            raise gone_on()
        before = current.until
        if grant:
            current.until = renewed_until(rule, before)
            # The night does not hold the shop: what it has ended meanwhile stays ended.
            unended = Enrolment.objects.filter(
                pk=current.pk, state=EnrolmentState.ACTIVE, until=before
            )
            if not unended.update(until=current.until):
                raise gone_on()
            event_add(current, actor=actor, reason=answer)
            flag_follow(current, actor=actor)
        renewal.refresh_from_db()
        audit.record(
            action="renewal.answer",
            actor=actor,
            obj=renewal,
            before={"status": RenewalStatus.OPEN.value, "until": before},
            after={"status": status.value, "until": current.until},
        )
        enrolment_tell(
            current,
            "renewal_answered",
            str(renewal.pk),
            decision=in_both(renewal.get_status_display),
            until=current.until,
            reason=answer,
        )
        if not grant and current.over_on(platform_time.today()):
            _end(current, before, actor)
    return renewal


def _end(enrolment: Enrolment, last: date, actor: User) -> None:
    """End an enrolment whose last day passed while its renewal waited."""
    enrolment_move(
        enrolment=enrolment,
        state=EnrolmentState.EXPIRED,
        action="enrolment.end",
        actor=actor,
        ended_at=platform_time.end_of(last),
    )
    dependents_end(enrolment, actor=actor)
