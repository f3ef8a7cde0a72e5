"""State machines over the database: walks of any operations in any order, each undone at its end."""

from __future__ import annotations

import os
from datetime import datetime

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


class UndoneMachine(RuleBasedStateMachine):
    """A walk inside one transaction that is rolled back, with a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.clock = pytest.MonkeyPatch()

    def teardown(self) -> None:
        """Undo everything."""
        self.clock.undo()
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    def move(self, now: datetime) -> None:
        """Set the platform's time."""
        self.now = now
        self.clock.setenv("PORTAL_NOW", now.isoformat())


def walk(machine: type[UndoneMachine], name: str, *, examples: tuple[int, int], steps: int) -> None:
    """Walk as far as `<name>_EXAMPLES` and `<name>_STEPS` ask, or as the usual run has time for.

    `examples` are those on SQLite and, where a step costs more, on PostgreSQL.
    """
    usual = examples[0] if connection.vendor == "sqlite" else examples[1]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ.get(f"{name}_EXAMPLES") or usual),
            stateful_step_count=int(os.environ.get(f"{name}_STEPS") or steps),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
