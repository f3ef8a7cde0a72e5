"""What the pages and the API of violations show, read in a constant number of queries (CMP-6, CMP-8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from compliance.choices import AppealStatus
from compliance.models import PenaltyEffect, Violation
from compliance.penalties.masking import masked_company, masked_member_id
from compliance.penalties.points import counting
from compliance.penalties.schema import VIOLATIONS, Rung, ViolationRule, ViolationRules
from compliance.penalties.words import (
    effect_name,
    effect_text,
    next_time_text,
    points_text,
    rung_text,
    time_text,
    times_text,
)
from compliance.services.penalties import STANDING, counts_before
from compliance.services.violations import appeal_refusal
from portal import platform_time
from portal.prepared_reads import prepared
from portal.services.rulebooks import RulebookMissing, rulebook_for, rulebooks_published

Books = dict[str, ViolationRules]

APPEAL_TONES = {
    AppealStatus.OPEN: "info",
    AppealStatus.PENALTY_UPHELD: "danger",
    AppealStatus.OVERTURNED: "ok",
}


def books_by_version() -> Books:
    """Return the published rules by version; one small query."""
    return {book.version: book.content for book in rulebooks_published(VIOLATIONS)}


def violations_read() -> QuerySet[Violation]:
    """Return the violations of the scope with what pages show of them, newest first."""
    return (
        Violation.objects.select_related("appeal", "product", "order", "seller")
        .prefetch_related("effects", "files__file", "appeal__files__file")
        .order_by("-penalised_at", "-pk")
    )


def violations_listed() -> QuerySet[Violation]:
    """Return the violations of the scope with what a list shows of them, newest first: no files."""
    return (
        Violation.objects.select_related("appeal")
        .prefetch_related("effects")
        .order_by("-penalised_at", "-pk")
    )


class Breach(Protocol):
    """What names a broken rule: a violation, or a row of it."""

    @property
    def rule(self) -> str:
        """Key of the rule."""

    @property
    def rulebook(self) -> str:
        """Version of the rules."""


def rule_of(violation: Breach, books: Books) -> ViolationRule | None:
    """Return the rule a violation broke, or none when its rulebook is gone."""
    rules = books.get(violation.rulebook)
    return rules.rule(violation.rule) if rules else None


def rule_name(violation: Breach, books: Books) -> str:
    """Return what the broken rule is called."""
    rule = rule_of(violation, books)
    return rule.name if rule else violation.rule


@dataclass(frozen=True)
class EffectShown:
    """One effect as it is at an instant: `ends_at` none means until staff end it."""

    effect: PenaltyEffect
    text: str
    holds: bool

    @property
    def ends_at(self) -> datetime | None:
        """When it ends or ended."""
        return self.effect.ends_at


@dataclass(frozen=True)
class ViolationShown:
    """A violation as a page shows it at an instant."""

    violation: Violation
    rule: ViolationRule | None
    now: datetime
    effects: list[EffectShown]

    @property
    def name(self) -> str:
        """What the violated rule is called."""
        return self.rule.name if self.rule else self.violation.rule

    @property
    def time(self) -> str:
        """Which time the rule was broken: `2nd time`."""
        return time_text(self.violation.step)

    @property
    def overturned(self) -> bool:
        """Whether it was taken back."""
        return self.violation.overturned_at is not None

    @property
    def counts(self) -> bool:
        """Whether its points count now."""
        return not self.overturned and self.now < self.violation.points_until

    @property
    def state(self) -> tuple[str, str]:
        """Words for where it stands, and their tone."""
        if self.overturned:
            return _("Taken back"), "ok"
        if not self.counts and not any(one.holds for one in self.effects):
            return _("Run out"), "muted"
        if self.violation.points == 0 and not self.effects:
            return _("Warning"), "warn"
        return _("In force"), "danger"

    @property
    def appeal_state(self) -> tuple[str, str] | None:
        """Words for how far an appeal came, and their tone; none without one."""
        appeal = getattr(self.violation, "appeal", None)
        if appeal is None:
            return None
        status = AppealStatus(appeal.status)
        return str(status.label), APPEAL_TONES[status]

    @property
    def appealable(self) -> bool:
        """Whether the owner may appeal now."""
        return appeal_refusal(self.violation, self.now) is None


def shown(violation: Violation, books: Books, now: datetime) -> ViolationShown:
    """Return a violation, read by `violations_read`, as a page shows it."""
    effects = [
        EffectShown(one, effect_text(one), one.ends_at is None or one.ends_at > now)
        for one in violation.effects.all()
    ]
    return ViolationShown(violation, rule_of(violation, books), now, effects)


# --- The sum ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Expiry:
    """Points that run out at `at`, and the sum from then on when nothing is added."""

    violation: Violation
    name: str
    at: datetime
    points: int
    left: int


@dataclass(frozen=True)
class PointsShown:
    """A shop's points now, the limit, and how they run out, the next first."""

    points: int
    closes_at: int
    expiries: list[Expiry]

    @property
    def left(self) -> int:
        """Points to the limit."""
        return max(0, self.closes_at - self.points)

    @property
    def tone(self) -> str:
        """How pressing it is: for the bar."""
        share = self.points / self.closes_at
        return "danger" if share >= 0.75 else "warn" if share >= 0.5 else ""


def points_shown(books: Books, closes_at: int, now: datetime) -> PointsShown:
    """Return the points of the shop in scope; one query."""
    counted = _counted(now)
    total = left = sum(one.points for one in counted)
    expiries = []
    for one in counted:
        left -= one.points
        expiries.append(Expiry(one, rule_name(one, books), one.points_until, one.points, left))
    return PointsShown(total, closes_at, expiries)


@prepared
def _counted(now: datetime) -> QuerySet[Violation]:
    return Violation.objects.filter(counting(now), points__gt=0).order_by("points_until", "pk")


def effects_shown(now: datetime) -> list[EffectShown]:
    """Return what penalties do to the shop in scope now, oldest first; one query."""
    return [EffectShown(one, effect_text(one), True) for one in _effects(now)]


@prepared
def _effects(now: datetime) -> QuerySet[PenaltyEffect]:
    begun = PenaltyEffect.objects.filter(starts_at__lte=now)
    running = begun.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now))
    return running.select_related("violation__product")


def rules_today(now: datetime) -> ViolationRules | None:
    """Return the rules in force now, or none before the first day of any."""
    try:
        content: ViolationRules = rulebook_for(VIOLATIONS, platform_time.day_of(now)).content
    except RulebookMissing:
        return None
    return content


# --- The ladder ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class RungShown:
    """One rung: for which times, what it costs, whether the next violation stands on it."""

    times: str
    cost: str
    is_next: bool


@dataclass(frozen=True)
class LadderShown:
    """A rule in force with its rungs; `time` is which time the next violation would be."""

    rule: ViolationRule
    time: int
    next_rung: Rung | None
    rungs: list[RungShown]
    grave: str

    @property
    def rows(self) -> int:
        """How many lines the ladder has in a table."""
        return len(self.rungs) + bool(self.grave)

    @property
    def next_time(self) -> str:
        """Which time the next violation would be, in words."""
        return next_time_text(self.time)

    @property
    def repeated(self) -> bool:
        """Whether the shop has broken the rule before, so that the next time is a repetition."""
        return self.time > 1


def ladders_shown(rules: ViolationRules, now: datetime) -> list[LadderShown]:
    """Return the ladders of the shop in scope, those it stands on first; one query.

    Of a rule that counts per product the product with most violations is shown.
    """
    standing = _standing()
    ladders = []
    for rule in rules.rules:
        own = [one for one in standing if one.rule == rule.key]
        ladders.append(_ladder(rule, 1 + _most_before(rule, own, now)))
    return sorted(ladders, key=lambda one: not one.repeated)


@prepared
def _standing() -> QuerySet[Violation]:
    rows = Violation.objects.filter(STANDING)
    return rows.only("rule", "happened_at", "product_id", "seller_id")


def all_ladders(rules: ViolationRules) -> list[LadderShown]:
    """Return the ladders as a table, nobody standing on them."""
    return [_ladder(rule, 0) for rule in rules.rules]


def _ladder(rule: ViolationRule, time: int) -> LadderShown:
    next_rung = rule.rung(time)
    rungs = [
        RungShown(times_text(rule, position), rung_text(rung), rung is next_rung)
        for position, rung in enumerate(rule.ladder)
    ]
    grave = rung_text(rule.grave) if rule.grave else ""
    return LadderShown(rule, time, next_rung, rungs, grave)


def _most_before(rule: ViolationRule, own: Sequence[Violation], now: datetime) -> int:
    """Return how many standing violations a next one, now, would follow."""
    counted = [one for one in own if counts_before(rule, one.happened_at, now)]
    if rule.level == "product":
        products = [one.product_id for one in counted]
        return max((products.count(one) for one in set(products)), default=0)
    return len(counted)


# --- The public list ----------------------------------------------------------------------------


def public_violations() -> QuerySet[Violation]:
    """Return what staff have published and nobody took back, of all shops; query it unscoped."""
    return (
        Violation.objects.filter(STANDING, public=True)
        .select_related("seller")
        .prefetch_related("effects")
        .order_by("-penalised_at", "-pk")
    )


@dataclass(frozen=True)
class PublicShown:
    """A published violation with starred names; `penalised_on` is a Pacific day."""

    penalised_on: date
    member_id: str
    company: str
    name: str
    penalty: str


def public_shown(violations: Iterable[Violation], books: Books) -> list[PublicShown]:
    """Return published violations, read by `public_violations`, as strangers may see them."""
    return [
        PublicShown(
            platform_time.day_of(one.penalised_at),
            masked_member_id(one.seller.member_id),
            masked_company(one.seller.name),
            rule_name(one, books),
            _penalty_text(one),
        )
        for one in violations
    ]


def _penalty_text(violation: Violation) -> str:
    parts = [points_text(violation.points)] if violation.points else []
    parts += dict.fromkeys(effect_name(one.kind, one.service) for one in violation.effects.all())
    return " · ".join(parts) or _("Warning")
