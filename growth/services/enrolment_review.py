"""What staff decide about enrolments: taking on, enrolling, refusing, removing (GRO-17, UI-7)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.utils.translation import gettext as _

from growth.choices import EnrolmentState
from growth.models import Enrolment
from growth.programmes.reading import content_of, reason_texts
from growth.services.enrolment_moves import (
    dependents_end,
    enrolment_move,
    enrolment_tell,
    gone_on,
    membership,
    shop_lock,
)
from portal import platform_time
from portal.bilingual import in_both
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.cells import CellError, safe_text
from portal.locks import queued_transaction
from portal.models import Member, User
from portal.scoping import unscoped
from portal.templatetags.portal_ui import list_text

PERMISSION = "growth.review_enrolment"
MAX_REASON = 2000


@contextmanager
def staff_change(*, actor: User, enrolment: Enrolment) -> Iterator[Enrolment]:
    """Let a member of staff change an enrolment: yields it as it is now, with its shop's row held.

    Raises `NotAllowed` without the permission, and for people of the shop itself.
    """
    if not actor.has_perm(PERMISSION):
        raise NotAllowed(_("You may not decide about enrolments."))
    with unscoped(), queued_transaction():
        if Member.everywhere.filter(user=actor, seller_id=enrolment.seller_id).exists():
            raise NotAllowed(_("You belong to this shop: a colleague decides."))
        shop_lock(enrolment.seller)
        rows = Enrolment.objects.select_related("programme", "seller")
        current = rows.get(pk=enrolment.pk)
        if current.state != enrolment.state or current.step != enrolment.step:
            raise gone_on()
        yield current


def enrolment_take(*, actor: User, enrolment: Enrolment) -> Enrolment:
    """Begin with an application, so that nobody else does; refuses `gone_on` (GRO-17)."""
    with staff_change(actor=actor, enrolment=enrolment) as current:
        return enrolment_move(
            enrolment=current,
            state=EnrolmentState.IN_REVIEW,
            action="enrolment.take",
            actor=actor,
        )


def enrolment_decide(
    *, actor: User, enrolment: Enrolment, approve: bool, reason: str = ""
) -> Enrolment:
    """Enrol a shop that applied, or refuse it with a reason it is told (GRO-17).

    Raises `InvalidInput` for a refusal without a reason; refuses `gone_on`, `over` when the programme is
    over already, `documents_ended` when a certificate handed in does not count any more.
    """
    reason = reason_of(reason, needed=not approve)
    with staff_change(actor=actor, enrolment=enrolment) as current:
        now = platform_time.now()
        if approve:
            fields = membership(content_of(current.programme), now)
            if fields["until"] is not None and fields["until"] < fields["since"]:
                raise Refusal("over", _("The programme is over: nobody can be enrolled any more."))
            _check_documents(current, now)
        else:
            fields = {}
        state = EnrolmentState.ACTIVE if approve else EnrolmentState.REFUSED
        moved = enrolment_move(
            enrolment=current,
            state=state,
            action="enrolment.decide",
            actor=actor,
            reason=reason,
            decided_at=now,
            decided_by=actor,
            **fields,
        )
        enrolment_tell(
            moved,
            "enrolment_decided",
            moved.state,
            decision=in_both(moved.get_state_display),
            reason=reason,
        )
    return moved


def _check_documents(enrolment: Enrolment, now: datetime) -> None:
    ended = [
        one.certificate.number
        for one in enrolment.documents.select_related("certificate")
        if not one.certificate.counts_at(now)
    ]
    if ended:
        text = _("No longer in force: %(numbers)s. Refuse the application, saying so.")
        raise Refusal("documents_ended", text % {"numbers": list_text(ended)})


def enrolment_remove(
    *, actor: User, enrolment: Enrolment, ground: str, reason: str = ""
) -> Enrolment:
    """Remove a shop on one of the programme's grounds, or with a reason in words; the shop is told (GRO-17).

    What builds on it ends too. Raises `InvalidInput` naming `ground` or `reason`; refuses `gone_on`.
    """
    with staff_change(actor=actor, enrolment=enrolment) as current:
        grounds = {one.key for one in content_of(current.programme).removal}
        if ground and ground not in grounds:
            raise InvalidInput([("ground", _("This is no ground of the programme."))])
        reason = reason_of(reason, needed=not ground)
        moved = enrolment_move(
            enrolment=current,
            state=EnrolmentState.REMOVED,
            action="enrolment.remove",
            actor=actor,
            reason_code=ground,
            reason=reason,
            decided_at=platform_time.now(),
            decided_by=actor,
        )
        enrolment_tell(
            moved,
            "enrolment_removed",
            "removed",
            reason={
                language: f"{text} {reason}".strip()
                for language, text in reason_texts(moved).items()
            },
        )
        dependents_end(moved, actor=actor)
    return moved


def reason_of(text: str, *, needed: bool) -> str:
    """Return a reason, cleaned; raises `InvalidInput` naming `reason` for a missing or unfit one."""
    try:
        text = safe_text(text, MAX_REASON)
    except CellError as error:
        raise InvalidInput([("reason", str(error))]) from None
    if needed and not text:
        raise InvalidInput([("reason", _("Say why: the shop is told."))])
    return text
