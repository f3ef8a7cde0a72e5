"""What is published, compiled once per process and version of the terms (CMP-3).

Every published class carries a version that any change of it or its terms renews; those of the
protected marks are the version of their class. So one small query tells whether the automaton still
holds, in every worker, without messages between them.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from compliance.matching.automaton import Automaton, Entry
from compliance.models import ProtectedMark, RuleClass, Term

MARKS = "protected-marks"
"""Code of the class that stands for the watch-list of marks; its own terms are none."""

Versions = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Library:
    """Classes by primary key, the categories they are limited to, marks, and all terms compiled."""

    classes: dict[int, RuleClass]
    roots: dict[int, frozenset[int]] = field(default_factory=dict)
    marks: dict[int, ProtectedMark] = field(default_factory=dict)
    automaton: Automaton = field(default_factory=lambda: Automaton([]))
    versions: Versions = ()


_current = Library({})
_lock = threading.Lock()


def library() -> Library:
    """Return what is published now: one query, and a few more when it changed since the last call."""
    global _current
    versions = _versions()
    if _current.versions != versions:
        with _lock:
            if _current.versions != versions:
                _current = _compiled(versions)
    return _current


def library_of(classes: Iterable[RuleClass]) -> Library:
    """Return classes compiled for themselves, published or not: what a test of a draft uses."""
    return _library({one.pk: one for one in classes}, ())


def new_version() -> int:
    """Return a version no other content has had: a counter would come back after a rollback."""
    return secrets.randbelow(2**31 - 1) + 1


def _versions() -> Versions:
    published = RuleClass.objects.filter(published_at__isnull=False)
    return tuple(published.order_by("pk").values_list("pk", "version"))


def _compiled(versions: Versions) -> Library:
    found = RuleClass.objects.filter(pk__in=[pk for pk, _version in versions])
    return _library({one.pk: one for one in found}, versions)


def _library(classes: dict[int, RuleClass], versions: Versions) -> Library:
    roots: dict[int, set[int]] = {}
    limits = RuleClass.categories.through.objects.filter(ruleclass__in=classes)
    for class_id, category_id in limits.values_list("ruleclass_id", "category_id"):
        roots.setdefault(class_id, set()).add(category_id)
    marks_class = next((one for one in classes.values() if one.code == MARKS), None)
    marks = (
        {one.pk: one for one in ProtectedMark.objects.filter(active=True)} if marks_class else {}
    )
    entries = list(_term_entries(classes))
    if marks_class:
        entries += _mark_entries(marks_class.pk, marks.values())
    return Library(
        classes,
        {pk: frozenset(categories) for pk, categories in roots.items()},
        marks,
        Automaton(entries),
        versions,
    )


def _term_entries(classes: dict[int, RuleClass]) -> Iterator[Entry]:
    terms = Term.objects.filter(rule_class__in=classes).order_by("pk")
    for class_id, text, excuse in terms.values_list("rule_class_id", "text", "excuse").iterator():
        yield Entry(class_id, text, excuse)


def _mark_entries(class_id: int, marks: Iterable[ProtectedMark]) -> Iterator[Entry]:
    for mark in marks:
        for spelling in dict.fromkeys((mark.name, *map(str, mark.variants))):
            yield Entry(class_id, spelling, mark_id=mark.pk)
