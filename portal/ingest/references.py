"""Resolving external ids of a chunk to rows, one query per referenced table (K-15)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from portal.ingest.columns import Ref, did_you_mean, quote
from portal.ingest.kinds import IngestKind, Rejection, Row

CACHE_ROWS = 100_000
SMALL_TABLE = 5_000
NEIGHBOURS = 25
MAX_HINTS = 50
"""Unknown ids per batch that get a hint: each costs two short queries on a large table."""


class References:
    """Known ids of one batch; remembers found ones, so that hot ids are asked for once."""

    def __init__(self, kind: type[IngestKind]) -> None:
        self._refs = kind.refs()
        self._known: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._small: dict[tuple[Any, ...], list[str] | None] = {}
        self._hints = 0

    def resolve(self, rows: list[Row]) -> list[Rejection]:
        """Replace ids by primary keys or objects in `rows`; return a rejection per unknown id."""
        rejections: list[Rejection] = []
        for ref in self._refs:
            rejections += self._resolve_column(ref, rows)
        return rejections

    def _resolve_column(self, ref: Ref, rows: list[Row]) -> list[Rejection]:
        wanted: set[str] = {row.values.get(ref.name) or "" for row in rows} - {""}
        if not wanted:
            return []
        table = (ref.model, ref.by, ref.instance)
        known = self._known.setdefault(table, {})
        missing = wanted - known.keys()
        if missing:
            if len(known) > CACHE_ROWS:
                known.clear()
                missing = wanted
            known.update(self._fetch(ref, missing))
        rejections = []
        messages: dict[str, str] = {}
        for row in rows:
            code = row.values.get(ref.name)
            if not code:
                continue
            found = known.get(code)
            if found is not None:
                row.values[ref.name] = found
                continue
            if code not in messages:
                messages[code] = self._unknown(ref, code)
            rejections.append(row.reject(ref.name, messages[code]))
        return rejections

    def _fetch(self, ref: Ref, codes: Iterable[str]) -> dict[str, Any]:
        queryset = ref.model._base_manager.filter(**{f"{ref.by}__among": list(codes)}).order_by()
        if ref.instance:
            return {getattr(item, ref.by): item for item in queryset}
        return dict(queryset.values_list(ref.by, "pk"))

    def _unknown(self, ref: Ref, code: str) -> str:
        name = ref.model._meta.verbose_name
        text = _("there is no %(what)s %(code)s.") % {"what": name, "code": quote(code)}
        if self._hints >= MAX_HINTS:
            return text
        self._hints += 1
        return text + did_you_mean(code, self._candidates(ref, code))

    def _candidates(self, ref: Ref, code: str) -> list[str]:
        """Return ids to compare with: all of a small table, else the neighbours in id order."""
        codes = ref.model._base_manager.order_by(ref.by).values_list(ref.by, flat=True)
        table = (ref.model, ref.by)
        if table not in self._small:
            some = list(codes[: SMALL_TABLE + 1])
            self._small[table] = some if len(some) <= SMALL_TABLE else None
        small = self._small[table]
        if small is not None:
            return small
        after = codes.filter(**{f"{ref.by}__gte": code})[:NEIGHBOURS]
        before = codes.filter(**{f"{ref.by}__lt": code}).order_by(f"-{ref.by}")[:NEIGHBOURS]
        return [*before, *after]
