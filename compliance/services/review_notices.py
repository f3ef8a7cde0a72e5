"""Who is told what of reviews: sellers of decisions and endings, staff of what waits (EPR-7, EPR-12).

Sellers who may act on certificates are told, which is the owner's alone (K-7). Every notice has a key
of its cause, so that telling again, after a missed night too, tells nobody twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import islice

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise

from compliance.bilingual import registration_in_both
from compliance.choices import CertificateStatus, CertificateType
from compliance.models import Certificate, CertificateEvent
from compliance.models.certificates import WAITING
from compliance.services.review_steps import PERMISSION
from compliance.webhook_events import certificate_decided_publish
from portal import platform_time
from portal.bilingual import in_both
from portal.choices import Action
from portal.models import User
from portal.nightly.operators import operators
from portal.scoping import unscoped
from portal.services.notices import NoticeDraft, notice_send, notice_send_many

EXPIRING_DAYS = (7, 30, 90)
"""Days before the last day of a certificate at which a shop is told, the nearest first."""
BATCH = 1000


def certificate_named(certificate: Certificate) -> dict[str, str]:
    """Return what a notice calls a certificate, in both languages: `Germany · Batteries DE12345678`."""
    if certificate.type == CertificateType.EPR:
        kind = registration_in_both(certificate.country, certificate.category)
    else:
        kind = in_both(certificate.get_type_display)
    return {key: f"{text} {certificate.number_typed}" for key, text in kind.items()}


def certificate_link(certificate_pk: int) -> str:
    """Return the path of the seller's page of a certificate."""
    return reverse("compliance:certificate", args=[certificate_pk])


def decision_tell(event: CertificateEvent, decision: Promise | str) -> int:
    """Tell those of the shop who may act, and its webhooks, what was decided about a certificate, and why."""
    certificate = event.certificate
    certificate_decided_publish(event)
    return notice_send_many(
        [
            NoticeDraft(
                kind="certificate_decided",
                key=f"certificate_decided:{event.pk}",
                params={
                    "certificate": certificate_named(certificate),
                    "decision": decision,
                    "reason": {"en": event.reason_en, "zh": event.reason_zh},
                },
                link=certificate_link(certificate.pk),
                seller_id=certificate.seller_id,
                who_can=Action.UPLOAD_CERTIFICATE,
            )
        ]
    )


# --- Endings ------------------------------------------------------------------------------------


def expired_tell(certificates: Iterable[Certificate]) -> int:
    """Tell shops which of their certificates have ended, so that what they covered is blocked."""
    return _tell_shops(
        certificates,
        lambda one: NoticeDraft(
            kind="certificate_expired",
            key=f"certificate_expired:{one.pk}",
            params={"certificate": certificate_named(one), "day": one.expires_on},
            link=certificate_link(one.pk),
            seller_id=one.seller_id,
            who_can=Action.UPLOAD_CERTIFICATE,
        ),
    )


def expiring_tell(*, now: datetime) -> int:
    """Tell shops of verified certificates that end within 90, 30 or 7 days, once for each (EPR-12).

    A certificate is told the nearest of the three that it has reached: one that a missed night passed
    over is told the night after, and none is told two at once.
    """
    today = platform_time.day_of(now)
    far = timedelta(days=EXPIRING_DAYS[-1])
    with unscoped():
        ending = Certificate.objects.filter(
            status=CertificateStatus.VERIFIED,
            valid_until__gt=now,
            valid_until__lte=platform_time.end_of(today + far),
            expires_on__isnull=False,
        ).order_by("pk")
        return _tell_shops(ending.iterator(chunk_size=BATCH), lambda one: _expiring(one, today))


def _expiring(certificate: Certificate, today: date) -> NoticeDraft:
    last = certificate.expires_on or today
    left = (last - today).days
    stage = next(days for days in EXPIRING_DAYS if left <= days)
    return NoticeDraft(
        kind="certificate_expiring",
        key=f"certificate_expiring:{certificate.pk}:{stage}",
        params={"certificate": certificate_named(certificate), "day": last, "days": left},
        link=certificate_link(certificate.pk),
        seller_id=certificate.seller_id,
        who_can=Action.UPLOAD_CERTIFICATE,
    )


def _tell_shops(
    certificates: Iterable[Certificate], draft: Callable[[Certificate], NoticeDraft]
) -> int:
    """Send a notice per certificate, a thousand at a time; return how many are new."""
    waiting: Iterator[Certificate] = iter(certificates)
    told = 0
    while batch := list(islice(waiting, BATCH)):
        told += notice_send_many(draft(one) for one in batch)
    return told


# --- Staff --------------------------------------------------------------------------------------


def reviewers() -> QuerySet[User]:
    """Return the active staff who may review certificates."""
    found: QuerySet[User] = User.objects.with_perm(
        PERMISSION, backend="django.contrib.auth.backends.ModelBackend"
    ).filter(is_staff=True)
    return found


def taken_over_tell(certificate: Certificate, *, before: User | None, now: User) -> int:
    """Tell the reviewer whose claim was too old, and the one who took it over."""
    if before is None or certificate.claimed_at is None:
        return 0
    return notice_send(
        kind="review_taken_over",
        key=f"review_taken_over:{certificate.pk}:{certificate.claimed_at.isoformat()}",
        params={
            "certificate": certificate_named(certificate),
            "before": before.get_username(),
            "reviewer": now.get_username(),
        },
        link=reverse("admin:compliance_certificate_change", args=[certificate.pk]),
        users=[before, now],
    )


def overdue_tell(*, now: datetime) -> int:
    """Tell reviewers and operators, once a day, how many certificates wait past their due time (EPR-7)."""
    with unscoped():
        count = Certificate.objects.filter(status__in=WAITING, due_at__lte=now).count()
    if not count:
        return 0
    people = {user.pk: user for user in [*reviewers(), *operators()]}
    return notice_send(
        kind="reviews_overdue",
        key=f"reviews_overdue:{platform_time.day_of(now).isoformat()}",
        params={"count": count},
        link=reverse("admin:compliance_certificate_changelist") + "?queue=overdue",
        users=people.values(),
    )
