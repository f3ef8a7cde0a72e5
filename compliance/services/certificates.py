"""Certificates as the shop writes them: saved, submitted, taken back, deleted (EPR-3 … EPR-5, CRT-1).

What reviewers do with them is in `services.reviews`. A save changes a draft or a rejected one by
compare-and-set on its version; submitting fixes the digest an approval has to name.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from compliance.certificates.content import certificate_content, content_digest, fields_of
from compliance.certificates.fields import (
    CertificateFields,
    CheckedFields,
    Problems,
    checked_fields,
)
from compliance.choices import (
    CertificateEventKind,
    CertificateStatus,
    CertificateType,
    FileKind,
)
from compliance.epr.schema import EPR, EprRules
from compliance.models import Certificate, CertificateEvent
from compliance.models.certificates import WAITING
from compliance.services.certificate_coverage import Coverage, coverage_of, coverage_put
from compliance.services.certificate_files import (
    GivenFile,
    ReadyFile,
    files_checked,
    files_put,
    may_upload,
    was_submitted,
)
from compliance.services.registers import register_match
from portal import platform_time
from portal.errors import InvalidInput, Refusal
from portal.models import Member, StoredFile
from portal.scoping import seller_scope, unscoped
from portal.services import audit
from portal.services.files import files_drop, files_or_nothing
from portal.services.rulebooks import RulebookMissing, rulebook_for, rulebooks_published

__all__ = [
    "EDITABLE",
    "CertificateFields",
    "certificate_delete",
    "certificate_problems",
    "certificate_save",
    "certificate_submit",
    "certificate_take_back",
    "decision_due_at",
    "upload_rules",
]

EDITABLE = (CertificateStatus.DRAFT, CertificateStatus.REJECTED)
AUDITED = ("type", "country", "category", "number", "own", "issued_on", "expires_on", "covers_all")


def upload_rules(day: date) -> EprRules:
    """Return the EPR table by which numbers are judged on a Pacific day.

    Before the first table is in force its numbers are taken already: they need time to register.
    """
    try:
        content: EprRules = rulebook_for(EPR, day).content
    except RulebookMissing:
        published = rulebooks_published(EPR)
        if not published:
            raise
        content = published[0].content
    return content


def decision_due_at(submitted_at: datetime, working_days: int) -> datetime:
    """Return the instant up to which a reviewer decides: Chinese working hours of as many days."""
    return platform_time.add_working_days(submitted_at, working_days)


# --- Saving -------------------------------------------------------------------------------------


def certificate_save(
    *,
    member: Member,
    fields: CertificateFields,
    files: Sequence[GivenFile] | None = None,
    invoices: Sequence[GivenFile] | None = None,
    certificate: Certificate | None = None,
    version: int | None = None,
) -> Certificate:
    """Create a draft, or change a draft or a rejected certificate; return it as saved (EPR-4).

    `files` and `invoices` are all it shall have: uploads, pending files of the person or its own;
    None leaves them as they are. Invoices are kept of an upstream supplier's number alone. `version`
    is that of the copy the person saw. Raises `InvalidInput` with everything that is wrong, named as
    in the API; `stale`; `not_editable` once it is submitted; `NotAllowed`. Nothing is changed then.
    """
    may_upload(member)
    _own_certificate(member, certificate)
    now = platform_time.now()
    with seller_scope(member.seller):
        checked, coverage, ready = _judged(fields, files, invoices, certificate, now)
        with files_or_nothing(), transaction.atomic():
            if certificate is None:
                saved = _create(member, checked, now)
            else:
                seen = certificate.version if version is None else version
                saved = _change(member, certificate, seen, checked, now)
            coverage_put(saved, coverage)
            for kind, given in ready.items():
                files_put(member=member, certificate=saved, kind=kind, files=given)
    return saved


def certificate_problems(
    *,
    member: Member,
    fields: CertificateFields,
    files: Sequence[GivenFile] | None = None,
    invoices: Sequence[GivenFile] | None = None,
    certificate: Certificate | None = None,
) -> Problems:
    """Return everything for which `certificate_save` would refuse the input; nothing is written."""
    with seller_scope(member.seller):
        try:
            _judged(fields, files, invoices, certificate, platform_time.now())
        except InvalidInput as refusal:
            return refusal.fields
    return []


def _judged(
    fields: CertificateFields,
    files: Sequence[GivenFile] | None,
    invoices: Sequence[GivenFile] | None,
    certificate: Certificate | None,
    now: datetime,
) -> tuple[CheckedFields, Coverage, dict[FileKind, list[ReadyFile]]]:
    """Return the input as it is kept, or raise `InvalidInput` with everything that is wrong."""
    today = platform_time.day_of(now)
    checked, problems = checked_fields(fields, rules=upload_rules(today), today=today)
    if checked is None:
        raise InvalidInput(problems)
    if certificate is not None and certificate.type != checked.rules.type:
        _check_type_change(certificate, problems)
    coverage, unknown = coverage_of(checked)
    ready, refused = _files_given(certificate, checked, files, invoices)
    if problems := [*problems, *unknown, *refused]:
        raise InvalidInput(problems)
    return checked, coverage, ready


def _own_certificate(member: Member, certificate: Certificate | None) -> None:
    if certificate is not None and certificate.seller_id != member.seller_id:
        raise Certificate.DoesNotExist


def _check_type_change(certificate: Certificate, problems: Problems) -> None:
    if was_submitted(certificate):
        text = _("The type stays once it was submitted. Start a new certificate instead.")
        problems.append(("type", text))


def _create(member: Member, checked: CheckedFields, now: datetime) -> Certificate:
    certificate = Certificate.objects.create(
        seller=member.seller,
        declared_at=now,
        created_at=now,
        changed_at=now,
        **checked.columns,
    )
    _event(certificate, CertificateEventKind.CREATED, member, now)
    audit.record(
        action="certificate.create",
        actor=member.user,
        obj=certificate,
        after={name: checked.columns[name] for name in AUDITED},
    )
    return certificate


def _change(
    member: Member, certificate: Certificate, version: int, checked: CheckedFields, now: datetime
) -> Certificate:
    before = Certificate.objects.get(pk=certificate.pk)
    changed = Certificate.objects.filter(
        pk=certificate.pk, version=version, status__in=EDITABLE
    ).update(**checked.columns, declared_at=now, changed_at=now, version=F("version") + 1)
    saved = Certificate.objects.select_related("seller").get(pk=certificate.pk)
    if not changed:
        _check_editable(saved)
        raise Refusal(
            "stale", _("Somebody changed this certificate meanwhile. Look at it again, then save.")
        )
    if was_submitted(saved):
        # Before the first submission nobody but the shop has seen it: no history yet.
        _event(saved, CertificateEventKind.CHANGED, member, now)
    audit.record(
        action="certificate.change",
        actor=member.user,
        obj=saved,
        before={name: getattr(before, name) for name in checked.columns},
        after=checked.columns,
    )
    return saved


def _check_editable(certificate: Certificate) -> None:
    if certificate.status in WAITING:
        text = _("It has been submitted. Take it back first if you want to change it.")
        raise Refusal("already_submitted", text)
    if certificate.status not in EDITABLE:
        text = _("This certificate has been decided. Upload a new one instead.")
        raise Refusal("not_editable", text)


# --- Files --------------------------------------------------------------------------------------


def _files_given(
    certificate: Certificate | None,
    checked: CheckedFields,
    files: Sequence[GivenFile] | None,
    invoices: Sequence[GivenFile] | None,
) -> tuple[dict[FileKind, list[ReadyFile]], Problems]:
    """Return the files of each kind that shall be kept, and what is wrong with them (EPR-3)."""
    ready: dict[FileKind, list[ReadyFile]] = {}
    problems: Problems = []
    wanted = [(FileKind.CERTIFICATE, files)]
    if checked.rules.takes_invoices and not checked.own:
        wanted.append((FileKind.INVOICE, invoices))
    else:
        ready[FileKind.INVOICE] = []
    for kind, given in wanted:
        kept = _held_files(certificate, kind) if given is None else given
        ready[kind], wrong = files_checked(kept, kind)
        problems += wrong
    return ready, problems


def _held_files(certificate: Certificate | None, kind: FileKind) -> list[StoredFile]:
    if certificate is None:
        return []
    return [one.file for one in certificate.files.filter(kind=kind).select_related("file")]


# --- Submitting ---------------------------------------------------------------------------------


def certificate_submit(*, member: Member, certificate: Certificate) -> Certificate:
    """Hand a draft or a corrected one to the reviewers; return it as stored (EPR-4).

    It is checked again as it is now: a day may have passed, a product may be gone. Fixes `digest` and
    `due_at`. A number that is verified already makes it a renewal (`replaces`). Raises `InvalidInput`;
    `already_waiting` when the same number waits; `number_of_another_seller` for a number given as
    own that another shop holds as its own (EPR-5); `already_submitted`, `not_editable`, `stale`,
    `NotAllowed`. Nothing is changed then.
    """
    may_upload(member)
    _own_certificate(member, certificate)
    now = platform_time.now()
    rules = upload_rules(platform_time.day_of(now))
    with seller_scope(member.seller), transaction.atomic():
        held = Certificate.objects.select_related("seller").get(pk=certificate.pk)
        _check_editable(held)
        _check_complete(held, rules, platform_time.day_of(now))
        _check_holder(held, now)
        before = held.status
        content = certificate_content(held)
        digest = content_digest(content)
        submitted = _to_waiting(
            held,
            digest=digest,
            replaces=_renewed(held),
            submitted_at=now,
            due_at=decision_due_at(now, rules.review.due_working_days),
        )
        _event(
            submitted,
            CertificateEventKind.SUBMITTED,
            member,
            now,
            digest=digest,
            content=content,
        )
        audit.record(
            action="certificate.submit",
            actor=member.user,
            obj=submitted,
            before={"status": before},
            after={"status": submitted.status, "digest": digest},
        )
        register_match([submitted])
    return submitted


def _check_complete(held: Certificate, rules: EprRules, today: date) -> None:
    """Check what is stored like what is given; raise `InvalidInput`."""
    checked, problems = checked_fields(fields_of(held), rules=rules, today=today)
    if checked is not None:
        problems += _files_given(held, checked, None, None)[1]
        if checked.columns["covers_all"] and not held.covers_all:
            # Products that are deleted for good take their links along.
            text = _("None of the products it covered is left. Choose again what it covers.")
            problems.append(("products", text))
    if problems:
        raise InvalidInput(problems)


def same_number(certificate: Certificate) -> Q:
    """Return the condition for certificates of the same number for the same thing."""
    names = ("type", "country", "category", "number")
    return Q(**{name: getattr(certificate, name) for name in names})


def held_by_others(certificate: Certificate, now: datetime) -> bool:
    """Tell whether another shop holds the number, verified, as its own (EPR-5); whose is not told."""
    with unscoped():
        return (
            Certificate.objects.filter(
                type=certificate.type,
                country=certificate.country,
                number=certificate.number,
                own=True,
                status=CertificateStatus.VERIFIED,
            )
            .exclude(seller=certificate.seller_id)
            .exclude(valid_until__lte=now)
            .exists()
        )


def _check_holder(held: Certificate, now: datetime) -> None:
    """Refuse as own what another shop holds as own; the text says nothing of that shop (K-8)."""
    if held.type == CertificateType.EPR and held.own and held_by_others(held, now):
        text = _(
            "This number cannot be taken as your own registration. If it is your supplier's, say so"
            " and add the purchase invoice."
        )
        raise Refusal("number_of_another_seller", text, fields=[("own", text)])


def _renewed(held: Certificate) -> Certificate | None:
    """Return the verified certificate of the shop whose place this one shall take."""
    verified = Certificate.objects.filter(same_number(held), status=CertificateStatus.VERIFIED)
    return verified.filter(seller=held.seller_id).first()


def _to_waiting(held: Certificate, **columns: Any) -> Certificate:
    """Set the state by compare-and-set, or raise what stands against it."""
    cleared = {"reason_code": "", "reason_en": "", "reason_zh": ""}
    try:
        with transaction.atomic():
            changed = Certificate.objects.filter(
                pk=held.pk, version=held.version, status__in=EDITABLE
            ).update(
                status=CertificateStatus.SUBMITTED,
                decided_at=None,
                decided_by=None,
                first_approved_by=None,
                changed_at=columns["submitted_at"],
                **cleared,
                **columns,
            )
    except IntegrityError:
        text = _("A certificate with this number is waiting for its review already.")
        raise Refusal("already_waiting", text, fields=[("number", text)]) from None
    stored = Certificate.objects.select_related("seller").get(pk=held.pk)
    if not changed:
        _check_editable(stored)
        raise Refusal("stale", _("Somebody changed this certificate meanwhile. Look at it again."))
    return stored


# --- Taking back and deleting -------------------------------------------------------------------


def certificate_take_back(*, member: Member, certificate: Certificate) -> Certificate:
    """Take a submitted certificate back while no reviewer has taken it; it is a draft again.

    Raises `in_review` when one has, `not_waiting` when it does not wait at all.
    """
    may_upload(member)
    _own_certificate(member, certificate)
    now = platform_time.now()
    with seller_scope(member.seller), transaction.atomic():
        changed = Certificate.objects.filter(
            pk=certificate.pk, status=CertificateStatus.SUBMITTED
        ).update(
            status=CertificateStatus.DRAFT,
            digest="",
            replaces=None,
            submitted_at=None,
            due_at=None,
            changed_at=now,
            version=F("version") + 1,
        )
        stored = Certificate.objects.select_related("seller").get(pk=certificate.pk)
        if not changed:
            raise _not_taken_back(stored)
        _event(stored, CertificateEventKind.TAKEN_BACK, member, now)
        audit.record(
            action="certificate.take_back",
            actor=member.user,
            obj=stored,
            before={"status": CertificateStatus.SUBMITTED},
            after={"status": stored.status},
        )
    return stored


def _not_taken_back(stored: Certificate) -> Refusal:
    if stored.status == CertificateStatus.IN_REVIEW:
        return Refusal("in_review", _("A reviewer is looking at it; wait for the decision."))
    return Refusal("not_waiting", _("This certificate does not wait for a review."))


def certificate_delete(*, member: Member, certificate: Certificate) -> None:
    """Delete a draft with its files. Raises `not_draft`; `has_history` once a reviewer decided on it."""
    may_upload(member)
    _own_certificate(member, certificate)
    with seller_scope(member.seller), transaction.atomic():
        held = Certificate.objects.select_for_update().get(pk=certificate.pk)
        if held.status != CertificateStatus.DRAFT:
            raise Refusal("not_draft", _("Only drafts can be deleted."))
        decided = held.events.filter(kind=CertificateEventKind.REJECTED)
        if decided.exists():
            text = _("A reviewer has decided about it once, so its history stays.")
            raise Refusal("has_history", text)
        stored = [one.file for one in held.files.select_related("file")]
        audit.record(
            action="certificate.delete",
            actor=member.user,
            obj=held,
            before={name: getattr(held, name) for name in AUDITED},
        )
        held.delete()
        files_drop(files=stored, actor=member.user)


# --- Events -------------------------------------------------------------------------------------


def _event(
    certificate: Certificate,
    kind: CertificateEventKind,
    member: Member,
    now: datetime,
    **decided: Any,
) -> CertificateEvent:
    return CertificateEvent.objects.create(
        certificate=certificate, kind=kind, at=now, by=member.user, **decided
    )
