"""Two full shops and who calls for them, made once per file and process."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from tests.api.world import World, world_fill
from tests.growth.page_world import NOON


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """Two shops with one of each thing, at noon of a day whose numbers are published.

    The transaction of a test lies inside that of the file: what a test does is undone, the world stays.
    """
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch, transaction.atomic():
        patch.setenv("PORTAL_NOW", clock_text())
        patch.setattr("django.conf.settings.ALLOWED_HOSTS", ["*"])
        patch.setattr("portal.webhooks.addresses.socket", Names())
        patch.setattr(logging.getLogger("django.request"), "disabled", True)
        yield world_fill()
        transaction.set_rollback(True)


def clock_text() -> str:
    """Return noon of the world's day in the form of `PORTAL_NOW`."""
    return f"{NOON.isoformat()}T12:00:00-07:00"


class Names:
    """The module `socket` for whom names are looked up: all have one address of the public internet."""

    def getaddrinfo(self, host: str, port: int, **_options: object) -> list[tuple[object, ...]]:
        """Return the address without asking anybody."""
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]

    def __getattr__(self, name: str) -> object:
        return getattr(socket, name)
