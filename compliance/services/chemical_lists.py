"""The lists of chemicals and the categories that ask for CAS numbers: their only writer (CMP-4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.choices import ChemicalListing
from compliance.goods.chemicals import is_cas
from compliance.goods.term_lists import LineProblem
from compliance.models import Chemical, ChemicalCategory
from portal.errors import InvalidInput, NotAllowed
from portal.models import Category, User
from portal.platform_time import parse_day
from portal.services import audit

CHANGE = "compliance.change_chemical"
CHANGE_CATEGORY = "compliance.change_chemicalcategory"
BATCH = 1_000
_NAMES = ("name_en", "name_zh", "listing", "starts_on", "source")


@dataclass(frozen=True)
class ChemicalFields:
    """A substance as staff give it; `categories` are where it may be listed, none means anywhere."""

    cas: str
    name_en: str
    listing: str
    starts_on: date
    name_zh: str = ""
    source: str = ""
    categories: Sequence[Category] = ()


@dataclass
class ListReport:
    """What a list does, or would do."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    refused: list[LineProblem] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Return the figures."""
        return {**vars(self), "refused": len(self.refused)}


def chemical_save(
    *, actor: User, fields: ChemicalFields, chemical: Chemical | None = None
) -> Chemical:
    """Put a substance on a list or change it; raises `InvalidInput` naming the fields."""
    _require(actor, CHANGE)
    problems = []
    if not is_cas(fields.cas):
        problems.append(("cas", _("This is no valid CAS number: its check digit does not fit.")))
    if fields.listing not in ChemicalListing.values:
        problems.append(("listing", _("Choose a list.")))
    same = Chemical.objects.filter(cas=fields.cas)
    if chemical is not None:
        same = same.exclude(pk=chemical.pk)
        if chemical.cas != fields.cas:
            problems.append(("cas", _("The CAS number of a substance stays.")))
    if same.exists():
        problems.append(("cas", _("The lists have this substance.")))
    if problems:
        raise InvalidInput(problems)
    with transaction.atomic():
        before = _told(chemical) if chemical else {}
        columns = {name: getattr(fields, name) for name in _NAMES}
        saved, created = Chemical.objects.update_or_create(cas=fields.cas, defaults=columns)
        saved.categories.set(fields.categories)
        after = _told(saved)
        if before != after:
            audit.record(
                action="chemical.create" if created else "chemical.change",
                actor=actor,
                obj=saved,
                before=before,
                after=after,
            )
    return saved


def _told(chemical: Chemical) -> dict[str, Any]:
    codes = chemical.categories.order_by("code").values_list("code", flat=True)
    return {
        **{name: getattr(chemical, name) for name in ("cas", *_NAMES)},
        "categories": ", ".join(codes),
    }


def _require(actor: User, permission: str) -> None:
    if not actor.has_perm(permission):
        raise NotAllowed(_("You may not change the chemicals rules."))


def chemicals_import(
    *,
    actor: User,
    rows: Iterable[tuple[int, dict[str, str]]],
    replace: bool = False,
    dry_run: bool = False,
) -> ListReport:
    """Load substances: columns `cas name_en listing starts_on [name_zh] [categories] [source]`.

    Rows that cannot be read are reported and passed over; with `replace` what the list does not name
    goes, unless a row was refused. `categories` are codes joined by `|`. With `dry_run` nothing is
    written. A constant number of statements per 1,000 rows.
    """
    _require(actor, CHANGE)
    report = ListReport()
    wanted = _chemical_rows(rows, report)
    if replace and report.refused:
        message = _("Put the refused rows right first: the list takes the place of all there is.")
        if not dry_run:
            raise InvalidInput([("file", message)])
    with transaction.atomic():
        stored = {one.cas: one for one in Chemical.objects.select_for_update()}
        links = _links()
        changed = [
            (cas, fields)
            for cas, fields in wanted.items()
            if cas in stored and _differs(stored[cas], links.get(cas, set()), fields)
        ]
        new = [fields for cas, fields in wanted.items() if cas not in stored]
        gone = sorted(stored.keys() - wanted.keys()) if replace else []
        report.created, report.changed, report.removed = len(new), len(changed), len(gone)
        report.unchanged = len(wanted) - len(new) - len(changed)
        if not dry_run and (new or changed or gone):
            _write(stored, new, changed, gone)
            audit.record(
                action="chemical.import",
                actor=actor,
                obj=Chemical(pk=0, cas="", name_en=_("the lists of chemicals")),
                counts=report.counts(),
                removed=gone[:BATCH],
            )
    return report


def _chemical_rows(
    rows: Iterable[tuple[int, dict[str, str]]], report: ListReport
) -> dict[str, ChemicalFields]:
    rows = list(rows)
    codes = {code for _n, row in rows for code in _codes(row)}
    known = {one.code: one for one in Category.objects.filter(code__in=codes)}
    wanted: dict[str, ChemicalFields] = {}
    for number, row in rows:
        problem = _row_problem(row, known, wanted)
        if problem:
            report.refused.append(LineProblem(number, row.get("cas", ""), problem))
            continue
        wanted[row["cas"]] = ChemicalFields(
            cas=row["cas"],
            name_en=row["name_en"][:200],
            name_zh=row.get("name_zh", "")[:200],
            listing=row["listing"].casefold(),
            starts_on=parse_day(row["starts_on"][:10]),
            source=row.get("source", "")[:200],
            categories=[known[code] for code in _codes(row)],
        )
    return wanted


def _codes(row: dict[str, str]) -> list[str]:
    return [code.strip() for code in row.get("categories", "").split("|") if code.strip()]


def _row_problem(
    row: dict[str, str], known: dict[str, Category], wanted: dict[str, ChemicalFields]
) -> str:
    if not is_cas(row["cas"]):
        return _("This is no valid CAS number: its check digit does not fit.")
    if row["cas"] in wanted:
        return _("An earlier row has this CAS number.")
    if not row["name_en"]:
        return _("The name is missing.")
    if row["listing"].casefold() not in ChemicalListing.values:
        return _("The list is “forbidden” or “restricted”.")
    unknown = [code for code in _codes(row) if code not in known]
    if unknown:
        return _("There is no category “%(code)s”.") % {"code": unknown[0]}
    try:
        parse_day(row["starts_on"][:10])
    except ValueError:
        return _("The first day is written like 2021-11-22.")
    return ""


def _links() -> dict[str, set[int]]:
    links: dict[str, set[int]] = {}
    through = Chemical.categories.through.objects.values_list("chemical__cas", "category_id")
    for cas, category_id in through:
        links.setdefault(cas, set()).add(category_id)
    return links


def _differs(stored: Chemical, categories: set[int], fields: ChemicalFields) -> bool:
    if categories != {one.pk for one in fields.categories}:
        return True
    return any(getattr(stored, name) != getattr(fields, name) for name in _NAMES)


def _write(
    stored: dict[str, Chemical],
    new: list[ChemicalFields],
    changed: list[tuple[str, ChemicalFields]],
    gone: list[str],
) -> None:
    for start in range(0, len(gone), BATCH):
        Chemical.objects.filter(cas__in=gone[start : start + BATCH]).delete()
    made = Chemical.objects.bulk_create(
        (Chemical(cas=one.cas, **{name: getattr(one, name) for name in _NAMES}) for one in new),
        batch_size=BATCH,
    )
    for cas, fields in changed:
        for name in _NAMES:
            setattr(stored[cas], name, getattr(fields, name))
    touched = [stored[cas] for cas, _fields in changed]
    Chemical.objects.bulk_update(touched, _NAMES, batch_size=BATCH)
    through = Chemical.categories.through
    through.objects.filter(chemical__in=touched).delete()
    pairs = [*zip(made, new, strict=True), *((stored[cas], fields) for cas, fields in changed)]
    through.objects.bulk_create(
        (
            through(chemical_id=chemical.pk, category_id=category.pk)
            for chemical, fields in pairs
            for category in fields.categories
        ),
        batch_size=BATCH,
    )


# --- Categories -----------------------------------------------------------------------------------


def chemical_category_save(*, actor: User, category: Category, starts_on: date) -> ChemicalCategory:
    """Ask for CAS numbers in a category and all below it, from a Pacific day."""
    _require(actor, CHANGE_CATEGORY)
    with transaction.atomic():
        before = ChemicalCategory.objects.filter(category=category).first()
        saved, created = ChemicalCategory.objects.update_or_create(
            category=category, defaults={"starts_on": starts_on}
        )
        if before is None or before.starts_on != starts_on:
            audit.record(
                action="chemical_category.create" if created else "chemical_category.change",
                actor=actor,
                obj=saved,
                before={"starts_on": before.starts_on} if before else {},
                after={"category": category.code, "starts_on": starts_on},
            )
    return saved


def chemical_category_remove(*, actor: User, row: ChemicalCategory) -> None:
    """Stop asking for CAS numbers in a category."""
    _require(actor, CHANGE_CATEGORY)
    with transaction.atomic():
        audit.record(
            action="chemical_category.remove",
            actor=actor,
            obj=row,
            before={"category": row.category.code, "starts_on": row.starts_on},
        )
        row.delete()


def chemical_categories_import(
    *, actor: User, rows: Iterable[tuple[int, dict[str, str]]], dry_run: bool = False
) -> ListReport:
    """Load categories that ask for CAS numbers: columns `category starts_on`; rows add or change."""
    _require(actor, CHANGE_CATEGORY)
    report = ListReport()
    given = list(rows)
    known = {
        one.code: one
        for one in Category.objects.filter(code__in={row["category"] for _n, row in given})
    }
    with transaction.atomic():
        stored = dict(ChemicalCategory.objects.values_list("category__code", "starts_on"))
        wanted: dict[str, date] = {}
        for number, row in given:
            problem = _category_problem(row, known, wanted)
            if problem:
                report.refused.append(LineProblem(number, row["category"], problem))
            else:
                wanted[row["category"]] = parse_day(row["starts_on"][:10])
        differing = {code: day for code, day in wanted.items() if stored.get(code) != day}
        report.changed = len(differing.keys() & stored.keys())
        report.created = len(differing) - report.changed
        report.unchanged = len(wanted) - len(differing)
        if differing and not dry_run:
            ChemicalCategory.objects.bulk_create(
                (ChemicalCategory(category=known[c], starts_on=d) for c, d in differing.items()),
                batch_size=BATCH,
                update_conflicts=True,
                unique_fields=["category"],
                update_fields=["starts_on"],
            )
            audit.record(
                action="chemical_category.import",
                actor=actor,
                obj=ChemicalCategory(pk=0),
                categories={code: day.isoformat() for code, day in differing.items()},
            )
    return report


def _category_problem(
    row: dict[str, str], known: dict[str, Category], wanted: dict[str, date]
) -> str:
    if row["category"] not in known:
        return _("There is no category “%(code)s”.") % {"code": row["category"]}
    if row["category"] in wanted:
        return _("An earlier row has this category.")
    try:
        parse_day(row["starts_on"][:10])
    except ValueError:
        return _("The first day is written like 2021-11-22.")
    return ""
