"""What a nightly job declares, and the order jobs run in (NGT-2).

An app registers its jobs in `<app>/nightly.py`::

    @job("listings.themes", app="listings", needs=("metrics",), shards=product_ranges,
         standings=(ThemeMatch,))
    def themes(ctx: ShardContext) -> None:
        stage_differences(ctx, ThemeMatch, SELECT, {**ctx.params, "as_of": ctx.as_of}, scope_sql=…)

The engine owns order, fan-out, transactions, retries and the ledger; the function owns one set-based
computation of one shard. It runs inside the shard's transaction, unscoped, and may be run again after
any crash, so it must leave nothing outside the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import autodiscover_modules

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.utils import CursorWrapper

    from portal.models import JobRun, ShardRun
    from portal.models.standings import Standing

Params = dict[str, Any]
Planner = Callable[[date, int | None], list[Params]]
"""`plan(as_of, shards) -> list[params]`: at least one; `shards` is None when nobody asked."""


class RegistryError(Exception):
    """Two jobs of one name, an unknown need, or jobs that need each other in a circle."""


@dataclass
class ShardContext:
    """What `compute(ctx)` gets: one shard of one job for one as-of day.

    `previous_day` is the newest day before `as_of` this job has published; `is_newest` tells that no
    day after `as_of` has been. Both hold until the job publishes: if another day of the job is
    published meanwhile, the engine throws the shards away and computes them again.
    """

    as_of: date
    params: Params
    shard: ShardRun
    connection: BaseDatabaseWrapper
    previous_day: date | None
    is_newest: bool
    rows_read: int = 0
    rows_written: int = 0

    @property
    def is_postgres(self) -> bool:
        """Tell whether the database is PostgreSQL; the other one is SQLite."""
        return self.connection.vendor == "postgresql"

    def execute(self, sql: str, params: Mapping[str, Any] | Sequence[Any] = ()) -> CursorWrapper:
        """Run a statement (`%s` or `%(name)s`) and return its cursor.

        Days, instants and decimals are passed in the form the columns store them; the drivers'
        own forms would compare wrongly on SQLite.
        """
        cursor = self.connection.cursor()
        cursor.execute(sql, adapt_params(self.connection, params) or None)
        return cursor


@dataclass(frozen=True)
class PublishContext:
    """What `on_publish(ctx)` gets, inside the transaction that publishes the job."""

    as_of: date
    job_run: JobRun
    connection: BaseDatabaseWrapper


def adapt_params(connection: BaseDatabaseWrapper, params: Mapping[str, Any] | Sequence[Any]) -> Any:
    """Return parameters in the form Django stores them in columns, so that they compare."""
    if isinstance(params, Mapping):
        return {name: _adapt(connection, value) for name, value in params.items()}
    return [_adapt(connection, value) for value in params]


def _adapt(connection: BaseDatabaseWrapper, value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, date):
        return connection.ops.adapt_datefield_value(value)
    if isinstance(value, Decimal) and connection.vendor == "sqlite":
        return float(value)
    return value


def one_shard(as_of: date, shards: int | None = None) -> list[Params]:
    """Plan a job that is not cut."""
    return [{}]


@dataclass(frozen=True)
class Job:
    """A registered job. `needs` are the jobs that must be complete before it starts."""

    name: str
    app: str
    compute: Callable[[ShardContext], None]
    plan: Planner = one_shard
    declared_needs: tuple[str, ...] | Callable[[], Iterable[str]] = ()
    standings: tuple[type[Standing], ...] = ()
    rulebook_modules: tuple[str, ...] = ()
    on_publish: Callable[[PublishContext], None] | None = None
    lasting: Any = ""
    """What it has done once and for all; a day that is computed again leaves it as it is."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the jobs this one waits for."""
        declared = self.declared_needs
        return tuple(sorted(set(declared() if callable(declared) else declared)))


@dataclass
class Registry:
    """Jobs by name. The project has one, `registry`; tests make their own."""

    jobs: dict[str, Job] = field(default_factory=dict)

    def add(self, new: Job) -> None:
        """Register a job; raise `RegistryError` when the name is taken."""
        if new.name in self.jobs:
            raise RegistryError(f"two jobs are called {new.name}")
        self.jobs[new.name] = new

    def __getitem__(self, name: str) -> Job:
        return self.jobs[name]

    def __contains__(self, name: object) -> bool:
        return name in self.jobs

    def ordered(self) -> list[Job]:
        """Return all jobs, needs first, otherwise by name; raise `RegistryError` if impossible."""
        for declared in self.jobs.values():
            for need in declared.needs:
                if need not in self.jobs:
                    raise RegistryError(f"{declared.name} needs {need}, which is not a job")
        sorter: TopologicalSorter[str] = TopologicalSorter(
            {name: self.jobs[name].needs for name in sorted(self.jobs)}
        )
        try:
            sorter.prepare()
        except CycleError as error:
            raise RegistryError("jobs need each other: " + " → ".join(error.args[1])) from error
        order: list[Job] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready())
            order += [self.jobs[name] for name in ready]
            sorter.done(*ready)
        return order

    def with_needs(self, names: Iterable[str]) -> list[Job]:
        """Return the named jobs and all they need, directly or not, in running order.

        Raises `KeyError` with the name of an unknown job.
        """
        wanted: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in wanted:
                wanted.add(name)
                waiting += self.jobs[name].needs
        return [each for each in self.ordered() if each.name in wanted]


registry = Registry()


def job(
    name: str,
    *,
    app: str,
    needs: tuple[str, ...] | Callable[[], Iterable[str]] = (),
    shards: Planner = one_shard,
    standings: tuple[type[Standing], ...] = (),
    rulebook_modules: tuple[str, ...] = (),
    on_publish: Callable[[PublishContext], None] | None = None,
    lasting: Any = "",
) -> Callable[[Callable[[ShardContext], None]], Callable[[ShardContext], None]]:
    """Register the decorated `compute(ctx)` as a nightly job (NGT-2).

    `standings` are the models whose staged differences the engine applies when the job is published.
    `rulebook_modules` name the rulebooks it reads; their versions go to the ledger. `on_publish` runs
    in the publishing transaction: the place to consume a queue the shards have read, because only
    then is it certain that their result stands. `lasting` names, in words for operators, what it does
    once and for all, such as grants: computing a past day again does not take it back.
    """

    def register(compute: Callable[[ShardContext], None]) -> Callable[[ShardContext], None]:
        registry.add(
            Job(name, app, compute, shards, needs, standings, rulebook_modules, on_publish, lasting)
        )
        return compute

    return register


def discover() -> None:
    """Import every app's metrics and nightly jobs; called once when the apps are ready."""
    autodiscover_modules("metrics", "kernel_metrics", "nightly")
