"""The portal's Celery application as the broker's tests run it: a queue of its own, mails that take time.

| variable | meaning |
|---|---|
| `MAIL_QUEUE` | the queue of the test |
| `MAIL_SLOW` | seconds each mail takes longer |
| `MAIL_UNGUARDED` | send what is pending without claiming it first: the control |
"""

from __future__ import annotations

import os
import time
from typing import Any

from celery.signals import worker_init
from django.core.mail import EmailMessage

from portal.celery import app

__all__ = ["app"]

app.conf.task_default_queue = os.environ["MAIL_QUEUE"]
app.conf.beat_schedule = {"sweep": {"task": "portal.tasks.sweep_outbox", "schedule": 1.0}}

_send = EmailMessage.send


def _send_slowly(self: EmailMessage, fail_silently: bool = False) -> int:
    time.sleep(float(os.environ.get("MAIL_SLOW", "0")))
    return _send(self, fail_silently)


@worker_init.connect
def _prepare(**_signal: Any) -> None:
    from portal.choices import MailState
    from portal.models import Notice
    from portal.services import notices

    EmailMessage.send = _send_slowly  # type: ignore[method-assign]
    if os.environ.get("MAIL_UNGUARDED"):
        notices._claim = lambda pk: (
            Notice.objects.select_related("user")
            .filter(pk=pk, mail_state=MailState.PENDING)
            .first()
        )
