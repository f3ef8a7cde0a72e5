"""Steps after enrolling: each done in its turn by the shop or by staff (GRO-18)."""

from __future__ import annotations

from django.utils.translation import gettext as _

from growth.choices import EnrolmentState
from growth.models import Enrolment
from growth.programmes.reading import content_of
from growth.programmes.rules import next_step, step_before
from growth.programmes.schema import Step
from growth.services.enrolment_moves import (
    enrolment_tell,
    event_add,
    gone_on,
    shop_lock,
)
from growth.services.enrolment_review import reason_of, staff_change
from portal import platform_time
from portal.choices import Action
from portal.errors import NotAllowed, Refusal
from portal.locks import queued_transaction
from portal.models import Member, User
from portal.scoping import seller_scope
from portal.services import audit


def enrolment_step(*, member: Member, enrolment: Enrolment, step: str) -> Enrolment:
    """Do the shop's next step (GRO-18).

    Raises `NotAllowed` for anybody but the owner; refuses `not_enrolled` when the membership is over:
    its end ends all configuration; `not_your_turn` for a step of staff; `gone_on` for one that is not
    the next, such as a double click.
    """
    if not member.can(Action.ENROL):
        raise NotAllowed(_("Only the owner of the shop can do this step."))
    with seller_scope(member.seller), queued_transaction():
        shop_lock(member.seller)
        rows = Enrolment.objects.select_related("programme", "seller")
        current = rows.get(pk=enrolment.pk)
        due = _next(current, step)
        if due.who != "shop":
            raise Refusal("not_your_turn", _("The platform does this step."))
        return _finish(current, due, member.user)


def enrolment_step_finish(*, actor: User, enrolment: Enrolment, step: str) -> Enrolment:
    """Do the next step as staff; the shop is told what comes next (GRO-18). Refuses as `enrolment_step`.

    Staff can note a step of the shop as done too.
    """
    with staff_change(actor=actor, enrolment=enrolment) as current:
        done = _finish(current, _next(current, step), actor)
        _tell(done)
    return done


def enrolment_step_back(*, actor: User, enrolment: Enrolment, reason: str) -> Enrolment:
    """Have the step before done again instead of doing the next one, with a reason (GRO-18).

    Refuses `cannot_send_back` where the next step is no judgement of the one before.
    """
    reason = reason_of(reason, needed=True)
    with staff_change(actor=actor, enrolment=enrolment) as current:
        steps = content_of(current.programme).steps
        due = next_step(steps, current.step)
        again = step_before(steps, current.step)
        if due is None or not due.sends_back or again is None:
            raise Refusal("cannot_send_back", _("There is nothing to send back now."))
        _check_holds(current)
        _advance(current, to=again.key)
        event_add(current, actor=actor, reason=reason)
        audit.record(
            action="enrolment.step_back",
            actor=actor,
            obj=current,
            before={"step": due.key},
            after={"step": again.key, "reason": reason},
        )
        _tell(current, reason=reason)
    return current


def _next(enrolment: Enrolment, wanted: str) -> Step:
    """Return the next step if it is the one wanted and the membership holds."""
    _check_holds(enrolment)
    due = next_step(content_of(enrolment.programme).steps, enrolment.step)
    if due is None or due.key != wanted:
        raise gone_on()
    return due


def _check_holds(enrolment: Enrolment) -> None:
    if enrolment.state != EnrolmentState.ACTIVE or enrolment.over_on(platform_time.today()):
        raise Refusal("not_enrolled", _("The membership is over; nothing can be configured."))


def _finish(enrolment: Enrolment, step: Step, actor: User) -> Enrolment:
    before = enrolment.step
    _advance(enrolment, to=step.key)
    event_add(enrolment, actor=actor)
    audit.record(
        action="enrolment.step",
        actor=actor,
        obj=enrolment,
        before={"step": before},
        after={"step": step.key},
        programme=enrolment.programme.code,
    )
    return enrolment


def _advance(enrolment: Enrolment, *, to: str) -> None:
    unmoved = Enrolment.objects.filter(
        pk=enrolment.pk, state=EnrolmentState.ACTIVE, step=enrolment.step
    )
    if not unmoved.update(step=to, step_at=platform_time.now()):
        raise gone_on()
    enrolment.refresh_from_db()


def _tell(enrolment: Enrolment, reason: str = "") -> None:
    steps = content_of(enrolment.programme).steps
    due = next_step(steps, enrolment.step)
    done = next(one for one in steps if one.key == enrolment.step)
    enrolment_tell(
        enrolment,
        "enrolment_step" if due is not None else "enrolment_steps_done",
        f"{enrolment.step}:{enrolment.step_at:%Y%m%d%H%M%S%f}",
        step=done.title.both,
        reason=reason,
        **({"next": due.title.both} if due is not None else {}),
    )
