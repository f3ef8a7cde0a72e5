"""What a violation costs: the rung, its effects, and what overturning takes back (CMP-6, CMP-8).

Everything here runs in the transaction of a decision that holds the shop's row: two confirmations at
once take two rungs, and the sum that closes a shop is the sum of all of them. The order of locks is the
shop, its violations, its effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet, Sum
from django.utils.translation import gettext as _

from compliance.choices import EffectKind
from compliance.models import GatedProduct, PenaltyEffect, Violation
from compliance.penalties.points import counting
from compliance.penalties.schema import (
    VIOLATIONS,
    Rung,
    RungEffect,
    ViolationRule,
    ViolationRules,
)
from portal import platform_time
from portal.errors import InvalidInput
from portal.models import Seller, User
from portal.services import audit
from portal.services.rulebooks import RulebookInForce, rulebook_for, rulebooks_published
from portal.services.shops import Span, seller_flags_publish

SHOP_DEMOTED_FLAG = "shop_demoted"
STANDING = Q(overturned_at__isnull=True)


def service_flag(service: str) -> str:
    """Return the code of the flag a shop carries while a service is closed to it."""
    return f"{service}_closed"


def rules_on(day: date) -> ViolationRules:
    """Return the rules of violations in force on a Pacific day; raises `RulebookMissing`."""
    content: ViolationRules = rulebook_for(VIOLATIONS, day).content
    return content


def points_sum(seller_id: int, at: datetime) -> int:
    """Return the points of a shop that count at an instant."""
    counted = Violation.objects.filter(counting(at), seller_id=seller_id)
    return counted.aggregate(sum=Sum("points"))["sum"] or 0


# --- Which rung ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class PenaltyPlan:
    """What confirming would do now: `time` is how often, `sum_before` and `sum_after` the shop's points."""

    book: RulebookInForce
    rule: ViolationRule
    rung: Rung
    time: int
    grave: bool
    points: int
    sum_before: int
    closes_at: int
    closes_by_rung: bool

    @property
    def sum_after(self) -> int:
        """The shop's points with this penalty."""
        return self.sum_before + self.points

    @property
    def closes_shop(self) -> bool:
        """Whether the rung or the sum closes the shop."""
        return self.closes_by_rung or self.sum_after >= self.closes_at

    @property
    def seen(self) -> str:
        """What who confirms has to have seen, as a text that a form carries."""
        return f"{self.book.version}:{self.time}:{self.points}:{self.sum_after}"


def penalty_plan(
    *,
    seller: Seller,
    rule: str,
    happened_at: datetime,
    now: datetime,
    product: GatedProduct | None = None,
    grave: bool = False,
    points: int | None = None,
) -> PenaltyPlan:
    """Return what a violation costs under the rules of the day it happened.

    Raises `RulebookMissing`, and `InvalidInput` naming `rule`, `happened_at`, `product`, `grave` or
    `points`.
    """
    if happened_at > now:
        raise InvalidInput([("happened_at", _("This lies in the future."))])
    book = rulebook_for(VIOLATIONS, platform_time.day_of(happened_at))
    known = book.content.rule(rule)
    if known is None:
        text = _("There was no such rule on the day it happened.")
        raise InvalidInput([("rule", text)])
    if known.level == "product" and product is None:
        raise InvalidInput([("product", _("This rule counts per product: name it."))])
    time = 1 + times_before(known, seller.pk, happened_at, product.pk if product else None)
    rung = known.rung(time, grave=grave)
    if rung is None:
        text = _("The rule has no grave case.") if grave else _("The rule knows grave cases only.")
        raise InvalidInput([("grave", text)])
    if product is None and any(one.kind == EffectKind.PRODUCT_DEMOTED for one in rung.effects):
        raise InvalidInput([("product", _("The penalty concerns a product: name it."))])
    return PenaltyPlan(
        book=book,
        rule=known,
        rung=rung,
        time=time,
        grave=grave,
        points=_chosen(rung, points),
        sum_before=points_sum(seller.pk, now),
        closes_at=rules_on(platform_time.day_of(now)).closes_at,
        closes_by_rung=any(one.kind == EffectKind.SHOP_CLOSED for one in rung.effects),
    )


def _chosen(rung: Rung, points: int | None) -> int:
    """Return the points of a rung, or those staff chose where it leaves the choice."""
    if points is None or points == rung.points:
        return rung.points
    if rung.points_most is None:
        text = _("This time costs %(points)d points.") % {"points": rung.points}
        raise InvalidInput([("points", text)])
    if not rung.points <= points <= rung.points_most:
        text = _("Choose between %(least)d and %(most)d points.")
        bounds = {"least": rung.points, "most": rung.points_most}
        raise InvalidInput([("points", text % bounds)])
    return points


def times_before(
    rule: ViolationRule, seller_id: int, happened_at: datetime, product_id: int | None
) -> int:
    """Return how many standing violations a further one follows.

    In the order of confirmation, whenever each happened; with a window those that happened within
    its days of this one (K-3: the day itself is the first of them).
    """
    earlier = Violation.objects.filter(STANDING, seller_id=seller_id, rule=rule.key)
    if rule.level == "product":
        earlier = earlier.filter(product_id=product_id)
    window = _window(rule, happened_at)
    if window is not None:
        earlier = earlier.filter(happened_at__gte=window[0], happened_at__lt=window[1])
    return earlier.count()


def _window(rule: ViolationRule, happened_at: datetime) -> tuple[datetime, datetime] | None:
    if rule.window_days is None:
        return None
    day, reach = platform_time.day_of(happened_at), timedelta(days=rule.window_days - 1)
    return platform_time.start_of(day - reach), platform_time.end_of(day + reach)


# --- Effects ------------------------------------------------------------------------------------


def effects_make(violation: Violation, effects: Sequence[RungEffect], status_before: str) -> None:
    """Write the effects of a new penalty; `status_before` is kept with a closed shop."""
    PenaltyEffect.objects.bulk_create(
        PenaltyEffect(
            violation=violation,
            kind=one.kind,
            service=one.service,
            starts_at=violation.penalised_at,
            ends_at=_end(violation.penalised_at, one.days),
            status_before=status_before if one.kind == EffectKind.SHOP_CLOSED else "",
        )
        for one in effects
    )


def _end(starts_at: datetime, days: int | None) -> datetime | None:
    return None if days is None else platform_time.days_later(starts_at, days)


def still_holding(effects: QuerySet[PenaltyEffect], now: datetime) -> QuerySet[PenaltyEffect]:
    """Keep the effects that have not ended."""
    return effects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now))


def flags_publish(*, seller: Seller, actor: User | None) -> None:
    """Let other modules read from the shop's flags what penalties do to it.

    A flag holds from the day its effect starts to the day before it ends: 90 days are 90 days, and
    one that is taken back holds no more on that very day.
    """
    effects = PenaltyEffect.objects.filter(
        violation__seller=seller, kind__in=(EffectKind.SHOP_DEMOTED, EffectKind.SERVICE_CLOSED)
    )
    spans: dict[str, list[Span]] = {}
    for one in effects.order_by("starts_at", "pk"):
        shop = one.kind == EffectKind.SHOP_DEMOTED
        code = SHOP_DEMOTED_FLAG if shop else service_flag(one.service)
        known = spans.setdefault(code, [])
        first = platform_time.day_of(one.starts_at)
        last = one.ends_at and platform_time.day_of(one.ends_at) - timedelta(days=1)
        if last is None or last >= first:
            known.append((first, last))
    for code, days in spans.items():
        seller_flags_publish(seller=seller, code=code, spans=merged(days), actor=actor)


def merged(spans: Sequence[Span]) -> list[Span]:
    """Join spans of days (both ends included, in the order of their first days) that touch."""
    joined: list[Span] = []
    for first, last in spans:
        if joined:
            since, until = joined[-1]
            if until is None or first <= until + timedelta(days=1):
                longest = None if until is None or last is None else max(until, last)
                joined[-1] = (since, longest)
                continue
        joined.append((first, last))
    return joined


# --- Lowering -----------------------------------------------------------------------------------


def later_ones_lower(
    *, overturned: Violation, actor: User | None, now: datetime
) -> list[Violation]:
    """Bring the later violations of a rule down to the rung they stand on without an overturned one.

    Only ever to the shop's advantage: points fall, effects end or become shorter, nothing is added
    (decision 0027). Returns those whose penalty changed.
    """
    standing = list(
        Violation.objects.filter(STANDING, seller_id=overturned.seller_id, rule=overturned.rule)
        .select_for_update(no_key=True, of=("self",))
        .order_by("pk")
    )
    books: dict[str, ViolationRules] = {
        book.version: book.content for book in rulebooks_published(VIOLATIONS)
    }
    changed = []
    for position, one in enumerate(standing):
        rule = books[one.rulebook].rule(one.rule) if one.rulebook in books else None
        if one.pk < overturned.pk or rule is None:
            continue
        time = 1 + sum(_counts(rule, before, one) for before in standing[:position])
        if time < one.step and _lower(one, rule, time, actor, now):
            changed.append(one)
    return changed


def _counts(rule: ViolationRule, earlier: Violation, later: Violation) -> bool:
    """Tell whether an earlier violation makes a later one a repetition; `times_before` in Python."""
    if rule.level == "product" and earlier.product_id != later.product_id:
        return False
    return counts_before(rule, earlier.happened_at, later.happened_at)


def counts_before(rule: ViolationRule, earlier: datetime, later: datetime) -> bool:
    """Tell whether two violations lie within the rule's window, by when they happened."""
    window = _window(rule, later)
    return window is None or window[0] <= earlier < window[1]


def _lower(
    violation: Violation, rule: ViolationRule, time: int, actor: User | None, now: datetime
) -> bool:
    """Give a violation its new time; return whether that makes its penalty milder."""
    rung = rule.rung(time, grave=violation.grave) or Rung(warning=True)
    points = min(violation.points, rung.points_most or rung.points)
    milder = points < violation.points
    milder = _effects_lower(violation, rung, now) or milder
    before = {"step": violation.step, "points": violation.points}
    violation.step, violation.points = time, points
    if milder:
        violation.lowered_at = now
    violation.save(update_fields=["step", "points", "lowered_at"])
    audit.record(
        action="violation.lower",
        actor=actor,
        obj=violation,
        before=before,
        after={"step": time, "points": points},
    )
    return milder


def _effects_lower(violation: Violation, rung: Rung, now: datetime) -> bool:
    """End or shorten what the rung does not provide for; return whether anything changed."""
    wanted = {(one.kind, one.service): one.days for one in rung.effects}
    milder = False
    held = PenaltyEffect.objects.filter(violation=violation, by_points=False)
    for effect in still_holding(held, now):
        key = (effect.kind, effect.service)
        end = _end(effect.starts_at, wanted[key]) if key in wanted else now
        if end is not None and (effect.ends_at is None or end < effect.ends_at):
            effect.ends_at = max(end, now)
            effect.save(update_fields=["ends_at"])
            milder = True
    return milder
