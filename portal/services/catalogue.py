"""The category tree and what follows from it (K-12).

`rebuild_tree` is the only writer of the derived parts: the closure, depth, leaf marks and paths of
categories, and the industries of sellers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from portal.errors import Refusal
from portal.models import Category, CategoryAttribute, CategoryClosure, Seller

SEPARATOR = ">>"
MAX_DEPTH = 12
"""Levels below an industry that a tree may have."""
PATH_LENGTH = 500
BATCH = 1_000

T = TypeVar("T", bound=Hashable)
TreeWatcher = Callable[[set[int]], None]
_watchers: list[TreeWatcher] = []


def watch_tree(watcher: TreeWatcher) -> TreeWatcher:
    """Register a function called with the ids of categories that moved; in the same transaction.

    A category moved when its ancestors changed, or whether it is a leaf. Apps that keep something
    derived from the tree register in their `AppConfig.ready`.
    """
    if watcher not in _watchers:
        _watchers.append(watcher)
    return watcher


# --- Reading ------------------------------------------------------------------------------------


def subtree(category: Category | int) -> QuerySet[Category]:
    """Return a category and everything below it."""
    pk = category if isinstance(category, int) else category.pk
    return Category.objects.filter(above__ancestor_id=pk)


def attributes_for(category: Category | int) -> list[CategoryAttribute]:
    """Return the system attributes of a category, own and inherited, with their `attribute` loaded.

    Where several levels offer the same attribute the nearest one's values count. Inherited ones come
    first, from the industry down, each level in its own order. One query.
    """
    pk = category if isinstance(category, int) else category.pk
    offers = (
        CategoryAttribute.objects.filter(category__below__descendant_id=pk)
        .annotate(distance=F("category__below__distance"))
        .select_related("attribute")
        .order_by("-distance", "position", "pk")
    )
    nearest: dict[int, CategoryAttribute] = {}
    for offer in offers:
        nearest[offer.attribute_id] = offer
    return list(nearest.values())


def industries_of(category_ids: Iterable[int]) -> dict[int, int]:
    """Return category id → id of its industry (its root)."""
    pairs = CategoryClosure.objects.filter(
        descendant_id__in=set(category_ids), ancestor__parent__isnull=True
    )
    return dict(pairs.values_list("descendant_id", "ancestor_id"))


# --- Rebuilding ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Tree:
    """All categories in memory: five figures of rows at most."""

    nodes: dict[int, Category]
    children: dict[int | None, list[int]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def load(cls) -> _Tree:
        tree = cls({node.pk: node for node in Category.objects.order_by("pk")})
        for node in tree.nodes.values():
            tree.children[node.parent_id].append(node.pk)
        return tree


def lock_tree() -> None:
    """Let one transaction at a time change the tree; others wait, readers do not.

    Two writers who each check for cycles could otherwise close one together. On SQLite the
    transaction itself is the lock.
    """
    if connection.vendor == "postgresql":
        table = connection.ops.quote_name(CategoryClosure._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")


def rebuild_tree() -> set[int]:
    """Bring closure, depth, leaf marks, paths and industries in line with the parents (K-12).

    Writes differences only, in a constant number of statements per thousand of them. Call it in the
    transaction that changed categories. Returns the ids of the categories that moved. Refuses
    (`category_cycle`) parents that run in a circle.
    """
    with transaction.atomic():
        lock_tree()
        tree = _Tree.load()
        changed, pairs, turned = _derive(tree)
        _refuse_cycle(tree, pairs)
        if changed:
            Category.objects.bulk_update(
                changed, ["depth", "is_leaf", "path_en", "path_zh"], batch_size=BATCH
            )
        moved = _write_closure(pairs) | turned
        if moved:
            _refresh_industries()
            for watcher in _watchers:
                watcher(moved)
    return moved


def _derive(tree: _Tree) -> tuple[list[Category], dict[tuple[int, int], int], set[int]]:
    """Walk the tree; return changed nodes, the closure it should have, and nodes whose leaf mark turned."""
    changed: list[Category] = []
    turned: set[int] = set()
    pairs: dict[tuple[int, int], int] = {}
    stack: list[tuple[int, tuple[int, ...], str, str]] = [
        (pk, (), "", "") for pk in tree.children[None]
    ]
    while stack:
        pk, ancestors, above_en, above_zh = stack.pop()
        node = tree.nodes[pk]
        below = tree.children.get(pk, [])
        path_en, path_zh = _joined(above_en, node.name_en), _joined(above_zh, _name_zh(node))
        values = {
            "depth": len(ancestors),
            "is_leaf": not below,
            "path_en": _shortened(path_en),
            "path_zh": _shortened(path_zh),
        }
        if node.is_leaf != values["is_leaf"]:
            turned.add(pk)
        if _assign(node, values):
            changed.append(node)
        line = (*ancestors, pk)
        for distance, ancestor in enumerate(reversed(line)):
            pairs[ancestor, pk] = distance
        stack.extend((child, line, path_en, path_zh) for child in below)
    return changed, pairs, turned


def _refuse_cycle(tree: _Tree, pairs: dict[tuple[int, int], int]) -> None:
    lost = next((pk for pk in tree.nodes if (pk, pk) not in pairs), None)
    if lost is None:
        return
    cycle = find_cycle(lost, {pk: node.parent_id for pk, node in tree.nodes.items()})
    codes = " >> ".join(tree.nodes[pk].code for pk in cycle)
    raise Refusal("category_cycle", _("The categories form a circle: %(path)s") % {"path": codes})


def find_cycle(start: T, parents: Mapping[T, T | None]) -> list[T]:
    """Return the circle reached from `start` going up, its first node repeated at the end, or nothing."""
    position: dict[T, int] = {}
    line: list[T] = []
    node: T | None = start
    while node is not None and node not in position:
        position[node] = len(line)
        line.append(node)
        node = parents.get(node)
    return [*line[position[node] :], node] if node is not None else []


def _name_zh(node: Category) -> str:
    """Return the Chinese name, or the English one, so that a path has no holes."""
    return node.name_zh or node.name_en


def _joined(above: str, name: str) -> str:
    return f"{above}{SEPARATOR}{name}" if above else name


def _shortened(path: str) -> str:
    return path if len(path) <= PATH_LENGTH else path[: PATH_LENGTH - 1] + "…"


def _assign(node: Category, values: dict[str, Any]) -> bool:
    """Set attributes; tell whether one of them was different."""
    different = False
    for name, value in values.items():
        if getattr(node, name) != value:
            setattr(node, name, value)
            different = True
    return different


def _write_closure(wanted: dict[tuple[int, int], int]) -> set[int]:
    """Write the difference between the stored closure and `wanted`; return the nodes concerned."""
    stored: dict[tuple[int, int], tuple[int, int]] = {
        (ancestor, descendant): (pk, distance)
        for pk, ancestor, descendant, distance in CategoryClosure.objects.order_by().values_list(
            "pk", "ancestor_id", "descendant_id", "distance"
        )
    }
    stale = [(pair, pk) for pair, (pk, distance) in stored.items() if wanted.get(pair) != distance]
    fresh = [
        (pair, distance)
        for pair, distance in wanted.items()
        if pair not in stored or stored[pair][1] != distance
    ]
    for start in range(0, len(stale), BATCH):
        CategoryClosure.objects.filter(
            pk__in=[pk for _pair, pk in stale[start : start + BATCH]]
        ).delete()
    CategoryClosure.objects.bulk_create(
        (
            CategoryClosure(ancestor_id=ancestor, descendant_id=descendant, distance=distance)
            for (ancestor, descendant), distance in fresh
        ),
        batch_size=BATCH,
    )
    return {pair[1] for pair, _rest in [*stale, *fresh]}


def _refresh_industries() -> None:
    """Set the industry of every seller whose main category hangs below another root now."""
    root = CategoryClosure.objects.filter(
        descendant_id=OuterRef("main_category_id"), ancestor__parent__isnull=True
    ).values("ancestor_id")[:1]
    Seller.objects.annotate(root=Subquery(root)).exclude(industry_id=F("root")).update(
        industry_id=Subquery(root)
    )
