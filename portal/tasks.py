"""Celery tasks of the kernel: each takes ids, calls one service and keeps no state."""

from __future__ import annotations

from celery import shared_task

from portal.services.notices import notice_deliver, notice_outbox_sweep


@shared_task
def deliver_notice(notice_id: int) -> None:
    """Send one notice's e-mail if it is still due (K-18)."""
    notice_deliver(notice_id=notice_id)


@shared_task
def sweep_outbox() -> None:
    """Send every e-mail that is due, whatever lost it before (K-18)."""
    notice_outbox_sweep()
