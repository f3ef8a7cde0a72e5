"""The portal without transactions: the control of what lost connections must not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from portal.settings import *  # noqa: F403


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _atomic(using: Callable[..., Any] | str | None = None, *_args: Any, **_options: Any) -> Any:
    return using if callable(using) else _nothing()


transaction.atomic = _atomic  # type: ignore[assignment]
QuerySet.select_for_update = lambda self, *_args, **_options: self  # type: ignore[method-assign]
