"""Temporal standings: staging a shard's differences, publishing a job's (NGT-3, NGT-4, NGT-5).

A standing is a function of the as-of day: for each key at most one payload. Its rows hold for closed
ranges of days. Publishing day D sets the days D *owns*: D up to the day before the job's next
published day, or for good. A re-run that finds nothing new therefore changes no row, and an old day
can be set again without disturbing a newer one.

    stage_differences(ctx, Model, select_sql, params, scope_sql=…)      in `compute(ctx)`
    publish(job_run, Model, owned_until=…)                              by the engine alone
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection

from portal.models import JobRun
from portal.models.standings import FOREVER, Standing
from portal.nightly.night_sql import StandingSql
from portal.nightly.registry import ShardContext, adapt_params

ONE_DAY = timedelta(days=1)


class StandingError(Exception):
    """A job's select gives a key twice, or rows outside its shard's scope."""


@dataclass(frozen=True)
class Differences:
    """What staging found: rows of the new set, rows that begin, rows that end."""

    rows: int
    entering: int
    leaving: int


@contextmanager
def new_set(ctx: ShardContext, model: type[Standing]) -> Iterator[str]:
    """Make the temporary table of the shard's new set; yield its quoted name, drop it afterwards.

    For jobs that fill it in several statements (`INSERT INTO {table} (…) SELECT …`) before they call
    `stage_new_set`. One at a time per model.
    """
    sql = StandingSql(model, ctx.connection)
    ctx.execute(f"DROP TABLE IF EXISTS {sql.fresh}")
    ctx.execute(f"CREATE TEMPORARY TABLE {sql.fresh} ({sql.fresh_definition})")
    yield sql.fresh
    # Not in a `finally`: after an error the transaction is rolled back, and the table with it.
    ctx.execute(f"DROP TABLE {sql.fresh}")


def add_to_new_set(
    ctx: ShardContext, model: type[Standing], select_sql: str, params: Mapping[str, Any]
) -> int:
    """Add the rows of a select to the open new set; return how many.

    The select names its columns like the columns of the standing (`seller_id`, not `seller`): key,
    payload and carried ones, in any order.
    """
    sql = StandingSql(model, ctx.connection)
    cursor = ctx.execute(
        f"INSERT INTO {sql.fresh} ({sql.listed(sql.data)}) "
        f"SELECT {sql.scaled('q')} FROM ({select_sql}) AS q",
        params,
    )
    return max(0, cursor.rowcount)


def stage_differences(
    ctx: ShardContext,
    model: type[Standing],
    select_sql: str,
    params: Mapping[str, Any],
    *,
    scope_sql: str = "1 = 1",
    held_sql: str = "",
    keys_unique: bool = False,
) -> Differences:
    """Stage how the standing has to change on `ctx.as_of` for this shard's part (NGT-5).

    `select_sql` gives the whole new set of the part; its columns are named like the standing's columns.
    `scope_sql` says which standing rows the part covers: a condition on the alias `s`, using key and
    carried columns, e.g. `s.seller_id BETWEEN %(lo)s AND %(hi)s`. Both take the named `params`.
    `held_sql` names a table that has just the rows of the standing which hold in the scope, where the job
    can find them sooner than the database does by the condition.
    The select is evaluated once. A key given twice is an error; a job whose select cannot do that may
    say `keys_unique` and save the check.
    """
    with new_set(ctx, model):
        add_to_new_set(ctx, model, select_sql, params)
        return stage_new_set(
            ctx, model, params, scope_sql=scope_sql, held_sql=held_sql, keys_unique=keys_unique
        )


def stage_new_set(
    ctx: ShardContext,
    model: type[Standing],
    params: Mapping[str, Any],
    *,
    scope_sql: str = "1 = 1",
    held_sql: str = "",
    keys_unique: bool = False,
) -> Differences:
    """Stage the differences between the open new set and what holds as of the day in the scope."""
    sql = StandingSql(model, ctx.connection)
    if not keys_unique or not sql.is_postgres:
        _index_new_set(ctx, sql, unique=not keys_unique)
    if sql.is_postgres:
        ctx.execute(f"ANALYZE {sql.fresh}")
    values = {**params, "night_shard": ctx.shard.pk, "night_day": ctx.as_of}
    scope = f"({scope_sql})"
    _refuse_rows_outside(ctx, sql, scope, values)
    held = f"s.valid_from <= %(night_day)s AND s.valid_to >= %(night_day)s AND {scope}"
    if held_sql:
        held = "TRUE"
    columns, table = sql.listed(sql.data), held_sql or sql.table
    ctx.execute(f"DELETE FROM {sql.changes} WHERE shard_id = %(night_shard)s", values)
    entering = ctx.execute(
        f"INSERT INTO {sql.changes} (shard_id, entering, {columns}) "
        f"SELECT %(night_shard)s, TRUE, {sql.listed(sql.data, 'n')} FROM {sql.fresh} n "
        f"WHERE NOT EXISTS (SELECT 1 FROM {table} s "
        f"WHERE {sql.same_row('s', 'n')} AND {held})",
        values,
    ).rowcount
    leaving = ctx.execute(
        f"INSERT INTO {sql.changes} (shard_id, entering, {columns}) "
        f"SELECT %(night_shard)s, FALSE, {sql.listed(sql.data, 's')} FROM {table} s "
        f"WHERE {held} AND NOT EXISTS "
        f"(SELECT 1 FROM {sql.fresh} n WHERE {sql.same_row('n', 's')})",
        values,
    ).rowcount
    rows = ctx.execute(f"SELECT COUNT(*) FROM {sql.fresh}").fetchone()[0]
    ctx.rows_read += rows
    ctx.rows_written += entering + leaving
    return Differences(rows, entering, leaving)


def _index_new_set(ctx: ShardContext, sql: StandingSql, *, unique: bool) -> None:
    """Index the new set by key: for SQLite's anti-join, and to find keys given twice."""
    name = sql.temporary("key")
    if unique:
        twice = ctx.execute(
            f"SELECT {sql.listed(sql.key)} FROM {sql.fresh} GROUP BY {sql.listed(sql.key)} "
            "HAVING COUNT(*) > 1 LIMIT 1"
        ).fetchone()
        if twice:
            raise StandingError(f"{sql.standing.__name__}: the key {twice} is given twice")
    if not sql.is_postgres:
        ctx.execute(f"CREATE INDEX temp.{name} ON {sql.fresh} ({sql.listed(sql.key)})")


def _refuse_rows_outside(
    ctx: ShardContext, sql: StandingSql, scope: str, values: Mapping[str, Any]
) -> None:
    """Raise when the new set has rows the scope does not cover: another shard would undo them."""
    outside = ctx.execute(
        f"SELECT {sql.listed(sql.key)} FROM {sql.fresh} s WHERE NOT {scope} LIMIT 1", values
    ).fetchone()
    if outside:
        raise StandingError(f"{sql.standing.__name__}: {outside} lies outside the shard's scope")


# --- Publishing ---------------------------------------------------------------------------------


def publish(job_run: JobRun, model: type[Standing], *, owned_until: date) -> int:
    """Apply the staged differences of a job's shards to the days its day owns; return their number.

    Runs in the caller's transaction, which holds the job. `owned_until` is the day before the job's
    next published day, or `FOREVER`. A handful of statements whatever the number of rows.
    """
    return _Publication(job_run, model, owned_until).run()


class _Publication:
    """The statements of one publication. `D` … `E` are the days owned."""

    def __init__(self, job_run: JobRun, model: type[Standing], owned_until: date) -> None:
        self.sql = StandingSql(model, connection)
        self.last_open = owned_until == FOREVER
        self.values: dict[str, Any] = {
            "job_run": job_run.pk,
            "first": job_run.as_of,
            "before": job_run.as_of - ONE_DAY,
            "last": owned_until,
            "after": owned_until if self.last_open else owned_until + ONE_DAY,
        }
        self.ending = self.sql.temporary("ending")
        self.beginning = self.sql.temporary("beginning")

    def run(self) -> int:
        """Apply leaving rows, then entering rows; forget the staged ones."""
        self._drop()
        self._take_out()
        self._put_in()
        self._drop()
        return self._forget_staged()

    def execute(self, statement: str) -> int:
        """Run one statement; return the number of rows."""
        with connection.cursor() as cursor:
            cursor.execute(statement, adapt_params(connection, self.values))
            return max(0, cursor.rowcount)

    @property
    def _staged(self) -> str:
        return "c.shard_id IN (SELECT id FROM portal_shardrun WHERE job_run_id = %(job_run)s)"

    def _drop(self) -> None:
        for name in (self.ending, self.beginning):
            self.execute(f"DROP TABLE IF EXISTS {name}")

    def _take_out(self) -> None:
        """Subtract the owned days from rows that leave: trim right, trim left, split or delete."""
        sql, ending, table = self.sql, self.ending, self.sql.table
        leaving = sql.looked_up(
            "s",
            f"{sql.same_row('s', 'c')} AND s.valid_from <= %(first)s AND s.valid_to >= %(first)s",
        )
        self.execute(
            f"CREATE TEMPORARY TABLE {ending} AS SELECT s.id AS row_id, s.valid_from AS began, "
            f"s.valid_to AS ended, {sql.listed(sql.data, 's')} FROM {sql.changes} c {leaving} "
            f"WHERE {self._staged} AND NOT c.entering"
        )
        whole, head, tail = "began >= %(first)s", "began < %(first)s", "ended > %(last)s"
        keys = f"SELECT row_id FROM {ending} WHERE"
        self.execute(f"DELETE FROM {table} WHERE {sql.rows(f'{keys} {whole} AND NOT {tail}')}")
        self.execute(f"UPDATE {table} SET valid_to = %(before)s WHERE {sql.rows(f'{keys} {head}')}")
        if self.last_open:
            return
        self.execute(
            f"UPDATE {table} SET valid_from = %(after)s "
            f"WHERE {sql.rows(f'{keys} {whole} AND {tail}')}"
        )
        self.execute(
            f"INSERT INTO {table} ({sql.listed(sql.data)}, valid_from, valid_to) "
            f"SELECT {sql.listed(sql.data)}, {self._day('after')}, ended FROM {ending} "
            f"WHERE {head} AND {tail}"
        )

    def _put_in(self) -> None:
        """Add the owned days for rows that enter, joining neighbours that say the same."""
        sql, beginning, table = self.sql, self.beginning, self.sql.table
        # An index by another column of the key and the last day looks as good as the key's to a planner
        # whose statistics do not know that day: each row would read all that ended the day before.
        ended = f"l.valid_to {'IS NOT DISTINCT FROM' if sql.is_postgres else '='} %(before)s"
        left = sql.looked_up("l", f"{sql.same_row('l', 'c')} AND {ended}", optional=True)
        # Without a newer published day there is nothing to join on the right.
        right, of_right = "", "NULL AS right_id, NULL AS right_to"
        if not self.last_open:
            begun = f"{sql.same_row('r', 'c')} AND r.valid_from = %(after)s"
            right = sql.looked_up("r", begun, optional=True)
            of_right = "r.id AS right_id, r.valid_to AS right_to"
        self.execute(
            f"CREATE TEMPORARY TABLE {beginning} AS SELECT l.id AS left_id, {of_right}, "
            f"{sql.listed(sql.data, 'c')} FROM {sql.changes} c {left} {right} "
            f"WHERE {self._staged} AND c.entering"
        )
        if not self.last_open:
            self._join_right()
        alone = f"SELECT left_id FROM {beginning} WHERE left_id IS NOT NULL AND right_id IS NULL"
        self.execute(f"UPDATE {table} SET valid_to = %(last)s WHERE {sql.rows(alone)}")
        self.execute(
            f"INSERT INTO {table} ({sql.listed(sql.data)}, valid_from, valid_to) "
            f"SELECT {sql.listed(sql.data)}, {self._day('first')}, {self._day('last')} "
            f"FROM {beginning} WHERE left_id IS NULL AND right_id IS NULL"
        )

    def _join_right(self) -> None:
        """Stretch neighbours that begin after the owned days, or give them to the left one."""
        sql, beginning, table = self.sql, self.beginning, self.sql.table
        if sql.is_postgres:
            self.execute(f"ANALYZE {beginning}")
        both = f"FROM {beginning} WHERE left_id IS NOT NULL AND right_id IS NOT NULL"
        # The right row goes first: two rows of one key may never both be open-ended.
        self.execute(f"DELETE FROM {table} WHERE {sql.rows(f'SELECT right_id {both}')}")
        self.execute(
            f"UPDATE {table} SET valid_to = b.right_to FROM {beginning} b "
            f"WHERE b.left_id = {table}.id AND {sql.rows(f'SELECT left_id {both}')}"
        )
        stretched = (
            f"SELECT right_id FROM {beginning} WHERE left_id IS NULL AND right_id IS NOT NULL"
        )
        self.execute(f"UPDATE {table} SET valid_from = %(first)s WHERE {sql.rows(stretched)}")

    def _forget_staged(self) -> int:
        return self.execute(
            f"DELETE FROM {self.sql.changes} WHERE shard_id IN "
            "(SELECT id FROM portal_shardrun WHERE job_run_id = %(job_run)s)"
        )

    def _day(self, name: str) -> str:
        """A day parameter inside a select list, where its type is not obvious to the database."""
        return f"CAST(%({name})s AS date)" if self.sql.is_postgres else f"%({name})s"
