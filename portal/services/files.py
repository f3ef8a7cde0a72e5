"""Private files: the only way an upload gets into the portal, and who may have it back (EPR-6).

The content decides what a file is (`file_content`). What is kept lies below `MEDIA_ROOT` under a
random name that nothing serves but `portal:file`. The file is written first and its row in the
transaction of its cause; when that fails, the file goes again.
"""

from __future__ import annotations

import hashlib
import logging
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _

from portal import platform_time
from portal.errors import InvalidInput
from portal.file_purposes import Unused, file_purpose, swept_purposes
from portal.models import Seller, StoredFile, User
from portal.models.files import private_path
from portal.scoping import unscoped
from portal.services import audit
from portal.services.file_content import (
    MAX_BYTES,
    Content,
    ContentError,
    FileType,
    clean_content,
)
from portal.services.people import closed_memberships_of, memberships_of
from portal.services.virus_scan import ScannerAway, VirusFound, virus_scan
from portal.upload_limits import UploadLost

__all__ = [
    "JPEG",
    "MAX_BYTES",
    "PDF",
    "PNG",
    "WEBP",
    "CheckedUpload",
    "FileNotKept",
    "FileNotScanned",
    "FileType",
    "file_for",
    "file_store",
    "file_url",
    "files_drop",
    "files_or_nothing",
    "files_repurpose",
    "files_sweep",
    "folder_sweep",
    "upload_check",
    "upload_keep",
]

PDF, PNG, JPEG, WEBP = FileType.PDF, FileType.PNG, FileType.JPEG, FileType.WEBP
FOLDER = "private"
ORPHAN_AGE = timedelta(days=1)
"""A file without a row this long after it was written belongs to no transaction any more; a row that
nothing refers to this long after its upload belongs to no form any more."""
SWEEP_ROWS = 500

logger = logging.getLogger(__name__)
_written: ContextVar[list[str] | None] = ContextVar("files_written", default=None)


class _NotNow(InvalidInput):
    """The portal cannot take a file at the moment, whatever is in it (503)."""

    http_status = 503
    retry_after = 60

    def __init__(self, field: str, text: str, code: str) -> None:
        super().__init__([(field, text)], text)
        self.code = code


class FileNotKept(_NotNow):
    """The file could not be written: disk full or storage away."""

    def __init__(self, field: str, name: str) -> None:
        text = _("“%(name)s” could not be stored just now; try again later.") % {"name": name}
        super().__init__(field, text, "file_not_stored")


class FileNotScanned(_NotNow):
    """The virus scanner is configured but gives no answer: unscanned files are not taken."""

    def __init__(self, field: str, name: str) -> None:
        text = _("“%(name)s” could not be checked for viruses just now; try again later.")
        super().__init__(field, text % {"name": name}, "file_not_scanned")


@contextmanager
def files_or_nothing() -> Iterator[None]:
    """Delete the files stored inside the block when the block fails.

    Put it around the transaction whose rows name them: `with files_or_nothing(), atomic(): …`.
    """
    if _written.get() is not None:
        yield
        return
    names: list[str] = []
    token = _written.set(names)
    try:
        yield
    except BaseException:
        _drop_all(names)
        raise
    finally:
        _written.reset(token)


@dataclass(frozen=True)
class CheckedUpload:
    """An upload that passed `upload_check`: `name` as it will be kept, and its clean content."""

    name: str
    content: Content
    field: str


def upload_check(
    upload: UploadedFile,
    *,
    accept: tuple[FileType, ...] = (PDF, PNG, JPEG),
    field: str = "file",
) -> CheckedUpload:
    """Check and clean an upload without keeping it; raises `InvalidInput` that names `field` (EPR-6).

    Also `FileNotKept` for one that was lost on its way, `FileNotScanned` when the virus scanner is away
    (both 503). Decoding takes time and memory: do it before a transaction, and give the result to `file_store`.
    """
    name = _shown_name(str(upload.name or ""))
    try:
        data = _bytes_of(upload)
        content = clean_content(data, accept)
        virus_scan(data)
    except UploadLost:
        raise FileNotKept(field, name) from None
    except ScannerAway:
        raise FileNotScanned(field, name) from None
    except (ContentError, VirusFound) as error:
        why = str(error)
        if isinstance(error, VirusFound):
            why = _("the virus scanner found %(virus)s in it.") % {"virus": error}
        text = _("“%(name)s”: %(why)s") % {"name": name, "why": why}
        raise InvalidInput([(field, text)]) from None
    return CheckedUpload(_harmless_name(name, content.type), content, field)


def file_store(
    *,
    seller: Seller,
    actor: User,
    upload: UploadedFile | CheckedUpload,
    purpose: str,
    accept: tuple[FileType, ...] = (PDF, PNG, JPEG),
    field: str = "file",
) -> StoredFile:
    """Check an upload and keep it for a shop; return its row (EPR-6).

    At most 10 MB. Images are decoded and written anew; PDFs that are encrypted or hold scripts,
    launch actions or files are refused. Raises `InvalidInput` that names `field` and says why, and
    `FileNotKept` (503) when the storage fails; nothing is half saved. Within a larger transaction
    check first (`upload_check`) and put `files_or_nothing()` around it.
    """
    if not isinstance(upload, CheckedUpload):
        upload = upload_check(upload, accept=accept, field=field)
    with files_or_nothing():
        path = _write(upload)
        with transaction.atomic(), unscoped():
            return _row(upload, seller=seller, actor=actor, purpose=purpose, path=path)


def _bytes_of(upload: UploadedFile) -> bytes:
    """Return the content; of one that is too large as much as shows it."""
    upload.seek(0)
    return upload.read(MAX_BYTES + 1)


def upload_keep(*, upload: UploadedFile, path: str, field: str = "file") -> str:
    """Keep an upload as it came, to be read and dropped soon; return its name in the storage.

    For files of rows, which readers judge and nobody has back (K-15, LST-2); `path` owes nothing to what
    was typed. Raises `FileNotKept` (503) when the storage or the temporary folder is full: then nothing of
    it is left. Goes again with the block of `files_or_nothing()` around it.
    """
    try:
        return _save(path, upload)
    except (OSError, UploadLost):
        raise FileNotKept(field, _shown_name(str(upload.name or ""))) from None


def _write(upload: CheckedUpload) -> str:
    try:
        return _save(private_path(StoredFile(), ""), ContentFile(upload.content.data))
    except OSError:
        raise FileNotKept(upload.field, upload.name) from None


def _save(path: str, content: File) -> str:
    """Write a file and return its name; of one that cannot be written whole nothing stays."""
    written = _written.get()
    if written is not None:
        written.append(path)
    try:
        return default_storage.save(path, content)
    except (OSError, UploadLost):
        logger.exception("an upload of %s bytes could not be written", content.size)
        _drop(path)
        raise


def _row(
    upload: CheckedUpload, *, seller: Seller, actor: User, purpose: str, path: str
) -> StoredFile:
    content = upload.content
    stored = StoredFile.objects.create(
        seller=seller,
        token=get_random_string(40),
        purpose=purpose,
        name=upload.name,
        content_type=content.type.value,
        size=len(content.data),
        sha256=hashlib.sha256(content.data).hexdigest(),
        file=path,
        uploaded_at=platform_time.now(),
        uploaded_by=actor,
    )
    audit.record(action="file.store", actor=actor, obj=stored, after=_told(stored))
    return stored


def _told(stored: StoredFile) -> dict[str, Any]:
    return {name: getattr(stored, name) for name in ("name", "purpose", "size", "sha256")}


def _drop_all(paths: Iterable[str]) -> None:
    for path in paths:
        _drop(path)


def _drop(path: str) -> None:
    try:
        default_storage.delete(path)
    except OSError:
        # The sweep finds it.
        logger.exception("a file could not be deleted")


# --- Names --------------------------------------------------------------------------------------

_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*\s]+')


def _shown_name(raw: str) -> str:
    """Return the last part of a name without anything that controls, hides or reorders text."""
    last = unicodedata.normalize("NFC", raw).replace("\\", "/").rpartition("/")[2]
    visible = "".join(one if unicodedata.category(one)[0] != "C" else " " for one in last)
    return _NOT_IN_NAMES.sub(" ", visible).strip(" .")[:150] or "file"


def _harmless_name(name: str, kind: FileType) -> str:
    """Return a name whose end is that of its content."""
    stem, dot, end = name.rpartition(".")
    known = {one.extension for one in FileType} | {"jpeg"}
    if dot and end.lower() in known:
        name = stem.strip(" .") or "file"
    return f"{name[:140]}.{kind.extension}"


# --- Having it back -----------------------------------------------------------------------------


def file_url(file: StoredFile) -> str:
    """Return the path at which those who may can have the file."""
    return reverse("portal:file", args=[file.token])


def file_for(*, user: User, token: str) -> StoredFile | None:
    """Return a file its shop's members and entitled staff may have; for others there is none (K-8)."""
    with unscoped():
        file = StoredFile.objects.filter(token=token).first()
    if file is None:
        return None
    # Also of a closed shop: the files show why it was closed.
    members = [*memberships_of(user), *closed_memberships_of(user)]
    if any(member.seller_id == file.seller_id for member in members):
        return file
    permissions = file_purpose(file.purpose).staff_permissions
    return file if user.is_staff and any(map(user.has_perm, permissions)) else None


# --- Changing hands -----------------------------------------------------------------------------


def files_repurpose(*, files: Iterable[StoredFile], before: str, after: str) -> int:
    """Give files of one purpose another one; return how many still had the first."""
    rows = StoredFile.objects.filter(pk__in=[one.pk for one in files], purpose=before)
    return rows.update(purpose=after)


def files_drop(*, files: Iterable[StoredFile], actor: User | None) -> int:
    """Delete files nothing refers to, with their content once that is committed; return how many.

    A file that got another purpose meanwhile stays.
    """
    wanted = {one.pk: one.purpose for one in files}
    with unscoped(), transaction.atomic():
        held = list(StoredFile.objects.select_for_update().filter(pk__in=wanted).order_by("pk"))
        gone = [one for one in held if one.purpose == wanted[one.pk]]
        audit.record_many(
            audit.entry(action="file.drop", actor=actor, obj=one, before=_told(one)) for one in gone
        )
        paths = [str(one.file.name) for one in gone]
        StoredFile.objects.filter(pk__in=[one.pk for one in gone]).delete()
        transaction.on_commit(lambda: _drop_all(paths))
    return len(gone)


# --- Sweeping -----------------------------------------------------------------------------------


def files_sweep() -> int:
    """Delete files that belong to nothing any more; return how many (EPR-6).

    Files that no row names, a day after they were written: they are left when a process dies between
    writing the file and committing its row. And uploads for forms nobody ever sent, after a day.
    """
    return _sweep_unused() + _sweep_disk()


def _sweep_unused() -> int:
    limit = platform_time.now() - ORPHAN_AGE
    swept = 0
    for purpose in swept_purposes():
        with unscoped():
            old = StoredFile.objects.filter(purpose=purpose.purpose, uploaded_at__lt=limit)
            unused = list(_unused(purpose.unused, old).order_by("pk")[:SWEEP_ROWS])
        swept += files_drop(files=unused, actor=None)
    return swept


def _unused(narrow: Unused | None, files: QuerySet[StoredFile]) -> QuerySet[StoredFile]:
    return narrow(files) if narrow else files.none()


def _sweep_disk() -> int:
    if not default_storage.exists(FOLDER):
        return 0
    before = platform_time.wall_clock() - ORPHAN_AGE
    parts = default_storage.listdir(FOLDER)[0]
    return sum(folder_sweep(folder=f"{FOLDER}/{one}", before=before, named=_named) for one in parts)


def _named(paths: set[str]) -> Iterable[str]:
    with unscoped():
        return list(StoredFile.objects.filter(file__in=paths).values_list("file", flat=True))


def folder_sweep(
    *, folder: str, before: datetime, named: Callable[[set[str]], Iterable[str]]
) -> int:
    """Delete the files of a folder that were written before an instant and that nothing names.

    `named` gives those of some paths that something names. Returns how many were deleted. Another sweeper
    may be at work: a file that is gone already is no failure.
    """
    if not default_storage.exists(folder):
        return 0
    paths = {f"{folder}/{name}" for name in default_storage.listdir(folder)[1]}
    swept = 0
    for path in sorted(paths - set(named(paths))):
        try:
            if default_storage.get_modified_time(path) >= before:
                continue
        except FileNotFoundError:
            continue
        _drop(path)
        swept += 1
    return swept
