"""What every step of a review shares: who may, what is held, how a step is written (EPR-4, EPR-7).

A step changes the status by compare-and-set and writes its event and its audit row in the same
transaction. `CERTIFICATE_TRANSITIONS` is the only list of steps there is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from compliance.choices import (
    CERTIFICATE_TRANSITIONS,
    CertificateEventKind,
    CertificateStatus,
)
from compliance.epr.schema import EPR, EprRules, ReviewRules
from compliance.models import Certificate, CertificateEvent
from compliance.models.certificates import WAITING
from portal import platform_time
from portal.errors import NotAllowed, Refusal
from portal.models import Member, User
from portal.services import audit
from portal.services.rulebooks import RulebookMissing, rulebook_for

PERMISSION = "compliance.review_certificate"
DUE_WORKING_DAYS = 3
BLOCK = 1 << 16


@dataclass(frozen=True)
class Reason:
    """Why something was decided: a code, and what the seller reads in either language."""

    code: str = ""
    text_en: str = ""
    text_zh: str = ""


NO_REASON = Reason()


def review_rules(now: datetime) -> ReviewRules:
    """Return how certificates are reviewed at an instant; before the first rulebook in three days."""
    try:
        content: EprRules = rulebook_for(EPR, platform_time.day_of(now)).content
    except RulebookMissing:
        return ReviewRules(due_working_days=DUE_WORKING_DAYS)
    return content.review


# --- Who may ------------------------------------------------------------------------------------


def may_review(*, actor: User) -> None:
    """Raise `NotAllowed` unless the person is a reviewer."""
    if not actor.has_perm(PERMISSION):
        raise NotAllowed(_("You may not review certificates."))


def not_of_own_shop(*, actor: User, certificate: Certificate) -> None:
    """Refuse a reviewer who belongs to the shop, also as a member who is not active (`own_certificate`)."""
    if Member.everywhere.filter(user=actor, seller_id=certificate.seller_id).exists():
        raise Refusal(
            "own_certificate",
            _("You belong to this shop: somebody else has to review its certificates."),
        )


# --- What is held -------------------------------------------------------------------------------


def certificate_hold(pk: int) -> Certificate:
    """Return a certificate, locked until the transaction ends."""
    return Certificate.objects.select_for_update(no_key=True, of=("self",)).get(pk=pk)


def number_hold(certificate: Certificate) -> list[Certificate]:
    """Lock and return what waits or is verified under the certificate's number, in any shop.

    Whatever its category: electrical and battery numbers look alike. Always in the order of the keys:
    two approvals of one number wait for each other instead of blocking each other, and the later one
    sees what the earlier one made of it. What is only submitted is held too: a register approves that.
    """
    return list(
        Certificate.objects.select_for_update(no_key=True, of=("self",))
        .filter(
            type=certificate.type,
            country=certificate.country,
            number=certificate.number,
            status__in=(*WAITING, CertificateStatus.VERIFIED),
        )
        .order_by("pk")
    )


def claimed_by(*, actor: User, certificate: Certificate) -> None:
    """Refuse what the reviewer has not claimed, or what is decided already."""
    status = certificate.status
    if status == CertificateStatus.SUBMITTED:
        raise Refusal("not_claimed", _("Claim the certificate before you decide."))
    if status != CertificateStatus.IN_REVIEW:
        raise no_longer_waiting(certificate)
    if certificate.claimed_by_id != actor.pk:
        raise claimed_elsewhere(certificate)


def claimed_elsewhere(certificate: Certificate) -> Refusal:
    """Return the refusal of a certificate that another reviewer has claimed."""
    other = certificate.claimed_by.get_username() if certificate.claimed_by else "–"
    return Refusal(
        "claimed", _("%(reviewer)s is reviewing this certificate.") % {"reviewer": other}
    )


def no_longer_waiting(certificate: Certificate) -> Refusal:
    """Return the refusal of a certificate that does not wait: not submitted, or decided already."""
    if certificate.status == CertificateStatus.DRAFT:
        return Refusal("not_submitted", _("The seller has not submitted this certificate."))
    text = _("This certificate is decided already: %(status)s.")
    return Refusal("already_decided", text % {"status": certificate.get_status_display()})


def files_unchanged(certificate: Certificate) -> None:
    """Read every file of a certificate and compare it with its hash (`file_changed`).

    An approval approves the bytes that were uploaded: a file that was exchanged or is gone from the
    storage is not them. Reading takes a while, so do it before the transaction.
    """
    for row in certificate.files.select_related("file"):
        if _hash_of(row.file.file) != row.file.sha256:
            raise Refusal(
                "file_changed",
                _(
                    "The stored file “%(name)s” is not the one that was uploaded. Nothing can be"
                    " approved on it: tell the operators, and ask the seller to upload it again."
                )
                % {"name": row.file.name},
            )


def _hash_of(stored: Any) -> str:
    digest = hashlib.sha256()
    try:
        with stored.open("rb") as content:
            while block := content.read(BLOCK):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


# --- Steps --------------------------------------------------------------------------------------


def certificate_step(
    certificate: Certificate,
    to: CertificateStatus,
    event: CertificateEventKind,
    *,
    action: str,
    actor: User | None,
    now: datetime,
    reason: Reason = NO_REASON,
    content: dict[str, Any] | None = None,
    provided: dict[str, Any] | None = None,
    **changes: Any,
) -> CertificateEvent:
    """Take a certificate from the status it was read with to another; return the event.

    `changes` are columns set along with it, `provided` are more conditions of the compare-and-set. Refuses
    with `changed_meanwhile` when the row is not what was read. Call it in a transaction.
    """
    before = CertificateStatus(certificate.status)
    if to not in CERTIFICATE_TRANSITIONS[before]:
        raise no_longer_waiting(certificate)
    if to != CertificateStatus.IN_REVIEW:
        changes |= {"claimed_at": None, "claimed_by": None}
    done = Certificate.objects.filter(
        pk=certificate.pk, status=before, digest=certificate.digest, **(provided or {})
    ).update(status=to, changed_at=now, **changes)
    if not done:
        raise changed_meanwhile()
    certificate.status, certificate.changed_at = to, now
    for name, value in changes.items():
        setattr(certificate, name, value)
    audit.record(
        action=action,
        actor=actor,
        obj=certificate,
        before={"status": before},
        after={"status": to} | ({"reason": reason.code} if reason.code else {}),
        digest=certificate.digest,
    )
    return event_add(certificate, event, actor=actor, now=now, reason=reason, content=content or {})


def event_add(
    certificate: Certificate,
    kind: CertificateEventKind,
    *,
    actor: User | None,
    now: datetime,
    reason: Reason = NO_REASON,
    content: dict[str, Any] | None = None,
) -> CertificateEvent:
    """Write what staff or the system did to a certificate."""
    return CertificateEvent.objects.create(
        certificate=certificate,
        kind=kind,
        at=now,
        by=actor,
        by_staff=True,
        reason_code=reason.code,
        reason_en=reason.text_en,
        reason_zh=reason.text_zh,
        digest=certificate.digest,
        content=content or {},
    )


def changed_meanwhile() -> Refusal:
    """Return the refusal of a certificate that is not what the reviewer saw."""
    return Refusal(
        "changed_meanwhile",
        _("This certificate has changed since you opened it. Look at it again."),
    )
