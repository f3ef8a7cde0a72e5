"""The review of certificates: claiming, deciding, ending (EPR-4, EPR-7, EPR-12).

A reviewer claims a certificate before deciding about it; a claim is one reviewer's alone. An approval
names the digest it saw and reads the stored files again. Verifying a number anew ends the
certificate that was verified under it before, in the same transaction and at the same instant, so that
the gate sees neither a gap nor two. What is decided is undone by revoking only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.certificates.content import certificate_content, content_digest
from compliance.choices import (
    CertificateEventKind,
    CertificateStatus,
    CertificateType,
    ReasonKind,
)
from compliance.models import Certificate, CertificateEvent, ReviewReason
from compliance.services.review_claims import (
    CLAIM_LASTS,
    certificate_claim,
    certificate_release,
    claimed_for,
    first_approver,
    second_person,
)
from compliance.services.review_notices import decision_tell, expired_tell
from compliance.services.review_steps import (
    NO_REASON,
    PERMISSION,
    Reason,
    certificate_hold,
    certificate_step,
    changed_meanwhile,
    claimed_by,
    files_unchanged,
    may_review,
    no_longer_waiting,
    not_of_own_shop,
    number_hold,
    review_rules,
)
from portal import platform_time
from portal.errors import InvalidInput, Refusal
from portal.ingest.cells import CellError, safe_text
from portal.locks import queued_transaction
from portal.models import User
from portal.scoping import unscoped
from portal.services import audit

__all__ = [
    "CLAIM_LASTS",
    "MAX_BULK",
    "PERMISSION",
    "BulkResult",
    "Reason",
    "certificate_approve",
    "certificate_approve_found",
    "certificate_claim",
    "certificate_reject",
    "certificate_release",
    "certificate_revoke",
    "certificates_approve_many",
    "certificates_expire",
    "claimed_for",
    "decision_reason",
]

MAX_TEXT = 2000
MAX_CODE = 40
MAX_BULK = 100
BATCH = 500

Status, Event = CertificateStatus, CertificateEventKind


# --- Approving ----------------------------------------------------------------------------------


def certificate_approve(*, actor: User, certificate: Certificate, digest: str) -> Certificate:
    """Approve the content with this digest; the certificate counts from now (EPR-7).

    Where the rulebook wants two persons the first approval puts it back into the queue for another
    reviewer. Raises `NotAllowed`, `own_certificate`, `not_claimed`, `claimed`, `already_decided`,
    `changed_meanwhile`, `file_changed`, `expired`, `number_elsewhere`, `second_person`.
    """
    may_review(actor=actor)
    not_of_own_shop(actor=actor, certificate=certificate)
    now = platform_time.now()
    with unscoped():
        files_unchanged(certificate)
        with queued_transaction():
            held, others = _held_for_approval(certificate)
            claimed_by(actor=actor, certificate=held)
            second_person(actor=actor, certificate=held, now=now)
            _approvable(held, others, digest, now)
            if review_rules(now).two_person and not first_approver(held):
                _approve_first(held, actor, now)
            else:
                _verify(held, others, actor=actor, now=now)
    return held


def certificate_approve_found(
    *, certificate: Certificate, digest: str, reason: Reason
) -> Certificate:
    """Approve a waiting certificate that a register confirms, without a reviewer (EPR-8).

    Only what nobody has claimed. Raises the refusals of `certificate_approve`.
    """
    now = platform_time.now()
    with unscoped():
        files_unchanged(certificate)
        with queued_transaction():
            held, others = _held_for_approval(certificate)
            if held.status != Status.SUBMITTED:
                raise no_longer_waiting(held)
            certificate_step(
                held,
                Status.IN_REVIEW,
                Event.CLAIMED,
                action="certificate.claim",
                actor=None,
                now=now,
                claimed_at=now,
            )
            _approvable(held, others, digest, now)
            _verify(held, others, actor=None, now=now, reason=reason)
    return held


def _held_for_approval(certificate: Certificate) -> tuple[Certificate, list[Certificate]]:
    """Return the certificate and the others under its number, all locked."""
    rows = number_hold(certificate)
    held = next((row for row in rows if row.pk == certificate.pk), None)
    if held is None:
        # It neither waits nor counts under this number any more: say what it is now.
        return Certificate.objects.get(pk=certificate.pk), []
    return held, [row for row in rows if row.pk != held.pk and row.status == Status.VERIFIED]


def _approvable(held: Certificate, others: list[Certificate], digest: str, now: datetime) -> None:
    """Refuse what is not what the reviewer saw, is over already, or is another shop's own number."""
    if not digest or held.digest != digest or content_digest(certificate_content(held)) != digest:
        raise changed_meanwhile()
    if held.expires_on is not None and platform_time.end_of(held.expires_on) <= now:
        raise Refusal("expired", _("This certificate has expired: it can only be rejected."))
    if held.type == CertificateType.EPR and held.own:
        taken = next((one for one in others if _anothers_own(one, held, now)), None)
        if taken is not None:
            raise Refusal(
                "number_elsewhere",
                _(
                    "The shop %(shop)s has this number verified as its own: one of the two is"
                    " wrong. Reject this one, or revoke the other first."
                )
                % {"shop": taken.seller.member_id},
            )


def _anothers_own(other: Certificate, held: Certificate, now: datetime) -> bool:
    return other.seller_id != held.seller_id and other.own and other.counts_at(now)


def _approve_first(held: Certificate, actor: User, now: datetime) -> None:
    certificate_step(
        held,
        Status.SUBMITTED,
        Event.FIRST_APPROVAL,
        action="certificate.approve_first",
        actor=actor,
        now=now,
        content=_decided_on(held),
        first_approved_by=actor,
    )


def _verify(
    held: Certificate,
    others: list[Certificate],
    *,
    actor: User | None,
    now: datetime,
    reason: Reason = NO_REASON,
) -> None:
    """Let a certificate count from now, in the place of the shop's verified one of the same number."""
    place = (held.seller_id, held.category)
    before = next((one for one in others if (one.seller_id, one.category) == place), None)
    if before is not None:
        _give_way(before, actor, now)
    until = platform_time.end_of(held.expires_on) if held.expires_on else None
    event = certificate_step(
        held,
        Status.VERIFIED,
        Event.APPROVED,
        action="certificate.approve",
        actor=actor,
        now=now,
        reason=reason,
        content=_decided_on(held),
        provided={"claimed_by": actor},
        decided_at=now,
        decided_by=actor,
        valid_from=now,
        valid_until=until,
        replaces=before,
        reason_code="",
        reason_en="",
        reason_zh="",
    )
    decision_tell(event, Event.APPROVED.label)


def _give_way(before: Certificate, actor: User | None, now: datetime) -> None:
    """End the verified certificate that another of the same number replaces, at this instant."""
    if before.valid_until is not None and before.valid_until <= now:
        # Its time was over before; only the night had not said so yet.
        certificate_step(
            before,
            Status.EXPIRED,
            Event.EXPIRED,
            action="certificate.expire",
            actor=None,
            now=now,
        )
        return
    certificate_step(
        before,
        Status.REPLACED,
        Event.REPLACED,
        action="certificate.replace",
        actor=actor,
        now=now,
        valid_until=_cut(before, now),
    )


def _cut(certificate: Certificate, now: datetime) -> datetime:
    """Return the end of a validity that ends now; never before its beginning, should clocks differ."""
    return max(now, certificate.valid_from or now)


def _decided_on(certificate: Certificate) -> dict[str, Any]:
    """Return what a decision decided on, with how long it had waited: the figures need both."""
    waited = {
        "submitted_at": certificate.submitted_at.isoformat() if certificate.submitted_at else None,
        "due_at": certificate.due_at.isoformat() if certificate.due_at else None,
    }
    return {**certificate_content(certificate), **waited}


# --- Rejecting and revoking ---------------------------------------------------------------------


def certificate_reject(
    *, actor: User, certificate: Certificate, code: str, text_en: str = "", text_zh: str = ""
) -> Certificate:
    """Reject a claimed certificate; the seller may correct it and submit it again (EPR-7).

    `code` names a canned reason, which gives both languages; what is written goes below it. With
    another code the seller gets what is written, in one language or both. Raises `InvalidInput`
    naming `code` or `text_en`, and the refusals of a decision.
    """
    may_review(actor=actor)
    not_of_own_shop(actor=actor, certificate=certificate)
    reason = decision_reason(kind=ReasonKind.REJECT, code=code, text_en=text_en, text_zh=text_zh)
    now = platform_time.now()
    with unscoped(), queued_transaction():
        held = certificate_hold(certificate.pk)
        claimed_by(actor=actor, certificate=held)
        event = certificate_step(
            held,
            Status.REJECTED,
            Event.REJECTED,
            action="certificate.reject",
            actor=actor,
            now=now,
            reason=reason,
            content=_decided_on(held),
            provided={"claimed_by": actor},
            first_approved_by=None,
            **_decision(actor, now, reason),
        )
        decision_tell(event, Event.REJECTED.label)
    return held


def certificate_revoke(
    *, actor: User, certificate: Certificate, code: str, text_en: str = "", text_zh: str = ""
) -> Certificate:
    """Take back the approval of a verified certificate: the gate closes at this instant (EPR-12).

    The only undo there is. Reasons as in `certificate_reject`. Raises `not_verified`, also for one
    whose time is over.
    """
    may_review(actor=actor)
    not_of_own_shop(actor=actor, certificate=certificate)
    reason = decision_reason(kind=ReasonKind.REVOKE, code=code, text_en=text_en, text_zh=text_zh)
    now = platform_time.now()
    with unscoped(), queued_transaction():
        held = certificate_hold(certificate.pk)
        if held.shown_status(now) != Status.VERIFIED:
            raise Refusal("not_verified", _("Only a verified certificate can be revoked."))
        event = certificate_step(
            held,
            Status.REVOKED,
            Event.REVOKED,
            action="certificate.revoke",
            actor=actor,
            now=now,
            reason=reason,
            content=_decided_on(held),
            valid_until=_cut(held, now),
            **_decision(actor, now, reason),
        )
        decision_tell(event, Event.REVOKED.label)
    return held


def _decision(actor: User, now: datetime, reason: Reason) -> dict[str, Any]:
    return {
        "decided_at": now,
        "decided_by": actor,
        "reason_code": reason.code,
        "reason_en": reason.text_en,
        "reason_zh": reason.text_zh,
    }


def decision_reason(*, kind: ReasonKind, code: str, text_en: str = "", text_zh: str = "") -> Reason:
    """Return what the seller reads: the canned text of the code, then what the reviewer wrote.

    Raises `InvalidInput` naming `code`, `text_en` or `text_zh`.
    """
    problems: list[tuple[str, str]] = []
    clean: dict[str, str] = {}
    for name, text, most in (
        ("code", code, MAX_CODE),
        ("text_en", text_en, MAX_TEXT),
        ("text_zh", text_zh, MAX_TEXT),
    ):
        try:
            clean[name] = safe_text(text, most)
        except CellError as error:
            problems.append((name, str(error)))
    if problems:
        raise InvalidInput(problems)
    if not clean["code"]:
        raise InvalidInput([("code", _("Choose a reason."))])
    # Written in one language only, it is better than nothing to readers of the other.
    own_en = clean["text_en"] or clean["text_zh"]
    own_zh = clean["text_zh"] or clean["text_en"]
    canned = ReviewReason.objects.filter(kind=kind, code=clean["code"], active=True).first()
    if canned is None:
        if not own_en:
            text = _("“%(code)s” is no canned reason: write what the seller is told.")
            raise InvalidInput([("text_en", text % {"code": clean["code"]})])
        return Reason(clean["code"], own_en, own_zh)
    return Reason(
        canned.code,
        "\n".join(filter(None, [canned.text_en, own_en])),
        "\n".join(filter(None, [canned.text_zh, own_zh])),
    )


# --- Many at once -------------------------------------------------------------------------------


@dataclass
class BulkResult:
    """What became of each certificate of a bulk approval, by key."""

    approved: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    """Approved by the first of two reviewers."""
    refused: dict[int, Refusal] = field(default_factory=dict)


def certificates_approve_many(*, actor: User, picks: Mapping[int, str]) -> BulkResult:
    """Claim and approve certificates, key → digest seen, each in its own transaction (EPR-7).

    One that is refused leaves the others alone and is not claimed afterwards. At most 100.
    """
    may_review(actor=actor)
    if len(picks) > MAX_BULK:
        text = _("At most %(most)d certificates can be approved at once.")
        raise InvalidInput([("picks", text % {"most": MAX_BULK})])
    with unscoped():
        found = Certificate.objects.in_bulk(list(picks))
    result = BulkResult()
    for pk, digest in picks.items():
        certificate = found.get(pk)
        if certificate is None:
            result.refused[pk] = Refusal("not_found", _("There is no such certificate."))
            continue
        try:
            with claimed_for(actor=actor, certificate=certificate) as held:
                done = certificate_approve(actor=actor, certificate=held, digest=digest)
        except Refusal as refusal:
            result.refused[pk] = refusal
        else:
            verified = done.status == Status.VERIFIED
            (result.approved if verified else result.first).append(pk)
    return result


# --- Ending -------------------------------------------------------------------------------------


def certificates_expire(*, now: datetime) -> int:
    """Name the state of verified certificates whose time is over, and tell their shops; return how many.

    The gate needs none of this: it reads the instants (EPR-12).
    """
    expired = 0
    with unscoped():
        while done := _expire_some(now):
            expired += done
    return expired


@transaction.atomic
def _expire_some(now: datetime) -> int:
    over = Certificate.objects.filter(status=Status.VERIFIED, valid_until__lte=now)
    rows = list(over.select_for_update(no_key=True, skip_locked=True).order_by("pk")[:BATCH])
    if not rows:
        return 0
    pks = [row.pk for row in rows]
    Certificate.objects.filter(pk__in=pks, status=Status.VERIFIED).update(
        status=Status.EXPIRED, changed_at=now
    )
    CertificateEvent.objects.bulk_create(
        CertificateEvent(
            certificate=row, kind=Event.EXPIRED, at=now, by_staff=True, digest=row.digest
        )
        for row in rows
    )
    audit.record_many(
        audit.entry(
            action="certificate.expire",
            actor=None,
            obj=row,
            before={"status": Status.VERIFIED},
            after={"status": Status.EXPIRED},
        )
        for row in rows
    )
    expired_tell(rows)
    return len(rows)
