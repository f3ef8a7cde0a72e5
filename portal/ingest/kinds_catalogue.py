"""Kinds of the catalogue: categories and their attributes (K-12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Max
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from portal.choices import AttributeType
from portal.ingest.columns import (
    CellError,
    Choice,
    Code,
    Column,
    Day,
    Ref,
    Text,
    TextList,
    did_you_mean,
    quote,
    safe_text,
)
from portal.ingest.kinds import CHUNK_ROWS, IngestKind, Outcome, Rejection, Row, register
from portal.ingest.upsert import upsert
from portal.models import Attribute, Category, CategoryAttribute
from portal.services import catalogue

SINCE_EVER = date(1970, 1, 1)
"""Start of a suspension whose beginning was left open."""
MAX_HINTS = 50
LISTED = (AttributeType.SELECT, AttributeType.MULTI)


@dataclass(frozen=True)
class Flags(Column):
    """`prohibited|restricted|suspended:2021-08-20..2021-11-30`, either end may be left open."""

    def empty_value(self) -> dict[str, Any]:
        """Return all flags off."""
        return {
            "prohibited": False,
            "restricted": False,
            "suspended_from": None,
            "suspended_to": None,
        }

    def parse(self, raw: Any) -> dict[str, Any]:
        """Return the model's attributes for the flags given."""
        flags = self.empty_value()
        parts = raw if isinstance(raw, list) else safe_text(raw, 200).split("|")
        for part in parts:
            word = safe_text(part, 200)
            if word in ("prohibited", "restricted"):
                flags[word] = True
            elif word.startswith("suspended:") or word == "suspended":
                flags |= self._suspension(word.partition(":")[2])
            elif word:
                known = ["prohibited", "restricted", "suspended:2021-08-20..2021-11-30"]
                raise CellError(
                    _t("%(value)s is not one of %(choices)s.")
                    % {"value": quote(word), "choices": ", ".join(known)}
                    + did_you_mean(word, known)
                )
        return flags

    def _suspension(self, window: str) -> dict[str, date | None]:
        first, dots, last = window.partition("..")
        if window and not dots:
            raise CellError(
                _t("%(value)s is not a window such as 2021-08-20..2021-11-30")
                % {"value": quote(window)}
            )
        day = Day(self.name, optional=True)
        starts, ends = day.clean(first) or SINCE_EVER, day.clean(last)
        if ends is not None and ends < starts:
            raise CellError(_t("the suspension ends before it starts"))
        return {"suspended_from": starts, "suspended_to": ends}


@register
class CategoryKind(IngestKind):
    """Categories; a parent may stand further down in the same file."""

    name = "categories"
    label = _("categories")
    key = ("code",)
    chunk_size = None
    columns = (
        Code("code", example="bike-kits"),
        Code("parent", optional=True, default=None, example="bike-parts"),
        Text("name_en", example="Electric Bicycle Kits"),
        Text("name_zh", optional=True, example="电动自行车套件"),
        Flags("flags", optional=True, example="restricted|suspended:2021-08-20..2021-11-30"),
    )

    def apply(self, rows: list[Row]) -> Outcome:
        """Upsert the categories, then hang them under their parents."""
        catalogue.lock_tree()
        stored = dict(Category.objects.order_by().values_list("code", "parent__code"))
        rejections = ParentCheck(rows, stored).rejections()
        gone = {item.row for item in rejections}
        rows = [row for row in rows if row.number not in gone]
        created: set[str] = set()
        updated: set[str] = set()
        for start in range(0, len(rows), CHUNK_ROWS):
            part = rows[start : start + CHUNK_ROWS]
            result = upsert(Category, key=("code",), rows=[self._values(row) for row in part])
            created.update(part[index]["code"] for index in result.created)
            updated.update(part[index]["code"] for index in result.updated)
        updated |= self._hang(rows) - created
        return Outcome(
            created=len(created),
            updated=len(updated),
            unchanged=len(rows) - len(created) - len(updated),
            rejections=rejections,
        )

    def _values(self, row: Row) -> dict[str, Any]:
        values = {name: row[name] for name in ("code", "name_en", "name_zh") if name in row}
        if "flags" in row:
            values |= row["flags"]
        return values

    def _hang(self, rows: list[Row]) -> set[str]:
        """Set the parents that differ; return the codes of the categories that moved."""
        nodes = {node.code: node for node in Category.objects.only("code", "parent_id")}
        moved = []
        for row in rows:
            if "parent" not in row:
                continue
            node = nodes[row["code"]]
            parent_id = nodes[row["parent"]].pk if row["parent"] else None
            if node.parent_id != parent_id:
                node.parent_id = parent_id
                moved.append(node)
        Category.objects.bulk_update(moved, ["parent"], batch_size=CHUNK_ROWS)
        return {node.code for node in moved}

    def finish(self) -> None:
        """Derive closure, paths and industries once for the batch."""
        catalogue.rebuild_tree()


class ParentCheck:
    """Finds the rows whose parents are unknown, run in a circle, or lie too deep.

    `stored` maps every category's code to its parent's. A rejected row of a stored category leaves
    that category where it is; a rejected new one takes the new ones below it along.
    """

    def __init__(self, rows: list[Row], stored: Mapping[str, str | None]) -> None:
        self.stored = stored
        self.rows: dict[str, Row] = {row["code"]: row for row in rows}
        self.parents: dict[str, str | None] = {**stored} | {
            code: row["parent"] if "parent" in row else stored.get(code)
            for code, row in self.rows.items()
        }
        self.below: dict[str, list[str]] = defaultdict(list)
        for code, row in self.rows.items():
            if row.values.get("parent"):
                self.below[row["parent"]].append(code)
        self.found: list[Rejection] = []

    def rejections(self) -> list[Rejection]:
        """Return a rejection per bad row; what is left of the rows makes a tree."""
        bad: dict[str, str] = {}
        for code in self.rows:
            parent = self.parents.get(code)
            if parent is not None and parent not in self.parents:
                text = _t("there is no category %(code)s.") % {"code": quote(parent)}
                # Each hint looks at every code; nobody reads hundreds of them.
                if len(bad) < MAX_HINTS:
                    text += did_you_mean(parent, self.parents)
                bad[code] = text
        self._reject(bad)
        # Taking one row back can close a circle with another, so look until nothing is found.
        while self._reject_cycles() or self._reject_deep():
            pass
        return self.found

    def _reject(self, bad: dict[str, str]) -> None:
        """Reject rows, and the new rows that would hang below a category that now will not exist."""
        while bad:
            below: dict[str, str] = {}
            for code, message in bad.items():
                row = self.rows.pop(code, None)
                if row is None:
                    continue
                self.found.append(row.reject("parent", message))
                if code in self.stored:
                    self.parents[code] = self.stored[code]
                    continue
                del self.parents[code]
                text = _t("its parent %(code)s was rejected") % {"code": quote(code)}
                below |= dict.fromkeys(self.below[code], text)
            bad = below

    def _reject_cycles(self) -> bool:
        done: set[str] = set()
        bad: dict[str, str] = {}
        for start in self.parents:
            line: list[str] = []
            node: str | None = start
            while node is not None and node not in done:
                done.add(node)
                line.append(node)
                node = self.parents.get(node)
            if node is not None and node in line:
                circle = [*line[line.index(node) :], node]
                text = _t("the categories form a circle: %(path)s") % {"path": " >> ".join(circle)}
                bad.update({code: text for code in circle if code in self.rows})
        self._reject(bad)
        return bool(bad)

    def _reject_deep(self) -> bool:
        depth: dict[str, int] = {}
        bad: dict[str, str] = {}
        text = _t("lies more than %(most)d levels deep") % {"most": catalogue.MAX_DEPTH}
        for start in self.parents:
            line: list[str] = []
            node: str | None = start
            while node is not None and node not in depth:
                line.append(node)
                node = self.parents.get(node)
            level = depth[node] if node is not None else -1
            for code in reversed(line):
                level += 1
                depth[code] = level
            if level > catalogue.MAX_DEPTH:
                culprit: str | None = start
                while culprit is not None and culprit not in self.rows:
                    culprit = self.parents.get(culprit)
                if culprit is not None:
                    bad[culprit] = text
        self._reject(bad)
        return bool(bad)


@register
class AttributeKind(IngestKind):
    """System attributes of categories. Codes are global: one code, one type, one name."""

    name = "attributes"
    label = _("category attributes")
    key = ("category", "code")
    columns = (
        Ref("category", model=Category, by="code", example="bike-kits"),
        Code("code", example="voltage"),
        Text("name_en", example="Voltage"),
        Text("name_zh", optional=True, example="电压"),
        Choice("type", choices=AttributeType.values, example="select"),
        TextList("values", optional=True, max_items=2_000, example="36V|48V"),
        Text("unit", optional=True, max_length=20),
    )

    def apply(self, rows: list[Row]) -> Outcome:
        """Upsert the attributes, then what their categories offer."""
        stored = {
            item.code: item
            for item in Attribute.objects.filter(code__in={row["code"] for row in rows})
        }
        rejections = [*self._wrong_types(rows, stored), *self._wrong_values(rows, stored)]
        gone = {item.row for item in rejections}
        rows = [row for row in rows if row.number not in gone]
        speaker, changed = self._upsert_attributes(rows)
        result = self._upsert_offers(rows)
        created = set(result.created)
        updated = (
            set(result.updated)
            | {
                index
                for index, row in enumerate(rows)
                if row["code"] in changed and speaker[row["code"]] is row
            }
            - created
        )
        return Outcome(
            created=len(created),
            updated=len(updated),
            unchanged=len(rows) - len(created) - len(updated),
            rejections=rejections,
        )

    def _wrong_types(self, rows: list[Row], stored: dict[str, Attribute]) -> list[Rejection]:
        types = {code: item.type for code, item in stored.items()}
        rejections = []
        for row in rows:
            type_before = types.setdefault(row["code"], row["type"])
            if type_before != row["type"]:
                text = _t("%(code)s is of type %(type)s already; codes are global")
                rejections.append(
                    row.reject("type", text % {"code": row["code"], "type": type_before})
                )
        return rejections

    def _wrong_values(self, rows: list[Row], stored: dict[str, Attribute]) -> list[Rejection]:
        """Values are what a list attribute chooses from, and nothing else has them."""
        offered = set(
            CategoryAttribute.objects.filter(attribute__in=stored.values()).values_list(
                "category_id", "attribute__code"
            )
        )
        rejections = []
        for row in rows:
            if row["type"] not in LISTED:
                if row.get("values"):
                    text = _t("an attribute of type %(type)s has no list of values")
                    rejections.append(row.reject("values", text % {"type": row["type"]}))
            elif not row.get("values") and (
                "values" in row or (row["category"], row["code"]) not in offered
            ):
                text = _t("an attribute of type %(type)s needs its values")
                rejections.append(row.reject("values", text % {"type": row["type"]}))
        return rejections

    def _upsert_attributes(self, rows: list[Row]) -> tuple[dict[str, Row], set[str]]:
        """Write the attributes; return the last row of each code, and the codes that changed."""
        speaker: dict[str, Row] = {}
        values: dict[str, dict[str, Any]] = {}
        for row in rows:
            speaker[row["code"]] = row
            values.setdefault(row["code"], {}).update(
                {
                    name: row[name]
                    for name in ("code", "name_en", "name_zh", "type", "unit")
                    if name in row
                }
            )
        codes = list(values)
        result = upsert(Attribute, key=("code",), rows=list(values.values()))
        return speaker, {codes[index] for index in result.updated}

    def _upsert_offers(self, rows: list[Row]) -> Any:
        ids = dict(
            Attribute.objects.filter(code__in={row["code"] for row in rows}).values_list(
                "code", "pk"
            )
        )
        last = dict(
            CategoryAttribute.objects.filter(category_id__in={row["category"] for row in rows})
            .order_by()
            .values_list("category_id")
            .annotate(Max("position"))
        )
        values = []
        for row in rows:
            position = last[row["category"]] = last.get(row["category"], -1) + 1
            value = {
                "category_id": row["category"],
                "attribute_id": ids[row["code"]],
                "position": position,
            }
            if "values" in row:
                value["values"] = row["values"]
            values.append(value)
        return upsert(
            CategoryAttribute,
            key=("category_id", "attribute_id"),
            rows=values,
            merge=lambda stored, new: new | {"position": stored["position"]},
        )
