"""Celery tasks of the kernel: each takes ids, calls one service and keeps no state."""

from __future__ import annotations

from celery import shared_task

from portal.ingest import uploads
from portal.nightly import engine, schedule
from portal.services import members  # noqa: F401  brings the link of its mails
from portal.services.bulletins import bulletins_announce
from portal.services.files import files_sweep
from portal.services.idempotency import idempotent_answers_purge
from portal.services.notices import notice_deliver, notice_outbox_sweep
from portal.services.tokens import tokens_warn
from portal.services.webhook_deliveries import (
    webhook_events_purge,
    webhooks_deliver,
    webhooks_sweep,
)


@shared_task
def deliver_notice(notice_id: int) -> None:
    """Send one notice's e-mail if it is still due (K-18)."""
    notice_deliver(notice_id=notice_id)


@shared_task
def announce_bulletins() -> None:
    """Tell people about bulletins published since (K-17)."""
    bulletins_announce()


@shared_task
def sweep_outbox() -> None:
    """Tell and mail what is due, whatever lost it before (K-17, K-18)."""
    bulletins_announce()
    notice_outbox_sweep()


@shared_task
def deliver_webhooks(endpoint_id: int) -> None:
    """Send an endpoint what is due (API-1)."""
    webhooks_deliver(endpoint_id=endpoint_id)


@shared_task
def sweep_webhooks() -> None:
    """Hand out what is due to webhooks, whatever lost it before (API-1)."""
    webhooks_sweep()


@shared_task
def run_shard(shard_id: int) -> None:
    """Compute one shard of a night and do what that makes possible (NGT-2)."""
    engine.shard_run(shard_id=shard_id)


@shared_task
def advance_night(run_id: int) -> None:
    """Start, publish or close what is ready in a run (NGT-2)."""
    engine.run_advance(run_id=run_id)


@shared_task
def sweep_nights() -> None:
    """Send shards again that a broker or a worker lost (NGT-3)."""
    schedule.nights_sweep()


@shared_task
def schedule_nights() -> None:
    """Start the oldest finished Pacific day that lacks a complete run (NGT-1)."""
    schedule.nights_schedule()


@shared_task
def run_ingest_upload(batch_id: int) -> None:
    """Apply an uploaded file from where it stopped (K-15)."""
    uploads.upload_run(batch_id=batch_id)


@shared_task
def sweep_ingest_uploads() -> None:
    """Send uploads again that a broker or a worker lost, and forget old answers (K-15, API-1)."""
    uploads.uploads_sweep()
    idempotent_answers_purge()


@shared_task
def sweep_files() -> None:
    """Delete files that were written for a transaction that never ended, and webhooks of long ago (EPR-6, API-1)."""
    files_sweep()
    webhook_events_purge()


@shared_task
def warn_tokens() -> None:
    """Tell people of API tokens that end soon (K-9, K-18)."""
    tokens_warn()
