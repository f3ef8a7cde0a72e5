"""Violations: confirming, taking back, publishing, and what holds for a shop now (CMP-6 … CMP-8).

A confirmation is one transaction under the shop's row: rung, points, effects, the sum, and the closing of
the shop at the limit. Taking one back undoes all of it the same way. `penalties` knows the rungs and
effects, `shop_closing` the shop's status, `appeals` how shops object; other parts import from here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from compliance.choices import AppealStatus, EffectKind
from compliance.models import (
    Appeal,
    GatedProduct,
    PenaltyEffect,
    Violation,
    ViolationEvidence,
)
from compliance.penalties.points import counting, in_force
from compliance.penalties.schema import ViolationRules
from compliance.services.appeals import DECIDE, appeal_decide, appeal_make, appeal_refusal
from compliance.services.penalties import (
    PenaltyPlan,
    effects_make,
    flags_publish,
    penalty_plan,
    points_sum,
    rules_on,
    still_holding,
)
from compliance.services.penalty_cases import (
    clean_files,
    clean_text,
    penalty_take_back,
    require_staff,
    rule_names,
    shop_held,
    tell,
)
from compliance.services.shop_closing import close_if_due, status_to_remember
from portal import platform_time
from portal.errors import InvalidInput, Refusal
from portal.models import Order, Seller, User
from portal.scoping import unscoped
from portal.services import audit
from portal.services.files import file_store, files_or_nothing

__all__ = [
    "CHANGE",
    "CONFIRM",
    "DECIDE",
    "appeal_decide",
    "appeal_make",
    "appeal_refusal",
    "effect_end",
    "effects_in_force",
    "limit_on",
    "points_of",
    "points_of_many",
    "products_demoted",
    "violation_confirm",
    "violation_overturn",
    "violation_preview",
    "violation_publish",
]

CONFIRM, CHANGE = "compliance.add_violation", "compliance.change_violation"
EVIDENCE = "violation_evidence"


# --- Reading ------------------------------------------------------------------------------------


def points_of(seller: Seller, at: datetime | None = None) -> int:
    """Return the points of a shop that count at an instant, by default now (CMP-6)."""
    with unscoped():
        return points_sum(seller.pk, at or platform_time.now())


def points_of_many(sellers: Collection[int], at: datetime | None = None) -> dict[int, int]:
    """Return shop (primary key) → points at an instant; one query, shops without points included."""
    with unscoped():
        rows = (
            Violation.objects.filter(counting(at or platform_time.now()), seller_id__in=sellers)
            .order_by()
            .values_list("seller_id")
            .annotate(sum=Sum("points"))
        )
        return {**dict.fromkeys(sellers, 0), **dict(rows)}


def effects_in_force(seller: Seller, at: datetime | None = None) -> list[PenaltyEffect]:
    """Return what penalties do to a shop at an instant, oldest first, with violation and product."""
    with unscoped():
        effects = PenaltyEffect.objects.filter(
            in_force(at or platform_time.now()), violation__seller=seller
        )
        return list(effects.select_related("violation__product"))


def products_demoted(seller: Seller, at: datetime | None = None) -> set[str]:
    """Return the ids of the shop's products that a penalty shows further down at an instant."""
    with unscoped():
        effects = PenaltyEffect.objects.filter(
            in_force(at or platform_time.now()),
            violation__seller=seller,
            kind=EffectKind.PRODUCT_DEMOTED,
            violation__product__isnull=False,
        )
        return set(effects.values_list("violation__product__product_id", flat=True))


def limit_on(at: datetime) -> int:
    """Return the points that close a shop, by the rules of an instant; raises `RulebookMissing`."""
    return rules_on(platform_time.day_of(at)).closes_at


# --- Confirming ---------------------------------------------------------------------------------


def violation_preview(
    *,
    actor: User,
    seller: Seller,
    rule: str,
    happened_at: datetime | None = None,
    product: GatedProduct | None = None,
    order: Order | None = None,
    grave: bool = False,
    points: int | None = None,
) -> PenaltyPlan:
    """Return what confirming would do now; refuses what `violation_confirm` would refuse (CMP-6)."""
    require_staff(actor=actor, permission=CONFIRM, seller_id=seller.pk)
    _belong(seller, product, order)
    now = platform_time.now()
    with unscoped():
        return penalty_plan(
            seller=seller,
            rule=rule,
            happened_at=happened_at or now,
            now=now,
            product=product,
            grave=grave,
            points=points,
        )


def violation_confirm(
    *,
    actor: User,
    seller: Seller,
    rule: str,
    evidence: str,
    happened_at: datetime | None = None,
    product: GatedProduct | None = None,
    order: Order | None = None,
    grave: bool = False,
    points: int | None = None,
    key: str | None = None,
    files: Sequence[UploadedFile] = (),
    seen: str | None = None,
) -> Violation:
    """Confirm a violation and penalise it by its rung; return it (CMP-6, CMP-7).

    The rules are those of the day it happened (default now); the time is one more than the standing
    violations of the rule, in the order of confirmation (decision 0027). `points` only where the rung
    leaves them to staff. The same `key` again returns the first one. With `seen`, the preview's, it
    refuses (`penalty_changed`) what would cost something else by now. Needs `compliance.add_violation`
    and no membership in the shop. Raises `InvalidInput` naming `rule`, `happened_at`, `evidence`,
    `product`, `order`, `grave`, `points` or `files`, `RulebookMissing`, `key_reused`.
    """
    require_staff(actor=actor, permission=CONFIRM, seller_id=seller.pk)
    _belong(seller, product, order)
    text = clean_text("evidence", evidence, _("Say what shows the violation."))
    uploads = clean_files(files)
    with files_or_nothing(), unscoped(), transaction.atomic():
        shop = shop_held(seller.pk)
        known = Violation.objects.filter(key=key).first() if key else None
        if known is not None:
            return _same_case(known, shop, rule)
        now = platform_time.now()
        plan = penalty_plan(
            seller=shop,
            rule=rule,
            happened_at=happened_at or now,
            now=now,
            product=product,
            grave=grave,
            points=points,
        )
        if seen is not None and seen != plan.seen:
            text = _("Something else was decided about this shop meanwhile: look again.")
            raise Refusal("penalty_changed", text)
        remembered = status_to_remember(shop, now)
        violation = _create(
            plan,
            seller=shop,
            product=product,
            order=order,
            happened_at=happened_at or now,
            evidence=text,
            penalised_at=now,
            penalised_by=actor,
            key=key or f"staff:{uuid4()}",
        )
        effects_make(violation, plan.rung.effects, remembered)
        for upload in uploads:
            stored = file_store(seller=shop, actor=actor, upload=upload, purpose=EVIDENCE)
            ViolationEvidence.objects.create(violation=violation, file=stored)
        closed = close_if_due(
            seller=shop,
            violation=violation,
            remembered=remembered,
            closes_at=plan.closes_at,
            actor=actor,
        )
        flags_publish(seller=shop, actor=actor)
        audit.record(
            action="violation.confirm",
            actor=actor,
            obj=violation,
            after={"rule": rule, "step": plan.time, "grave": grave, "points": plan.points},
            seller=shop.member_id,
            rulebook=plan.book.version,
        )
        _tell_confirmed(violation, plan, closed)
    return violation


def _belong(seller: Seller, product: GatedProduct | None, order: Order | None) -> None:
    for field, one in (("product", product), ("order", order)):
        if one is not None and one.seller_id != seller.pk:
            raise InvalidInput([(field, _("This is not one of the shop's."))])


def _same_case(known: Violation, seller: Seller, rule: str) -> Violation:
    if (known.seller_id, known.rule) != (seller.pk, rule):
        raise Refusal("key_reused", _("This key belongs to another case."))
    return known


def _create(plan: PenaltyPlan, **fields: Any) -> Violation:
    at = fields["penalised_at"]
    rules: ViolationRules = plan.book.content
    try:
        with transaction.atomic():
            return Violation.objects.create(
                rule=plan.rule.key,
                rulebook=plan.book.version,
                step=plan.time,
                grave=plan.grave,
                points=plan.points,
                points_until=platform_time.days_later(at, rules.points_days),
                appeal_until=platform_time.days_later(at, rules.appeal_days),
                **fields,
            )
    except IntegrityError:
        # Another shop's case got the key in the meantime.
        raise Refusal("key_reused", _("This key belongs to another case.")) from None


def _tell_confirmed(violation: Violation, plan: PenaltyPlan, closed: bool) -> None:
    name = {"en": plan.rule.name_en, "zh": plan.rule.name_zh}
    params = {"violation": name, "deadline": violation.appeal_until}
    tell(violation, "violation_recorded", {**params, "points": violation.points})
    if closed:
        tell(violation, "shop_closed", {**params, "points": plan.sum_after})


# --- Taking back --------------------------------------------------------------------------------


def violation_overturn(*, actor: User, violation: Violation, note: str) -> Violation:
    """Take back a penalty that was a mistake; an appeal that waits is decided with it (CMP-8).

    Needs `compliance.change_violation` and no membership in the shop. Raises `InvalidInput` without
    a note (the shop reads it), `already_overturned`.
    """
    require_staff(actor=actor, permission=CHANGE, seller_id=violation.seller_id)
    text = clean_text("note", note, _("Say why: the shop reads it."))
    with unscoped(), transaction.atomic():
        shop = shop_held(violation.seller_id)
        now = platform_time.now()
        penalty_take_back(shop=shop, violation=violation, actor=actor, note=text, now=now)
        Appeal.objects.filter(violation=violation, status=AppealStatus.OPEN).update(
            status=AppealStatus.OVERTURNED, decided_at=now, decided_by=actor, answer=text
        )
        params = {"violation": rule_names(violation), "reason": text}
        tell(violation, "violation_overturned", params)
    violation.refresh_from_db()
    return violation


def effect_end(*, actor: User, effect: PenaltyEffect, note: str) -> PenaltyEffect:
    """End an effect before its time, or one that has none; points stay (CMP-6).

    A closed shop is opened by its status instead (`seller_change_status`). Raises `effect_ended`,
    `shop_is_closed`.
    """
    with unscoped():
        violation = effect.violation
    require_staff(actor=actor, permission=CHANGE, seller_id=violation.seller_id)
    text = clean_text("note", note, _("Say why: it is kept with the decision."))
    if effect.kind == EffectKind.SHOP_CLOSED:
        raise Refusal("shop_is_closed", _("Open the shop itself, or take the penalty back."))
    with unscoped(), transaction.atomic():
        shop = shop_held(violation.seller_id)
        now = platform_time.now()
        ended = still_holding(PenaltyEffect.objects.filter(pk=effect.pk), now).update(ends_at=now)
        if not ended:
            raise Refusal("effect_ended", _("This effect has ended already."))
        audit.record(
            action="penalty_effect.end",
            actor=actor,
            obj=effect,
            before={"ends_at": effect.ends_at},
            after={"ends_at": now},
            reason=text,
            seller=shop.member_id,
        )
        flags_publish(seller=shop, actor=actor)
    effect.ends_at = now
    return effect


def violation_publish(*, actor: User, violation: Violation, public: bool) -> Violation:
    """Put a violation on the masked public list, or take it off (CMP-6).

    Raises `already_overturned`: what was taken back is not published. Publishing again changes nothing.
    """
    require_staff(actor=actor, permission=CHANGE, seller_id=violation.seller_id)
    with unscoped(), transaction.atomic():
        standing = Violation.objects.filter(pk=violation.pk)
        if public:
            standing = standing.filter(overturned_at__isnull=True)
        if not standing.exists():
            raise Refusal("already_overturned", _("This penalty was taken back already."))
        if standing.exclude(public=public).update(public=public):
            audit.record(
                action="violation.publish",
                actor=actor,
                obj=violation,
                before={"public": not public},
                after={"public": public},
            )
    violation.public = public
    return violation
