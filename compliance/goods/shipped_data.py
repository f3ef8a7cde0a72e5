"""Rule classes, protected marks and example chemicals that every portal has after migration (CMP-1).

Each class and mark is made once, by its code or name; what staff change or end stays theirs. The example
chemicals come only into an empty list nobody has touched.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from compliance.choices import ChemicalListing
from compliance.goods.term_lists import TermLine, judged
from compliance.matching.library import MARKS, new_version
from compliance.models import Chemical, ProtectedMark, Rescreening, RuleClass, Term
from portal import platform_time
from portal.built_in import register_built_in
from portal.text import is_chinese

DATA = Path(__file__).parent.parent / "data"


_LISTS = ("terms", "excuses", "excuse_pairs")
"""Parts of a class in the file that are rows of their own."""


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8"))


@register_built_in
def rule_classes_load() -> None:
    """Make the rule classes that are missing, published and in force from their day."""
    known = set(RuleClass.objects.values_list("code", flat=True))
    for given in _read("rule_classes")["classes"]:
        if given["code"] not in known:
            with transaction.atomic():
                _class_load(given)


def _class_load(given: dict[str, Any]) -> None:
    columns = {name: value for name, value in given.items() if name not in _LISTS}
    made = RuleClass.objects.create(
        **columns,
        published_at=platform_time.start_of(given["starts_on"]),
        version=new_version(),
    )
    lines = [TermLine(0, text) for text in given["terms"]]
    lines += [TermLine(0, text, excuse=True) for text in given["excuses"]]
    lines += [
        TermLine(0, text, excuse=True)
        for pair in given.get("excuse_pairs", ())
        for text in _paired(**pair)
    ]
    Term.objects.bulk_create(
        Term(rule_class=made, text=one.text, pattern=one.pattern, excuse=one.excuse)
        for one in judged(lines).terms
    )
    # Products may be live already; the screening that runs anyway will see to them.
    Rescreening.objects.get_or_create(
        key=f"built-in:{made.code}", defaults={"asked_at": platform_time.now()}
    )


def _paired(first: list[str], second: list[str]) -> Iterator[str]:
    """Yield each of the first words with each of the second; Chinese has no space between them."""
    for before, after in product(first, second):
        yield f"{before}{'' if is_chinese(before[-1]) else ' '}{after}"


@register_built_in
def protected_marks_load() -> None:
    """Put the marks that are missing on the watch-list."""
    known = set(ProtectedMark.objects.values_list("name", "number"))
    missing = [mark for mark in marks_shipped() if (mark.name, mark.number) not in known]
    if missing:
        with transaction.atomic():
            ProtectedMark.objects.bulk_create(missing)
            RuleClass.objects.filter(code=MARKS).update(version=new_version())


def marks_shipped() -> Iterator[ProtectedMark]:
    """Yield the marks as they are shipped, not saved."""
    read = _read("protected_marks")
    for given in read["marks"]:
        yield ProtectedMark(**given)
    august = read["august"]
    for name in (*august["watched"], *august["ordinary"]):
        watched = name in august["watched"]
        yield ProtectedMark(
            name=name,
            variants=august["variants"].get(name, []),
            starts_on=august["starts_on"],
            source=august["source"],
            active=watched,
            goods=""
            if watched
            else "An ordinary word: watch for it only if the goods can be told apart.",
        )


@register_built_in
def chemicals_load() -> None:
    """Put example substances into the lists while nobody has worked on them."""
    touched = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Chemical))
    if Chemical.objects.exists() or touched.exists():
        return
    read = _read("chemicals")
    Chemical.objects.bulk_create(
        Chemical(
            cas=cas,
            name_en=name_en,
            name_zh=name_zh,
            listing=listing,
            starts_on=read["starts_on"],
            source=read["source"],
        )
        for listing in ChemicalListing.values
        for cas, name_en, name_zh in read[listing]
    )
