"""Loading exports of public registers, and holding waiting certificates against them (EPR-8).

A register is never trusted: a match is something reviewers see. Only where the rulebook says so is a
certificate whose own number and name agree approved without one, with the reason noted.

A file is kept in steps, for it may hold a million rows: an import whose `rows` is still 0 is being read
and counts for nothing.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from datetime import date, timedelta
from functools import partial
from itertools import islice
from pathlib import PurePath
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from compliance.choices import CertificateStatus, CertificateType
from compliance.epr.schema import EPR, EprRules, ReviewRules
from compliance.models import Certificate, RegisterEntry, RegisterImport, RegisterMatch
from compliance.models.certificates import WAITING
from compliance.review.company_names import name_similarity
from compliance.review.registers import REGISTERS, BadRow, Entry, Register
from compliance.services.review_steps import Reason, review_rules
from compliance.services.reviews import certificate_approve_found
from portal import platform_time
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.cells import CellError, safe_text
from portal.ingest.readers import FileRefused
from portal.models import User
from portal.scoping import unscoped
from portal.services import audit
from portal.services.rulebooks import rulebook_for

PERMISSION = "compliance.import_register"
MAX_BYTES = 512 << 20
BATCH = 1000
ROWS_AT_ONCE = 2000
KEPT_PROBLEMS = 200
STALE = timedelta(minutes=30)
"""An import that reads for longer than this was interrupted: the same file may be loaded again."""
FOUND_CODE = "register"

logger = logging.getLogger(__name__)


# --- Loading ------------------------------------------------------------------------------------


def register_import(
    *, actor: User, register: str, upload: UploadedFile, dated_on: date
) -> RegisterImport:
    """Load an export of a register as of a day, and hold every waiting certificate against it (EPR-8).

    Rows that cannot be used are reported with their number, the others are applied. The same file
    again is the same import. Raises `NotAllowed`, `InvalidInput` naming `register`, `upload` or
    `dated_on`, `older_register` when a newer export counts, `import_running`.
    """
    if not actor.has_perm(PERMISSION):
        raise NotAllowed(_("You may not load registers."))
    kind, sha256, name = _checked(register, upload, dated_on)
    now = platform_time.now()
    made, new = _begin(kind, sha256, name, dated_on, actor)
    if not new:
        return made
    try:
        kept, problems = _keep_rows(kind, made, upload, _rules(now, dated_on))
    except BaseException:
        _forget(made)
        raise
    with unscoped():
        _finish(kind, made, kept, problems, actor)
    return made


def _checked(register: str, upload: UploadedFile, dated_on: date) -> tuple[Register, str, str]:
    """Return the register, the file's hash and its name."""
    problems = []
    kind = REGISTERS.get(register)
    if kind is None:
        problems.append(("register", _("There is no such register.")))
    if dated_on > platform_time.today():
        problems.append(("dated_on", _("This day is still to come.")))
    if (upload.size or 0) > MAX_BYTES:
        text = _("The file has more than %(most)d MB.")
        problems.append(("upload", text % {"most": MAX_BYTES >> 20}))
    name = PurePath(str(upload.name or "").replace("\\", "/")).name
    try:
        name = safe_text(name[-150:], 150)
    except CellError as error:
        problems.append(("upload", str(error)))
    if kind is None or problems:
        raise InvalidInput(problems)
    digest = hashlib.sha256()
    for block in upload.chunks():
        digest.update(block)
    return kind, digest.hexdigest(), name


def _rules(now: Any, dated_on: date) -> EprRules:
    """Return the table that says how numbers look: of the file's day, or of today for older files."""
    try:
        rules: EprRules = rulebook_for(EPR, dated_on).content
    except Refusal:
        rules = rulebook_for(EPR, platform_time.day_of(now)).content
    return rules


@transaction.atomic
def _begin(
    kind: Register, sha256: str, name: str, dated_on: date, actor: User
) -> tuple[RegisterImport, bool]:
    """Return the import of this file, and whether it is still to be read."""
    now = platform_time.now()
    made, new = RegisterImport.objects.select_for_update(no_key=True).get_or_create(
        register=kind.code,
        sha256=sha256,
        defaults={"dated_on": dated_on, "name": name, "imported_at": now, "imported_by": actor},
    )
    if not new:
        if made.rows:
            return made, False
        if made.imported_at > now - STALE:
            raise Refusal("import_running", _("This file is being read already."))
        RegisterImport.objects.filter(pk=made.pk).update(imported_at=now, imported_by=actor)
        made.entries.all().delete()
    newest = current_imports().get(kind.code)
    if kind.complete and newest and newest[0].dated_on > dated_on:
        raise Refusal(
            "older_register",
            _("An export of %(day)s counts already, which is newer.")
            % {"day": newest[0].dated_on.isoformat()},
        )
    return made, True


def _keep_rows(
    kind: Register, made: RegisterImport, upload: UploadedFile, rules: EprRules
) -> tuple[int, list[BadRow]]:
    """Store the rows of a file, some thousands at a time; return how many, and what was left out."""
    problems: list[BadRow] = []
    kept = 0
    upload.seek(0)
    rows = kind.read(kind, upload.file, rules, made.dated_on)  # type: ignore[arg-type]
    try:
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            entries = [row for row in batch if isinstance(row, Entry)]
            problems += [row for row in batch if isinstance(row, BadRow)]
            RegisterEntry.objects.bulk_create(
                (RegisterEntry(source=made, **vars(entry)) for entry in entries), batch_size=500
            )
            kept += len(entries)
    except FileRefused as error:
        raise InvalidInput([("upload", str(error))]) from None
    if not kept:
        first = f" {problems[0].message}" if problems else ""
        text = _("The file holds no row that can be used.")
        raise InvalidInput([("upload", text + first)])
    return kept, problems


@transaction.atomic
def _forget(made: RegisterImport) -> None:
    """Take back an import that failed."""
    with unscoped():
        made.entries.all().delete()
        RegisterImport.objects.filter(pk=made.pk, rows=0).delete()


@transaction.atomic
def _finish(
    kind: Register, made: RegisterImport, kept: int, problems: list[BadRow], actor: User
) -> None:
    """Let the import count, drop the rows of the one it takes the place of, and match."""
    made.rows, made.rejected = kept, len(problems)
    made.problems = [{"row": bad.row, "message": bad.message} for bad in problems[:KEPT_PROBLEMS]]
    made.save(update_fields=["rows", "rejected", "problems"])
    if kind.complete:
        older = RegisterImport.objects.filter(register=kind.code).exclude(pk=made.pk)
        RegisterEntry.objects.filter(source__in=older.filter(rows__gt=0)).delete()
    waiting = Certificate.objects.filter(
        type=CertificateType.EPR, status__in=WAITING, country=kind.country
    )
    if kind.category:
        waiting = waiting.filter(category=kind.category)
    made.matched = register_match(waiting.order_by("pk").iterator(chunk_size=BATCH))
    made.save(update_fields=["matched"])
    audit.record(
        action="register.import",
        actor=actor,
        obj=made,
        after={
            name: getattr(made, name)
            for name in ("register", "dated_on", "sha256", "rows", "rejected", "matched")
        },
    )


# --- Matching -----------------------------------------------------------------------------------


def current_imports() -> dict[str, list[RegisterImport]]:
    """Return register → the imports that count, newest first: one of a complete register, else all."""
    found: dict[str, list[RegisterImport]] = {}
    finished = RegisterImport.objects.filter(rows__gt=0).order_by(
        "-dated_on", "-imported_at", "-pk"
    )
    for one in finished.defer("problems"):
        kind = REGISTERS.get(one.register)
        if kind is not None and not (kind.complete and one.register in found):
            found.setdefault(one.register, []).append(one)
    return found


def register_entries(numbers: Iterable[str]) -> list[RegisterEntry]:
    """Return what the registers in force say of numbers: newest file first, then by row."""
    imports = {one.pk: one for many in current_imports().values() for one in many}
    rows = list(
        RegisterEntry.objects.filter(number__in=set(numbers), source__in=list(imports)).order_by(
            "row"
        )
    )
    for row in rows:
        row.source = imports[row.source_id]
    rows.sort(key=lambda row: (row.source.dated_on, row.source.imported_at), reverse=True)
    return rows


def register_match(certificates: Iterable[Certificate]) -> int:
    """Note for waiting EPR certificates what the registers say of their numbers; return how many are found.

    What an older register or an earlier number had found goes. Where the rulebook says so, those that
    agree are approved after the transaction. A constant number of statements per thousand.
    """
    now = platform_time.now()
    rules = review_rules(now)
    waiting = iter(
        one for one in certificates if one.type == CertificateType.EPR and one.status in WAITING
    )
    found = 0
    with unscoped():
        while batch := list(islice(waiting, BATCH)):
            found += _match_some(batch, rules)
    return found


def _match_some(batch: list[Certificate], rules: ReviewRules) -> int:
    by_number: dict[tuple[str, str], list[RegisterEntry]] = {}
    for entry in register_entries(one.number for one in batch):
        by_number.setdefault((entry.country, entry.number), []).append(entry)
    matches = [
        match
        for one in batch
        if (match := _best(one, by_number.get((one.country, one.number), [])))
    ]
    matched = [match.certificate_id for match in matches]
    with transaction.atomic():
        RegisterMatch.objects.filter(certificate__in=[one.pk for one in batch]).exclude(
            certificate__in=matched
        ).delete()
        RegisterMatch.objects.bulk_create(
            matches,
            update_conflicts=True,
            unique_fields=["certificate"],
            update_fields=[
                "register", "dated_on", "sha256", "row", "holder", "brand", "ended_on", "similarity",
                "matched_at",
            ],
        )  # fmt: skip
        sure = [match for match in matches if _may_verify(match, rules)]
        if sure:
            transaction.on_commit(partial(_verify_found, sure), robust=True)
    return len(matches)


def _best(certificate: Certificate, entries: list[RegisterEntry]) -> RegisterMatch | None:
    """Return the entry of the newest file that fits best: still registered, then the likest name."""
    wanted = certificate.company_name or certificate.entity_name
    fitting = [one for one in entries if one.category in ("", certificate.category)]
    if not fitting:
        return None
    today = platform_time.today()
    newest = [one for one in fitting if one.source_id == fitting[0].source_id]
    scored = [(name_similarity(one.holder, wanted), one) for one in newest]
    similarity, entry = max(
        scored, key=lambda pair: (not _ended(pair[1].ended_on, today), pair[0], -pair[1].row)
    )
    return RegisterMatch(
        certificate=certificate,
        register=entry.source.register,
        dated_on=entry.source.dated_on,
        sha256=entry.source.sha256,
        row=entry.row,
        holder=entry.holder,
        brand=entry.brand,
        ended_on=entry.ended_on,
        similarity=similarity,
        matched_at=platform_time.now(),
    )


def _ended(ended_on: date | None, today: date) -> bool:
    return ended_on is not None and ended_on <= today


# --- Verifying without a reviewer ---------------------------------------------------------------


def _may_verify(match: RegisterMatch, rules: ReviewRules) -> bool:
    """Tell whether the rulebook lets a match alone approve: never with two persons or for upstream's."""
    certificate = match.certificate
    return (
        rules.auto_verify
        and not rules.two_person
        and certificate.status == CertificateStatus.SUBMITTED
        and certificate.own
        and match.similarity >= rules.auto_verify_similarity
        and match.ended_on is None
    )


def _verify_found(matches: list[RegisterMatch]) -> None:
    """Approve what a register confirms; what is refused keeps waiting for a reviewer."""
    for match in matches:
        certificate = match.certificate
        try:
            certificate_approve_found(
                certificate=certificate, digest=certificate.digest, reason=found_reason(match)
            )
        except Refusal as refusal:
            logger.info("certificate %s waits for a reviewer: %s", certificate.pk, refusal.code)


def found_reason(match: RegisterMatch) -> Reason:
    """Return the reason noted for an approval by the register."""
    return Reason(
        FOUND_CODE,
        f"Found in the register {match.register} of {match.dated_on}, holder {match.holder}"
        f" ({match.similarity} %).",
        f"已在 {match.dated_on} 的登记册（{match.register}）中找到，登记人 {match.holder}"
        f"（相似度 {match.similarity}%）。",
    )
