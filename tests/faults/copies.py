"""Copies of a test's database, each with processes of its own, and everything that is stored in one."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.apps import apps
from django.conf import settings
from django.db import connection, connections, models
from django.test import override_settings

from portal.scoping import unscoped
from tests.concurrency.forks import Processes

NOT_STATE = {"worker"}
"""Columns that say which process did it."""


class Copy(Processes):
    """Processes on a copy of the test's database and uploads, taken when it is made."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.media = folder / "media"
        self.database = ""
        if Path(settings.MEDIA_ROOT).exists():
            # With the times of its files: sweepers go by them.
            shutil.copytree(settings.MEDIA_ROOT, self.media)
        if connection.vendor == "postgresql":
            source = connection.settings_dict["NAME"]
            connections.close_all()  # the template of a copy has no other guests
            self.database = f"copy_{uuid.uuid4().hex[:12]}"
            _on_server(f'CREATE DATABASE "{self.database}" TEMPLATE "{source}"')
        self._prepare()

    def drop(self) -> None:
        """Remove the copy."""
        if self.database:
            _on_server(f'DROP DATABASE "{self.database}" WITH (FORCE)')

    def _connect(self) -> None:
        if self.database:
            connection.settings_dict["NAME"] = self.database
        override_settings(MEDIA_ROOT=self.media).enable()
        super()._connect()


@contextmanager
def copy_of_test_database(folder: Path) -> Iterator[Copy]:
    """Make a copy in a new folder, and remove it afterwards."""
    place = folder / uuid.uuid4().hex[:8]
    place.mkdir()
    made = Copy(place)
    try:
        yield made
    finally:
        made.drop()


def stored() -> dict[str, list[Any]]:
    """Return every row of every table, and every file, so that equal states are equal values.

    Keys the database gave are replaced by their place among those of their table: a refused insertion
    may cost PostgreSQL a number.
    """
    tables = [one for one in apps.get_models(include_auto_created=True) if one._meta.managed]
    with unscoped():
        keys = {
            table: {pk: n for n, pk in enumerate(_rows(table).values_list("pk", flat=True))}
            for table in tables
        }
        found = {
            table._meta.label: [_told(row, table, keys) for row in _rows(table).values()]
            for table in tables
        }
    media = Path(settings.MEDIA_ROOT)
    found["files"] = sorted(
        str(one.relative_to(media)) for one in media.rglob("*") if one.is_file()
    )
    return {label: rows for label, rows in found.items() if rows}


def _rows(table: type[models.Model]) -> Any:
    return table._base_manager.order_by("pk")


def _told(row: dict[str, Any], table: type[models.Model], keys: dict[Any, dict[Any, int]]) -> Any:
    told = {name: value for name, value in row.items() if name not in NOT_STATE}
    for field in table._meta.concrete_fields:
        target = field.related_model if field.is_relation else table if field.primary_key else None
        if isinstance(target, type) and target in keys and told[field.attname] is not None:
            # The key of a row another process is about to delete has no place.
            told[field.attname] = keys[target].get(told[field.attname], told[field.attname])
    return told


def _on_server(statement: str) -> None:
    url = os.environ["DATABASE_URL"].replace("postgres://", "postgresql://", 1)
    with psycopg.connect(url, autocommit=True) as link:
        link.execute(statement)
