"""The engine: reads a source in chunks, applies each in a transaction, keeps the ledger (K-15).

Without `strict` every chunk is applied and recorded in one transaction: the ledger row
(`IngestBatch`) never says more than what is stored. The record is a compare-and-set on the rows done,
so a stored upload whose worker died is resumed where it stopped, and two workers on the same batch
do not both apply a chunk. With `strict` the whole source is one transaction.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    OperationalError,
    connection,
    transaction,
)
from django.utils.translation import gettext as _

from portal import platform_time
from portal.ingest.kinds import IngestKind, Outcome, Progress, Rejection, Row
from portal.ingest.readers import FileRefused
from portal.ingest.references import References
from portal.ingest.seen import SeenKeys
from portal.ingest.sources import Feed, FileSource, JsonSource, Source
from portal.models import IngestBatch, User
from portal.scoping import unscoped

logger = logging.getLogger(__name__)

WHOLE_ROWS = 200_000
KEPT_IN_LEDGER = 1_000
ATTEMPTS = 5
FIRST_PAUSE = 0.05


class Superseded(Exception):
    """Another worker is applying this batch."""


class _StrictRollback(Exception):
    """A row was rejected in a strict batch: undo everything."""


@dataclass(slots=True)
class Report:
    """What became of a batch; `error` is set when the source was refused as a whole."""

    batch: IngestBatch
    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    error: str = ""
    busy: bool = False
    """Whether the error is a passing one: the same rows may be sent again."""

    @property
    def ok(self) -> bool:
        """Tell whether every row was accepted."""
        return not self.error and not self.rejected

    def summary(self) -> str:
        """Return the contract's one line."""
        return (
            f"{self.batch.kind}: created {self.created}, updated {self.updated}, "
            f"unchanged {self.unchanged}, rejected {self.rejected}"
        )


def ingest_file(
    kind: type[IngestKind],
    path: Path,
    *,
    actor: User | None = None,
    strict: bool = False,
    name: str = "",
    progress: Progress | None = None,
) -> Report:
    """Ingest a CSV or XLSX file. A refused file is reported in `Report.error`, never raised."""
    batch = IngestBatch.objects.create(
        kind=kind.name, source=(name or path.name)[:200], user=actor, strict=strict
    )
    return Run(kind, batch, FileSource(path), actor=actor, progress=progress).go()


def ingest_rows(
    kind: type[IngestKind],
    rows: list[Any],
    *,
    actor: User | None = None,
    strict: bool = False,
    name: str = "API",
) -> Report:
    """Ingest rows given as JSON objects; they are numbered from 1."""
    batch = IngestBatch.objects.create(kind=kind.name, source=name[:200], user=actor, strict=strict)
    return Run(kind, batch, JsonSource(rows), actor=actor, keep=len(rows)).go()


class Run:
    """One batch on its way through the engine."""

    def __init__(
        self,
        kind: type[IngestKind],
        batch: IngestBatch,
        source: Source,
        *,
        actor: User | None = None,
        progress: Progress | None = None,
        keep: int = KEPT_IN_LEDGER,
    ) -> None:
        self.kind = kind
        self.batch = batch
        self.source = source
        self.actor = actor
        self.progress = progress
        self.keep = max(keep, KEPT_IN_LEDGER)
        self._start()

    def _start(self) -> None:
        """Begin, or begin again where the ledger says the batch stopped."""
        batch = self.batch
        self.report = Report(
            batch, batch.rows, batch.created, batch.updated, batch.unchanged, batch.rejected
        )
        self.report.rejections = [
            Rejection(item["row"], item["field"], item["message"]) for item in batch.rejections
        ]
        self.skip = batch.rows
        self.recorded = batch.rows
        self.worker = self.kind(actor=self.actor)
        self.references = References(self.kind)

    def go(self) -> Report:
        """Apply the source and close the ledger row; raises only what is a bug of ours."""
        try:
            with unscoped():
                self._go_strict() if self.batch.strict else self._read(self._chunk_transaction)
        except FileRefused as refusal:
            return self._refuse(str(refusal))
        except OperationalError as error:
            logger.warning("ingest %s gave up: %s", self.batch.pk, error)
            return self._refuse(
                _("the database was busy for too long; send the rows again"), busy=True
            )
        except IntegrityError as error:
            logger.warning("ingest %s collided: %s", self.batch.pk, error)
            return self._refuse(
                _("rows it refers to changed meanwhile; send the rows again"), busy=True
            )
        except Superseded:
            raise
        except Exception:
            self._refuse(_("stopped by an internal error; it has been logged"))
            raise
        self._record(finished=True)
        return self.report

    # --- Reading ---------------------------------------------------------------------------------

    def _go_strict(self) -> None:
        """Apply everything in one transaction or nothing; again from the start after a deadlock."""
        for attempt in range(ATTEMPTS):
            try:
                with transaction.atomic():
                    self._read(nullcontext)
                    if self.report.rejected:
                        raise _StrictRollback
                    self._record()
                return
            except _StrictRollback:
                self.report.created = self.report.updated = self.report.unchanged = 0
                return
            except OperationalError:
                if not _may_retry(attempt):
                    raise
                self._start()

    def _read(self, chunk_transaction: Any) -> None:
        with self.source.open(self.kind) as feed, SeenKeys() as seen:
            for items, is_last in _chunks(feed.items, self.kind.chunk_size):
                # A resumed batch passes what it has done, but must know the keys it saw there.
                fresh = self._drop_repeats(items, seen)[self.skip :]
                self.skip = max(self.skip - len(items), 0)
                if not fresh:
                    continue
                self._chunk(fresh, is_last, chunk_transaction)
                self._show(feed)

    def _drop_repeats(self, items: list[Row | Rejection], seen: SeenKeys) -> list[Row | Rejection]:
        """Replace rows whose key came before by rejections that name both rows."""
        if self.kind.repeats:
            return items
        keys = self.kind.key
        rows = [item for item in items if isinstance(item, Row)]
        firsts = seen.first_row(
            [(tuple(row.get(name) for name in keys), row.number) for row in rows]
        )
        first_of = {row.number: first for row, first in zip(rows, firsts, strict=True) if first}
        result: list[Row | Rejection] = []
        for item in items:
            first = first_of.get(getattr(item, "number", 0))
            if isinstance(item, Row) and first is not None:
                what = ", ".join(f"{name} {item[name]}" for name in keys if item.get(name))
                text = _("row %(row)d repeats %(what)s of row %(first)d")
                values = {"row": item.number, "what": what, "first": first}
                result.append(item.reject(keys[-1], text % values))
            else:
                result.append(item)
        return result

    def _show(self, feed: Feed) -> None:
        if self.progress is not None:
            self.progress(self.report.rows, feed.progress())

    # --- Applying --------------------------------------------------------------------------------

    def _chunk(self, items: list[Row | Rejection], is_last: bool, chunk_transaction: Any) -> None:
        rejections = [item for item in items if isinstance(item, Rejection)]
        rows = [item for item in items if isinstance(item, Row)]
        rows = _without(rows, found := self.references.resolve(rows))
        rejections += found
        rows = _without(rows, found := list(self.worker.check(rows)))
        rejections += found
        for attempt in range(ATTEMPTS):
            before = self._snapshot()
            try:
                with chunk_transaction():
                    outcome = self._apply(rows)
                    if is_last:
                        self.worker.finish()
                    outcome.rejections = _merged(rejections + outcome.rejections)
                    self._count(len(items), outcome)
                    if not self.batch.strict:
                        self._record()
                return
            except OperationalError:
                self._restore(before)
                if self.batch.strict or not _may_retry(attempt):
                    raise

    def _chunk_transaction(self) -> AbstractContextManager[Any]:
        return transaction.atomic()

    def _apply(self, rows: list[Row]) -> Outcome:
        """Apply rows; if the database refuses the lot, halve it until the bad row stands alone."""
        if not rows:
            return Outcome()
        try:
            with transaction.atomic():
                outcome = self.worker.apply(rows)
        except (IntegrityError, DataError) as error:
            if len(rows) == 1:
                return Outcome(rejections=[rows[0].reject("", _constraint_text(error))])
            half = len(rows) // 2
            return self._apply(rows[:half]) + self._apply(rows[half:])
        told = outcome.created + outcome.updated + outcome.unchanged
        if told + len({item.row for item in outcome.rejections}) != len(rows):
            raise AssertionError(f"kind {self.kind.name} did not account for every row")
        return outcome

    # --- Ledger ----------------------------------------------------------------------------------

    def _snapshot(self) -> tuple[Any, ...]:
        report = self.report
        counts = (report.rows, report.created, report.updated, report.unchanged, report.rejected)
        return (*counts, len(report.rejections), self.recorded)

    def _restore(self, snapshot: tuple[Any, ...]) -> None:
        report = self.report
        report.rows, report.created, report.updated, report.unchanged, report.rejected = snapshot[
            :5
        ]
        del report.rejections[snapshot[5] :]
        self.recorded = snapshot[6]

    def _count(self, rows: int, outcome: Outcome) -> None:
        report = self.report
        report.rows += rows
        report.created += outcome.created
        report.updated += outcome.updated
        report.unchanged += outcome.unchanged
        report.rejected += len(outcome.rejections)
        report.rejections += outcome.rejections[: max(self.keep - len(report.rejections), 0)]

    def _record(self, *, finished: bool = False, error: str = "") -> None:
        """Write the counts; raise `Superseded` if somebody else wrote some since."""
        report = self.report
        values = {
            "rows": report.rows,
            "created": report.created,
            "updated": report.updated,
            "unchanged": report.unchanged,
            "rejected": report.rejected,
            "rejections": [item.as_json() for item in report.rejections[:KEPT_IN_LEDGER]],
            "error": error,
            "progress_at": platform_time.wall_clock(),
        }
        if finished:
            values["finished_at"] = platform_time.now()
        mine = IngestBatch.objects.filter(
            pk=self.batch.pk, rows=self.recorded, finished_at__isnull=True
        )
        if not mine.update(**values):
            raise Superseded
        self.recorded = report.rows
        for name, value in values.items():
            setattr(self.batch, name, value)

    def _refuse(self, error: str, *, busy: bool = False) -> Report:
        """Close the ledger row with what stopped the batch; chunks applied before stay applied."""
        report = self.report
        if self.batch.strict:
            report.created = report.updated = report.unchanged = report.rejected = report.rows = 0
            report.rejections = []
        report.error, report.busy = error, busy
        self._record(finished=True, error=error)
        return report


def _chunks(items: Iterator[Any], size: int | None) -> Iterator[tuple[list[Any], bool]]:
    """Yield (chunk, whether it is the last); `None` reads everything, within reason."""
    chunk = list(islice(items, size if size is not None else WHOLE_ROWS + 1))
    if size is None:
        if len(chunk) > WHOLE_ROWS:
            raise FileRefused(_("more than %(most)d rows; split the file") % {"most": WHOLE_ROWS})
        size = WHOLE_ROWS
    while chunk:
        following = list(islice(items, size))
        yield chunk, not following
        chunk = following


def _without(rows: list[Row], rejections: list[Rejection]) -> list[Row]:
    """Return the rows that were not rejected."""
    if not rejections:
        return rows
    gone = {item.row for item in rejections}
    return [row for row in rows if row.number not in gone]


def _merged(rejections: list[Rejection]) -> list[Rejection]:
    """Return one rejection per row, in row order, with all its messages."""
    by_row: dict[int, Rejection] = {}
    for item in rejections:
        first = by_row.get(item.row)
        if first is None:
            by_row[item.row] = item
        elif (item.field, item.message) != (first.field, first.message):
            text = f"{item.field}: {item.message}" if item.field else item.message
            by_row[item.row] = Rejection(first.row, first.field, f"{first.message}; {text}")
    return [by_row[row] for row in sorted(by_row)]


def _may_retry(attempt: int) -> bool:
    """Pause after a deadlock or a busy database; tell whether to try again."""
    if attempt + 1 >= ATTEMPTS or connection.in_atomic_block:
        return False
    connection.close_if_unusable_or_obsolete()
    time.sleep(FIRST_PAUSE * 2**attempt)
    return True


def _constraint_text(error: DatabaseError) -> str:
    """Return which rule of the database a row breaks, without the statement or its values."""
    diagnostic = getattr(error.__cause__, "diag", None)
    name = getattr(diagnostic, "constraint_name", None) or str(error).split("\n")[0][:200]
    return _("the database refuses the row: %(rule)s") % {"rule": name}
