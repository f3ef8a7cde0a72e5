"""Who has a certificate in hand: claiming, taking over, releasing, and who may be the second (EPR-7)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from compliance.choices import CertificateEventKind, CertificateStatus
from compliance.models import Certificate, CertificateEvent
from compliance.services.review_notices import taken_over_tell
from compliance.services.review_steps import (
    certificate_hold,
    certificate_step,
    changed_meanwhile,
    claimed_by,
    claimed_elsewhere,
    event_add,
    may_review,
    no_longer_waiting,
    not_of_own_shop,
    review_rules,
)
from portal import platform_time
from portal.errors import Refusal
from portal.locks import queued_transaction
from portal.models import User
from portal.scoping import unscoped
from portal.services import audit

CLAIM_LASTS = timedelta(hours=2)
"""Another reviewer may take over a claim this old."""

Status, Event = CertificateStatus, CertificateEventKind


def certificate_claim(*, actor: User, certificate: Certificate) -> Certificate:
    """Take a waiting certificate into review, for this reviewer alone; claiming it again changes nothing.

    A claim older than two hours may be taken over; both reviewers are told. Raises `NotAllowed`,
    `own_certificate`, `claimed`, `second_person` (the first of two approvals was hers),
    `not_submitted`, `already_decided`.
    """
    may_review(actor=actor)
    not_of_own_shop(actor=actor, certificate=certificate)
    now = platform_time.now()
    with unscoped(), queued_transaction():
        held = certificate_hold(certificate.pk)
        if held.status == Status.IN_REVIEW:
            if held.claimed_by_id != actor.pk:
                _take_over(held, actor, now)
        else:
            if held.status != Status.SUBMITTED:
                raise no_longer_waiting(held)
            second_person(actor=actor, certificate=held, now=now)
            certificate_step(
                held,
                Status.IN_REVIEW,
                Event.CLAIMED,
                action="certificate.claim",
                actor=actor,
                now=now,
                claimed_at=now,
                claimed_by=actor,
            )
    return held


def _take_over(held: Certificate, actor: User, now: datetime) -> None:
    """Give an old claim, or that of a person who is gone, to another reviewer."""
    before = held.claimed_by
    if held.claimed_at is None or (before is not None and held.claimed_at > now - CLAIM_LASTS):
        raise claimed_elsewhere(held)
    second_person(actor=actor, certificate=held, now=now)
    unchanged = Certificate.objects.filter(
        pk=held.pk, status=Status.IN_REVIEW, claimed_at=held.claimed_at, claimed_by=before
    )
    if not unchanged.update(claimed_at=now, claimed_by=actor):
        raise changed_meanwhile()
    held.claimed_at, held.claimed_by = now, actor
    name = before.get_username() if before else None
    audit.record(
        action="certificate.take_over",
        actor=actor,
        obj=held,
        before={"claimed_by": name},
        after={"claimed_by": actor.get_username()},
    )
    event_add(held, Event.CLAIMED, actor=actor, now=now)
    taken_over_tell(held, before=before, now=actor)


def certificate_release(*, actor: User, certificate: Certificate) -> Certificate:
    """Put a claimed certificate back into the queue; only who claimed it can."""
    may_review(actor=actor)
    with unscoped(), queued_transaction():
        held = certificate_hold(certificate.pk)
        claimed_by(actor=actor, certificate=held)
        certificate_step(
            held,
            Status.SUBMITTED,
            Event.RELEASED,
            action="certificate.release",
            actor=actor,
            now=platform_time.now(),
        )
    return held


@contextmanager
def claimed_for(*, actor: User, certificate: Certificate) -> Iterator[Certificate]:
    """Hold a claim for a decision: claim if nobody has, and release it again when it is refused."""
    with unscoped():
        mine = Certificate.objects.filter(
            pk=certificate.pk, status=Status.IN_REVIEW, claimed_by=actor
        ).exists()
    held = certificate_claim(actor=actor, certificate=certificate)
    try:
        yield held
    except Refusal:
        if not mine:
            certificate_release(actor=actor, certificate=held)
        raise


# --- Two persons --------------------------------------------------------------------------------


def first_approver(held: Certificate) -> int | None:
    """Return who approved this very content first; a correction by the seller starts anew."""
    first = held.first_approved_by_id
    approvals = CertificateEvent.objects.filter(
        certificate=held, kind=Event.FIRST_APPROVAL, digest=held.digest, by=first
    )
    return first if first is not None and approvals.exists() else None


def second_person(*, actor: User, certificate: Certificate, now: datetime) -> None:
    """Refuse the second of two approvals to who gave the first (`second_person`)."""
    if review_rules(now).two_person and first_approver(certificate) == actor.pk:
        raise Refusal(
            "second_person", _("You approved this certificate first: a second reviewer decides.")
        )
