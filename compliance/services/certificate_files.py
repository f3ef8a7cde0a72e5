"""Files of certificates: checked, kept while a form is not done, put to a certificate (EPR-4, EPR-6).

What was uploaded with a form that came back stays as a *pending* upload of the person, so that it need
not be chosen again; what nobody saves is swept after a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from compliance.certificates.fields import Problems
from compliance.choices import CertificateEventKind, FileKind
from compliance.models import Certificate, CertificateFile
from portal.choices import Action
from portal.errors import InvalidInput, NotAllowed
from portal.models import Member, StoredFile
from portal.scoping import seller_scope
from portal.services.files import (
    CheckedUpload,
    file_store,
    files_drop,
    files_repurpose,
    upload_check,
)

MOST_FILES = 5
PURPOSES = {FileKind.CERTIFICATE: "certificate", FileKind.INVOICE: "certificate_invoice"}
PENDING = "certificate_pending"
FIELDS = {FileKind.CERTIFICATE: "files", FileKind.INVOICE: "invoices"}

GivenFile = UploadedFile | CheckedUpload | StoredFile
"""An upload, or a file that is kept already: pending, or the certificate's own."""
ReadyFile = CheckedUpload | StoredFile


def may_upload(member: Member) -> None:
    """Raise `NotAllowed` unless the member may upload certificates: the owner alone (K-7)."""
    if not member.can(Action.UPLOAD_CERTIFICATE):
        raise NotAllowed(_("Only the shop's main account uploads certificates."))


# --- Pending uploads ----------------------------------------------------------------------------


def pending_keep(*, member: Member, upload: UploadedFile, field: str) -> StoredFile:
    """Keep an upload for a certificate that is not saved yet; raises `InvalidInput` naming `field`."""
    may_upload(member)
    return file_store(
        seller=member.seller, actor=member.user, upload=upload, purpose=PENDING, field=field
    )


def pending_files(*, member: Member, tokens: Iterable[str]) -> list[StoredFile]:
    """Return the person's own pending uploads by token, in that order; any other token is ignored."""
    wanted = list(dict.fromkeys(tokens))[: 4 * MOST_FILES]
    if not wanted:
        return []
    with seller_scope(member.seller):
        rows = StoredFile.objects.filter(
            token__in=wanted, purpose=PENDING, uploaded_by=member.user_id
        )
        found = {row.token: row for row in rows}
    return [found[token] for token in wanted if token in found]


def pending_drop(*, member: Member, token: str) -> None:
    """Throw a pending upload of the person away; one that is none is left alone."""
    may_upload(member)
    files_drop(files=pending_files(member=member, tokens=[token]), actor=member.user)


# --- Of a certificate ---------------------------------------------------------------------------


def files_checked(given: Sequence[GivenFile], kind: FileKind) -> tuple[list[ReadyFile], Problems]:
    """Return the files ready to be kept, and what is wrong with them or their number.

    Decodes what was uploaded, which takes time: call it before the transaction.
    """
    field = FIELDS[kind]
    if not 1 <= len(given) <= MOST_FILES:
        return [], [(field, _number_text(kind))]
    ready: list[ReadyFile] = []
    problems: Problems = []
    for one in given:
        if not isinstance(one, UploadedFile):
            ready.append(one)
            continue
        try:
            ready.append(upload_check(one, field=field))
        except InvalidInput as refusal:
            if refusal.http_status >= 500:
                raise  # nothing is wrong with the file: to be tried again as it is
            problems += refusal.fields
    return ready, problems


def _number_text(kind: FileKind) -> str:
    if kind is FileKind.INVOICE:
        text = _("An upstream supplier's number needs the purchase invoice: 1 to %(most)d files.")
        return text % {"most": MOST_FILES}
    return _("Add 1 to %(most)d files that show the certificate.") % {"most": MOST_FILES}


def files_put(
    *, member: Member, certificate: Certificate, kind: FileKind, files: Sequence[ReadyFile]
) -> None:
    """Make `files` the files of a kind, in their order; in the caller's transaction.

    Raises `InvalidInput` for a kept file that is neither pending of this person nor the
    certificate's. Files it had and no longer has stay with the shop as history when it was ever
    submitted, else they become pending again and are swept.
    """
    purpose = PURPOSES[kind]
    held = {one.file_id: one for one in certificate.files.filter(kind=kind)}
    kept = [one for one in files if isinstance(one, StoredFile) and one.pk in held]
    adopted = [one for one in files if isinstance(one, StoredFile) and one.pk not in held]
    mine = [one for one in adopted if one.uploaded_by_id == member.user_id]
    moved = files_repurpose(files=mine, before=PENDING, after=purpose)
    if moved != len(adopted):
        text = _("A file of this form is not there any more. Choose it again.")
        raise InvalidInput([(FIELDS[kind], text)])
    gone = held.keys() - {one.pk for one in kept}
    certificate.files.filter(file__in=gone).delete()
    if gone and not was_submitted(certificate):
        files_repurpose(files=StoredFile.objects.filter(pk__in=gone), before=purpose, after=PENDING)
    for position, one in enumerate(files):
        stored = one if isinstance(one, StoredFile) else _stored(member, one, purpose)
        CertificateFile.objects.update_or_create(
            certificate=certificate, file=stored, defaults={"kind": kind, "position": position}
        )


def was_submitted(certificate: Certificate) -> bool:
    """Tell whether a reviewer may have seen it: what it was then is history and stays."""
    return certificate.events.filter(kind=CertificateEventKind.SUBMITTED).exists()


def _stored(member: Member, upload: CheckedUpload, purpose: str) -> StoredFile:
    return file_store(seller=member.seller, actor=member.user, upload=upload, purpose=purpose)
