"""Appeals: a shop objects to a penalty within 7 days, staff decide once (CMP-8).

Files that came with a form that was refused stay as *pending* uploads of the person, so that they need
not be chosen again; what nobody sends is swept after a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from compliance.choices import AppealReason, AppealStatus
from compliance.models import Appeal, AppealFile, Violation
from compliance.services.penalty_cases import (
    MAX_FILES,
    as_typed,
    clean_files,
    clean_text,
    penalty_take_back,
    require_staff,
    rule_names,
    shop_held,
    tell,
)
from portal import platform_time
from portal.choices import Action
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, StoredFile, User
from portal.scoping import seller_scope, unscoped
from portal.services import audit
from portal.services.files import (
    CheckedUpload,
    file_store,
    files_or_nothing,
    files_repurpose,
    upload_check,
)

DECIDE = "compliance.change_appeal"
PURPOSE, PENDING = "appeal", "appeal_pending"

GivenFile = UploadedFile | StoredFile
"""An upload, or one of the person's own that is pending."""


def appeal_refusal(violation: Violation, now: datetime) -> Refusal | None:
    """Return why no appeal can be made at an instant, or none: until before `appeal_until`, once.

    `violation.appeal` is read: select it along for lists.
    """
    if hasattr(violation, "appeal"):
        return Refusal(
            "already_appealed", _("Your shop has appealed against this penalty already.")
        )
    if violation.overturned_at is not None:
        return Refusal(
            "appeal_closed", _("This penalty was taken back: nothing to appeal against.")
        )
    if now >= violation.appeal_until:
        return Refusal("appeal_closed", _("The time to appeal against this penalty is over."))
    return None


def appeal_make(
    *, member: Member, violation: Violation, reason: str, text: str, files: Sequence[GivenFile]
) -> Appeal:
    """Appeal against a penalty of one's own shop, also a closed one; return the appeal (CMP-8).

    Owners only, one per violation, before `appeal_until`. Raises `InvalidInput` naming `reason`,
    `text` or `files`, `appeal_closed`, `already_appealed`; nothing is kept then.
    """
    if not member.can(Action.APPEAL):
        raise NotAllowed(_("Only the owner of the shop can appeal."))
    with seller_scope(member.seller):
        found = _with_appeal(violation.pk)
    _refuse(appeal_refusal(found, platform_time.now()))
    statement, uploads = _checked(reason, text, files)
    with files_or_nothing(), seller_scope(member.seller), transaction.atomic():
        shop_held(member.seller_id)
        now = platform_time.now()
        _refuse(appeal_refusal(_with_appeal(violation.pk), now))
        appeal = Appeal.objects.create(
            violation=found,
            reason=reason,
            text=statement,
            appealed_at=now,
            appealed_by=member.user,
        )
        _files_put(appeal, member, uploads)
        audit.record(
            action="appeal.make",
            actor=member.user,
            obj=appeal,
            after={"violation": violation.pk, "reason": reason, "files": len(uploads)},
        )
    return appeal


def appeal_is_repeated(*, member: Member, violation: Violation, reason: str, text: str) -> bool:
    """Tell whether the person has sent this very appeal already: a second click, not a second appeal."""
    with seller_scope(member.seller):
        appeal = Appeal.objects.filter(violation=violation, appealed_by=member.user).first()
    return appeal is not None and (appeal.reason, appeal.text) == (reason, as_typed(text))


def _with_appeal(pk: int) -> Violation:
    """Return the violation as it is now; one of another shop does not exist (K-8)."""
    return Violation.objects.select_related("appeal").get(pk=pk)


def _refuse(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise refusal


def _checked(
    reason: str, text: str, files: Sequence[GivenFile]
) -> tuple[str, list[CheckedUpload | StoredFile]]:
    """Return the statement and the files, pending ones first, or raise `InvalidInput` with all that is wrong."""
    problems: list[tuple[str, str]] = []
    pending = [one for one in files if isinstance(one, StoredFile)]
    uploads = [one for one in files if not isinstance(one, StoredFile)]
    statement, checked = "", list[CheckedUpload]()
    if reason not in AppealReason.values:
        problems.append(("reason", _("Choose why you appeal.")))
    try:
        statement = clean_text("text", text, _("Say what happened."))
    except InvalidInput as refusal:
        problems.extend(refusal.fields)
    try:
        checked = clean_files(uploads, kept=len(pending))
    except InvalidInput as refusal:
        problems.extend(refusal.fields)
    if problems:
        raise InvalidInput(problems)
    return statement, [*pending, *checked]


def _files_put(appeal: Appeal, member: Member, files: Sequence[CheckedUpload | StoredFile]) -> None:
    """Keep the files with the appeal; raises `InvalidInput` for a pending one that is gone."""
    pending = [one for one in files if isinstance(one, StoredFile)]
    if files_repurpose(files=pending, before=PENDING, after=PURPOSE) != len(pending):
        text = _("A file of this form is not there any more. Choose it again.")
        raise InvalidInput([("files", text)])
    for one in files:
        stored = one if isinstance(one, StoredFile) else _stored(member, one)
        AppealFile.objects.create(appeal=appeal, file=stored)


def _stored(member: Member, upload: CheckedUpload) -> StoredFile:
    return file_store(seller=member.seller, actor=member.user, upload=upload, purpose=PURPOSE)


# --- Pending uploads ----------------------------------------------------------------------------


def pending_keep(*, member: Member, uploads: Iterable[UploadedFile]) -> list[StoredFile]:
    """Keep the good ones of the uploads of a form that was refused; the others are passed over."""
    if not member.can(Action.APPEAL):
        raise NotAllowed(_("Only the owner of the shop can appeal."))
    kept = []
    for upload in list(uploads)[:MAX_FILES]:
        try:
            checked = upload_check(upload, field="files")
        except InvalidInput:
            continue
        kept.append(
            file_store(seller=member.seller, actor=member.user, upload=checked, purpose=PENDING)
        )
    return kept


def pending_files(*, member: Member, tokens: Iterable[str]) -> list[StoredFile]:
    """Return the person's own pending uploads by token, in that order; any other token has none."""
    wanted = list(dict.fromkeys(tokens))[: 2 * MAX_FILES]
    with seller_scope(member.seller):
        rows = StoredFile.objects.filter(token__in=wanted, purpose=PENDING, uploaded_by=member.user)
        found = {row.token: row for row in rows}
    return [found[token] for token in wanted if token in found]


# --- Deciding -----------------------------------------------------------------------------------


def appeal_decide(*, actor: User, appeal: Appeal, overturn: bool, answer: str) -> Appeal:
    """Decide an appeal, once: the penalty stands, or it is taken back whole (CMP-8).

    Needs `compliance.change_appeal` and no membership in the shop. Raises `InvalidInput` without an
    answer, `already_decided`.
    """
    with unscoped():
        violation = Violation.objects.get(pk=appeal.violation_id)
    require_staff(actor=actor, permission=DECIDE, seller_id=violation.seller_id)
    text = clean_text("answer", answer, _("Write what the shop is told."))
    status = AppealStatus.OVERTURNED if overturn else AppealStatus.PENALTY_UPHELD
    with unscoped(), transaction.atomic():
        shop = shop_held(violation.seller_id)
        now = platform_time.now()
        decided = Appeal.objects.filter(pk=appeal.pk, status=AppealStatus.OPEN).update(
            status=status, decided_at=now, decided_by=actor, answer=text
        )
        if not decided:
            raise Refusal("already_decided", _("Somebody has decided this appeal already."))
        audit.record(
            action="appeal.decide",
            actor=actor,
            obj=appeal,
            before={"status": AppealStatus.OPEN},
            after={"status": status},
            answer=text,
            seller=shop.member_id,
        )
        if overturn:
            penalty_take_back(shop=shop, violation=violation, actor=actor, note=text, now=now)
        params = {
            "violation": rule_names(violation),
            "decision": status.label,
            "reason": text,
        }
        tell(violation, "appeal_decided", params)
    appeal.refresh_from_db()
    return appeal
