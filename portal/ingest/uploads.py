"""Files uploaded by staff: stored, applied at once or by a worker, resumed after a crash (K-15)."""

from __future__ import annotations

import csv
import io
import logging
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from portal import platform_time
from portal.errors import InvalidInput, NotAllowed
from portal.exports import guard
from portal.ingest.engine import KEPT_IN_LEDGER, Run, Superseded
from portal.ingest.kinds import IngestKind, kind_named
from portal.ingest.sources import FileSource
from portal.models import IngestBatch, User
from portal.queueing import enqueue
from portal.services import audit
from portal.services.files import ORPHAN_AGE, files_or_nothing, folder_sweep, upload_keep

logger = logging.getLogger(__name__)

PERMISSION = "portal.add_ingestbatch"
FOLDER = "ingest"
INLINE_BYTES = 1 << 20
MAX_BYTES = 1 << 30
MAX_STRICT_BYTES = 64 << 20
"""A strict file is one transaction, which has to end within a task's time limit."""
STALE = timedelta(minutes=3)
STALE_STRICT = timedelta(minutes=20)
SWEPT = 20


def upload_accept(
    *, actor: User, kind: str, file: UploadedFile, strict: bool = False
) -> IngestBatch:
    """Store an uploaded file as a batch; a small one is applied at once, others by a worker.

    Raises `NotAllowed` without the permission, `InvalidInput` for an unknown kind or too large a file, and
    `FileNotKept` (503) when there is no room for it: then neither the batch nor a part of the file is kept.
    """
    if not actor.has_perm(PERMISSION):
        raise NotAllowed(_("You may not upload rows."))
    kind_class = kind_named(kind)
    if kind_class is None:
        raise InvalidInput([("kind", _("There is no such kind."))])
    size = file.size or 0
    most = MAX_STRICT_BYTES if strict else MAX_BYTES
    if size > most:
        text = _("The file has more than %(most)d MB.")
        raise InvalidInput([("file", text % {"most": most >> 20})])
    name = Path(str(file.name)).name
    with files_or_nothing(), transaction.atomic():
        # The stored name owes nothing to what was typed: readers go by content.
        stored = upload_keep(upload=file, path=f"{FOLDER}/{uuid.uuid4().hex}.upload")
        batch = IngestBatch.objects.create(
            kind=kind,
            source=name[:200],
            user=actor,
            strict=strict,
            progress_at=_clock(),
            upload=stored,
        )
        audit.record(
            action="ingest.upload",
            actor=actor,
            obj=batch,
            after={"kind": kind, "source": name, "bytes": size, "strict": strict},
        )
        if size > INLINE_BYTES:
            transaction.on_commit(lambda: _send(batch.pk))
    if size <= INLINE_BYTES:
        upload_run(batch_id=batch.pk)
        batch.refresh_from_db()
    return batch


def upload_run(*, batch_id: int) -> None:
    """Apply a stored upload, from where it stopped; safe to repeat and to run twice at once."""
    batch = IngestBatch.objects.filter(pk=batch_id).select_related("user").first()
    if batch is None:
        return
    if batch.finished_at is None:
        kind = kind_named(batch.kind)
        if kind is None or not batch.upload:
            _close(batch, _("the kind or the file of this batch is gone"))
        else:
            language = batch.user.language if batch.user else None
            try:
                with translation.override(language):
                    Run(kind, batch, FileSource(Path(batch.upload.path)), actor=batch.user).go()
            except Superseded:
                logger.info("ingest batch %s is applied by another worker", batch_id)
                return
    _drop_file(batch)


def uploads_sweep() -> None:
    """Send uploads again that a broker or a worker lost, and drop files that were left behind (K-15)."""
    now = _clock()
    lost = IngestBatch.objects.filter(finished_at__isnull=True).exclude(upload="")
    due = Q(strict=False, progress_at__lt=now - STALE) | Q(
        strict=True, progress_at__lt=now - STALE_STRICT
    )
    for batch_id in lost.filter(due).order_by("pk").values_list("pk", flat=True)[:SWEPT]:
        _send(batch_id)
    for batch in IngestBatch.objects.filter(finished_at__isnull=False).exclude(upload="")[:SWEPT]:
        _drop_file(batch)
    # Left when a process died between writing a file and committing its batch.
    folder_sweep(folder=FOLDER, before=now - ORPHAN_AGE, named=_named)


def _named(paths: set[str]) -> list[str]:
    return list(IngestBatch.objects.filter(upload__in=paths).values_list("upload", flat=True))


def rejections_csv(batch: IngestBatch) -> Iterator[str]:
    """Yield the rejected rows the ledger keeps, as CSV that Excel opens in UTF-8."""
    yield "\ufeff" + _csv_line(["row", "field", "message"])
    for item in batch.rejections:
        yield _csv_line([item["row"], item["field"], item["message"]])
    if batch.rejected > KEPT_IN_LEDGER:
        yield _csv_line(["", "", f"… and {batch.rejected - KEPT_IN_LEDGER} more"])


def template_csv(kind: type[IngestKind]) -> str:
    """Return a file to start from: the header and one example row."""
    names = [column.name for column in kind.columns]
    examples = [column.example for column in kind.columns]
    return "\ufeff" + _csv_line(names) + _csv_line(examples)


def _csv_line(cells: list[Any]) -> str:
    buffer = io.StringIO()
    # A cell that a spreadsheet would run as a formula is shown as text.
    safe = [guard(cell) if isinstance(cell, str) else cell for cell in cells]
    csv.writer(buffer).writerow(safe)
    return buffer.getvalue()


def _send(batch_id: int) -> None:
    from portal.tasks import run_ingest_upload

    enqueue(run_ingest_upload, batch_id)


def _close(batch: IngestBatch, error: str) -> None:
    IngestBatch.objects.filter(pk=batch.pk, finished_at__isnull=True).update(
        error=error, finished_at=platform_time.now()
    )


def _drop_file(batch: IngestBatch) -> None:
    """Delete the stored file: rows may hold passwords and are in the database anyway."""
    if batch.upload:
        batch.upload.delete(save=False)
        IngestBatch.objects.filter(pk=batch.pk).update(upload="")


def _clock() -> datetime:
    return platform_time.wall_clock()
