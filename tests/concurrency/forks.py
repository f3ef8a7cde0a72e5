"""Real processes that start at the same moment on the database of the test.

Forked from the test, each with a connection of its own. On SQLite they work on a file, a copy of the
test's database in memory made when they start; on PostgreSQL on the test's database itself.
"""

from __future__ import annotations

import multiprocessing
import sqlite3
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.db import connection, connections

WAIT_SECONDS = 120
_fork = multiprocessing.get_context("fork")


class Failed:
    """What a process raised; it carries the text, for exceptions do not all travel."""

    def __init__(self, error: BaseException) -> None:
        self.name = type(error).__name__
        self.code = getattr(error, "code", "")
        self.text = "".join(traceback.format_exception(error))

    def __repr__(self) -> str:
        return self.code or self.text


class Processes:
    """Runs functions in processes; for tests with `django_db(transaction=True)`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "race.sqlite3"

    def run(self, functions: Sequence[Callable[[], Any]]) -> list[Any]:
        """Run each function in a process of its own, all at once; return values or `Failed`."""
        self._prepare()
        barrier = _fork.Barrier(len(functions))
        pipes = [_fork.Pipe(duplex=False) for _ in functions]
        children = [
            _fork.Process(target=self._child, args=(function, barrier, sender))
            for function, (_receiver, sender) in zip(functions, pipes, strict=True)
        ]
        for child, (_receiver, sender) in zip(children, pipes, strict=True):
            child.start()
            # Without this end of ours, a child that is killed is noticed at once.
            sender.close()
        try:
            return [self._receive(receiver) for receiver, _sender in pipes]
        finally:
            for child in children:
                child.join(timeout=5)
                child.kill()

    def ask(self, function: Callable[[], Any]) -> Any:
        """Return what a function finds in the database the processes worked on."""
        (found,) = self.run([function])
        assert not isinstance(found, Failed), found.text
        return found

    def _receive(self, receiver: Any) -> Any:
        assert receiver.poll(WAIT_SECONDS), "a process gave no answer"
        return receiver.recv()

    def _prepare(self) -> None:
        """Let no child inherit a connection; give SQLite a file the first time."""
        if connection.vendor == "sqlite":
            if not self._file.exists():
                target = sqlite3.connect(self._file)
                connection.ensure_connection()
                connection.connection.backup(target)
                # A file in use is: else children that connect at once would change its mode at once.
                target.execute("PRAGMA journal_mode = WAL")
                target.close()
        else:
            connections.close_all()

    def _child(self, function: Callable[[], Any], barrier: Any, sender: Any) -> None:
        try:
            self._connect()
            barrier.wait(timeout=WAIT_SECONDS)
            result = function()
        except BaseException as error:
            result = Failed(error)
        sender.send(result)

    def _connect(self) -> None:
        """Give a child a connection of its own."""
        if connection.vendor == "sqlite":
            # The inherited connection is the parent's memory: left alone, not closed.
            connection.connection = None
            connection.settings_dict["NAME"] = str(self._file)
        connection.ensure_connection()
