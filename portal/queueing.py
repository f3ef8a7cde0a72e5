"""Handing work to Celery without ever depending on it.

What has to happen is a row in the database; a message only makes it happen sooner. So a broker that
is down costs a log line here, and the sweepers find the row (NGT-3, K-18).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Any

from celery import Task, current_app
from django.conf import settings
from django.db import transaction
from kombu import Connection
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)
_eager = threading.local()


def enqueue(task: Task, *args: Any) -> bool:
    """Send a task now; return whether the broker took it. Never raises for a broker that is down.

    With `CELERY_TASK_ALWAYS_EAGER` it runs here, after the task that asked for it is done: a chain of
    tasks is a loop and not a recursion.
    """
    if settings.CELERY_TASK_ALWAYS_EAGER:
        _run_eagerly(task, args)
        return True
    try:
        task.apply_async(args=args)
    except (OperationalError, OSError) as error:
        logger.warning("the broker did not take %s%r: %s", task.name, args, error)
        return False
    return True


def enqueue_on_commit(task: Task, *args: Any) -> None:
    """Send a task when the current transaction has committed, or now outside of one."""

    def send() -> None:
        enqueue(task, *args)

    # A function, not a partial: Django names a failing hook by its `__qualname__`.
    transaction.on_commit(send, robust=True)


def queue_length() -> int | None:
    """Return how many messages wait in the broker; none when it does not answer at once.

    What a worker has fetched and not finished does not wait any more.
    """
    if settings.CELERY_TASK_ALWAYS_EAGER:
        return None
    options = {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0}
    try:
        with Connection(settings.CELERY_BROKER_URL, transport_options=options) as link:
            channel = link.channel()
            return int(channel.client.llen(current_app.conf.task_default_queue))
    except Exception:  # whatever a broker's client may raise: a figure is not worth a failed page
        logger.warning("the broker does not say how long its queue is", exc_info=True)
        return None


def _run_eagerly(task: Task, args: tuple[Any, ...]) -> None:
    waiting: deque[tuple[Task, tuple[Any, ...]]] | None = getattr(_eager, "waiting", None)
    if waiting is not None:
        waiting.append((task, args))
        return
    _eager.waiting = waiting = deque([(task, args)])
    try:
        while waiting:
            next_task, next_args = waiting.popleft()
            next_task.apply(args=next_args, throw=True)
    finally:
        _eager.waiting = None
