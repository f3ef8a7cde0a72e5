"""The only writer of rule classes and their terms: drafts, lists of terms, publishing, ending (CMP-1).

A published class tells sellers what they may not write, so every change of one needs the permission to
publish, renews its version and has live products screened again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from compliance.choices import TermEffect
from compliance.goods.term_lists import MAX_TERMS, LineProblem, TermLine, TermList, judged
from compliance.matching.library import MARKS, new_version
from compliance.models import RuleClass, Term
from compliance.services.rescreening import rescreening_ask_for
from portal import platform_time
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Category, User
from portal.services import audit

ADD, CHANGE = "compliance.add_ruleclass", "compliance.change_ruleclass"
PUBLISH = "compliance.publish_ruleclass"
BATCH = 1_000
MODES = ("add", "remove", "replace")


@dataclass(frozen=True)
class RuleClassFields:
    """What staff say of a class besides its terms; `categories` empty means everywhere."""

    code: str
    name_en: str
    name_zh: str
    effect: str
    starts_on: date
    ends_on: date | None = None
    advice_en: str = ""
    advice_zh: str = ""
    source: str = ""
    categories: Sequence[Category] = ()

    def columns(self) -> dict[str, Any]:
        """Return the fields that are columns."""
        return {name: getattr(self, name) for name in _COLUMNS}


_COLUMNS = (
    "code", "name_en", "name_zh", "effect", "starts_on", "ends_on", "advice_en", "advice_zh", "source",
)  # fmt: skip


def may_change(*, actor: User, rule_class: RuleClass | None) -> bool:
    """Tell whether somebody may change a class: a published one needs the permission to publish."""
    if rule_class is None:
        return actor.has_perm(ADD)
    published = rule_class.published_at is not None
    return actor.has_perm(PUBLISH) if published else actor.has_perm(CHANGE)


def _require(actor: User, rule_class: RuleClass | None) -> None:
    if not may_change(actor=actor, rule_class=rule_class):
        raise NotAllowed(_("You may not change this rule class."))


def rule_class_save(
    *, actor: User, fields: RuleClassFields, rule_class: RuleClass | None = None
) -> RuleClass:
    """Create a draft, or change a class; return it (CMP-1).

    Raises `InvalidInput` naming the fields. The code of a published class stays.
    """
    _require(actor, rule_class)
    problems = _field_problems(fields, rule_class)
    if problems:
        raise InvalidInput(problems)
    with transaction.atomic():
        if rule_class is None:
            saved = RuleClass.objects.create(**fields.columns(), version=new_version())
            saved.categories.set(fields.categories)
            audit.record(action="rule_class.create", actor=actor, obj=saved, after=_told(saved))
            return saved
        saved = RuleClass.objects.select_for_update().get(pk=rule_class.pk)
        _require(actor, saved)
        before = _told(saved)
        for name, value in fields.columns().items():
            setattr(saved, name, value)
        saved.version = new_version()
        saved.save()
        saved.categories.set(fields.categories)
        after = _told(saved)
        if before != after:
            audit.record(
                action="rule_class.change", actor=actor, obj=saved, before=before, after=after
            )
            _changed(saved)
    return saved


def _field_problems(fields: RuleClassFields, rule_class: RuleClass | None) -> list[tuple[str, str]]:
    problems = []
    if not fields.name_en or not fields.name_zh:
        problems.append(("name_zh", _("A class has a name in both languages.")))
    if fields.effect not in TermEffect.values:
        problems.append(("effect", _("Choose an effect.")))
    if fields.ends_on is not None and fields.ends_on < fields.starts_on:
        problems.append(("ends_on", _("The last day must not be before the first.")))
    taken = RuleClass.objects.filter(code=fields.code)
    if rule_class is not None:
        taken = taken.exclude(pk=rule_class.pk)
        if rule_class.published_at is not None and fields.code != rule_class.code:
            problems.append(("code", _("The code of a published class stays.")))
    if not fields.code or taken.exists():
        problems.append(("code", _("Another class has this code.")))
    return problems


def _told(rule_class: RuleClass) -> dict[str, Any]:
    shown = {name: getattr(rule_class, name) for name in _COLUMNS}
    codes = rule_class.categories.order_by("code").values_list("code", flat=True)
    return {**shown, "categories": ", ".join(codes)}


def _changed(rule_class: RuleClass) -> None:
    if rule_class.published_at is not None:
        rescreening_ask_for(rule_class)


# --- Terms ----------------------------------------------------------------------------------------


@dataclass
class TermsReport:
    """What a list of terms does, or would do, to a class."""

    added: list[TermLine] = field(default_factory=list)
    changed: list[TermLine] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0
    duplicates: list[LineProblem] = field(default_factory=list)
    refused: list[LineProblem] = field(default_factory=list)

    @property
    def writes(self) -> int:
        """Terms that make a difference."""
        return len(self.added) + len(self.changed) + len(self.removed)

    def counts(self) -> dict[str, int]:
        """Return the figures, for the audit trail."""
        return {
            name: value if isinstance(value, int) else len(value)
            for name, value in asdict(self).items()
        }


def terms_plan(*, rule_class: RuleClass, lines: Iterable[TermLine], mode: str) -> TermsReport:
    """Return what `terms_import` would do; writes nothing."""
    return _planned(rule_class, judged(lines), mode)[0]


def terms_import(
    *, actor: User, rule_class: RuleClass, lines: Iterable[TermLine], mode: str
) -> TermsReport:
    """Add terms, remove them, or put the list in place of all there are (CMP-1).

    Lines that repeat others or cannot be terms are reported and passed over. Raises `InvalidInput`
    for a list that changes nothing or is too long; `NotAllowed`.
    """
    _require(actor, rule_class)
    if rule_class.code == MARKS:
        raise InvalidInput([("terms", _("Marks are kept on the watch-list, not as terms."))])
    if mode not in MODES:
        raise InvalidInput([("mode", _("Choose what the list is for."))])
    with transaction.atomic():
        held = RuleClass.objects.select_for_update().get(pk=rule_class.pk)
        _require(actor, held)
        report, stale = _planned(held, judged(lines), mode)
        if not report.writes:
            raise InvalidInput([("terms", _("The list changes nothing."))])
        left = Term.objects.filter(rule_class=held).count() + len(report.added) - len(stale)
        if left > MAX_TERMS:
            message = _("A class has at most %(most)d terms.") % {"most": MAX_TERMS}
            raise InvalidInput([("terms", message)])
        _write_terms(held, report, stale)
        held.version = new_version()
        held.save(update_fields=["version"])
        audit.record(
            action="rule_class.terms",
            actor=actor,
            obj=held,
            mode=mode,
            counts=report.counts(),
            added=[line.text for line in report.added[:BATCH]],
            removed=report.removed[:BATCH],
        )
        _changed(held)
    return report


def _planned(rule_class: RuleClass, given: TermList, mode: str) -> tuple[TermsReport, list[int]]:
    """Return the report, and the keys of the terms that go."""
    stored = {term.pattern: term for term in Term.objects.filter(rule_class=rule_class)}
    report = TermsReport(duplicates=given.duplicates, refused=given.refused)
    patterns = {line.pattern for line in given.terms}
    if mode == "remove":
        gone = [stored[pattern] for pattern in sorted(patterns & stored.keys())]
        report.unchanged = len(patterns) - len(gone)
    else:
        for line in given.terms:
            term = stored.get(line.pattern)
            if term is None:
                report.added.append(line)
            elif (term.text, term.excuse) != (line.text, line.excuse):
                report.changed.append(line)
            else:
                report.unchanged += 1
        replaced = mode == "replace"
        gone = [stored[key] for key in sorted(stored.keys() - patterns)] if replaced else []
    report.removed = [term.text for term in gone]
    return report, [term.pk for term in gone]


def _write_terms(rule_class: RuleClass, report: TermsReport, stale: list[int]) -> None:
    for start in range(0, len(stale), BATCH):
        Term.objects.filter(pk__in=stale[start : start + BATCH]).delete()
    changed = {line.pattern: line for line in report.changed}
    if changed:
        terms = list(Term.objects.filter(rule_class=rule_class, pattern__in=changed))
        for term in terms:
            term.text, term.excuse = changed[term.pattern].text, changed[term.pattern].excuse
        Term.objects.bulk_update(terms, ["text", "excuse"], batch_size=BATCH)
    Term.objects.bulk_create(
        (
            Term(rule_class=rule_class, text=one.text, pattern=one.pattern, excuse=one.excuse)
            for one in report.added
        ),
        batch_size=BATCH,
    )


# --- Publishing -----------------------------------------------------------------------------------


def publishing_problems(rule_class: RuleClass) -> list[str]:
    """Return what a draft lacks before it can be published."""
    problems = []
    if rule_class.code != MARKS and not rule_class.terms.filter(excuse=False).exists():
        problems.append(_("The class has no terms yet."))
    if not rule_class.source:
        problems.append(_("Name the source: sellers and colleagues want to know where it is from."))
    return problems


def rule_class_publish(*, actor: User, rule_class: RuleClass, starts_on: date) -> RuleClass:
    """Publish a draft, in force from a Pacific day; live products are screened again (CMP-1).

    Raises `Refusal` `already_published` or `not_ready`, `InvalidInput` for a day over its last one.
    """
    if not actor.has_perm(PUBLISH):
        raise NotAllowed(_("You may not publish rule classes."))
    if rule_class.ends_on is not None and starts_on > rule_class.ends_on:
        raise InvalidInput([("starts_on", _("The last day must not be before the first."))])
    problems = publishing_problems(rule_class)
    if problems:
        raise Refusal("not_ready", " ".join(problems))
    with transaction.atomic():
        published = RuleClass.objects.filter(pk=rule_class.pk, published_at__isnull=True).update(
            published_at=platform_time.now(), starts_on=starts_on, version=new_version()
        )
        if not published:
            raise Refusal("already_published", _("Somebody has published this class already."))
        rule_class.refresh_from_db()
        audit.record(
            action="rule_class.publish",
            actor=actor,
            obj=rule_class,
            after={"starts_on": starts_on, "ends_on": rule_class.ends_on},
            terms=rule_class.terms.count(),
        )
        _changed(rule_class)
    return rule_class


def rule_class_withdraw(
    *, actor: User, rule_class: RuleClass, last_day: date, reason: str
) -> RuleClass:
    """End a published class after a Pacific day, today at the earliest; its hits go then (CMP-1).

    Raises `InvalidInput` naming `last_day` or `reason`, `Refusal` `not_published`.
    """
    if not actor.has_perm(PUBLISH):
        raise NotAllowed(_("You may not end rule classes."))
    problems = []
    if last_day < platform_time.today():
        problems.append(("last_day", _("What was in force stays: today is the earliest last day.")))
    if not reason.strip():
        problems.append(("reason", _("Say why; colleagues read it in the history.")))
    if problems:
        raise InvalidInput(problems)
    with transaction.atomic():
        held = RuleClass.objects.select_for_update().get(pk=rule_class.pk)
        if held.published_at is None:
            raise Refusal("not_published", _("This class is a draft."))
        before = {"ends_on": held.ends_on}
        held.ends_on = max(last_day, held.starts_on)
        held.version = new_version()
        held.save(update_fields=["ends_on", "version"])
        audit.record(
            action="rule_class.withdraw",
            actor=actor,
            obj=held,
            before=before,
            after={"ends_on": held.ends_on},
            reason=reason.strip(),
        )
    rule_class.refresh_from_db()
    return held


def classes_in_force(day: date) -> QuerySet[RuleClass]:
    """Return the published classes that hold on a Pacific day."""
    begun = RuleClass.objects.filter(published_at__isnull=False, starts_on__lte=day)
    return begun.exclude(ends_on__lt=day)
