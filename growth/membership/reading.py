"""What a shop has of the rights of its membership, and what it makes of them (GRO-15).

Balances, slots, enrolments, certificates and labels are as of now; numbers that a night counts are those
of the newest one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Min, Q
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from compliance.models import Certificate
from growth.choices import (
    OPEN_ENROLMENTS,
    EnrolmentState,
    RewardKind,
    RewardStatus,
    RightGroup,
    RightState,
)
from growth.membership.schema import RIGHTS, MemberRight, RightsRules
from growth.membership.shop_numbers import shop_numbers
from growth.membership.strength_reading import Strength, certificates_counting, strength_of
from growth.membership.supplier_card import LABELS
from growth.models import Enrolment, RewardGrant
from growth.tasks.reading import page_url
from portal import platform_time
from portal.models import Seller, ShowcaseUse
from portal.scoping import seller_scope
from portal.services.rulebooks import RulebookMissing, rulebook_for
from portal.templatetags.portal_ui import day_text, number_text
from rfq.models import RightEntry
from rfq.rights.statement import KindLeft, kinds_left

SHOWCASE_DAYS = 30
"""What upstream last said of the showcase counts for so many days, as in the metric."""


def rights_rules(day: date) -> RightsRules | None:
    """Return the rights of a Pacific day; none before the first list."""
    try:
        content: RightsRules = rulebook_for(RIGHTS, day).content
    except RulebookMissing:
        return None
    return content


@dataclass(frozen=True)
class RightReading:
    """One right of one shop.

    `left` is what remains (none: unlimited, or nothing that is counted; `unlimited` tells which), `total` what
    there was at first, where somebody says. `ends_at` is the first instant at which something of it is
    gone, `note` where the shop stands with it, in words. `begun`: enrolled in its programme, or applied.
    """

    right: MemberRight
    state: RightState
    note: str = ""
    left: int | None = None
    unlimited: bool = False
    total: int | None = None
    ends_at: datetime | None = None
    expires_soon: bool = False
    url: str = ""
    begun: bool = False

    @property
    def action(self) -> str:
        """What its button says; nothing invites to what the shop is in already, or waits to be."""
        return _("View") if self.begun else self.right.action

    @property
    def is_locked(self) -> bool:
        """Whether the membership lacks it."""
        return self.state == RightState.LOCKED


@dataclass(frozen=True)
class GroupReading:
    """The rights of a group."""

    group: RightGroup
    rights: list[RightReading]


@dataclass(frozen=True)
class RightsReading:
    """The rights of one shop; `as_of` is the day of the numbers a night counted."""

    rules: RightsRules | None
    as_of: date | None
    years: int | None
    rights: list[RightReading]
    strength: Strength

    def count(self, state: RightState) -> int:
        """Return how many rights are in a state."""
        return sum(reading.state == state for reading in self.rights)

    @property
    def used(self) -> int:
        """How many the shop makes use of."""
        return self.count(RightState.USED)

    @property
    def unused(self) -> int:
        """How many it has and does not use."""
        return self.count(RightState.UNUSED)

    @property
    def locked(self) -> int:
        """How many its membership lacks."""
        return self.count(RightState.LOCKED)

    @property
    def first(self) -> list[RightReading]:
        """What to look at first: what ends soon, then what the rules put first; none that is locked."""
        soon = [(one.ends_at, one) for one in self.rights if one.expires_soon and one.ends_at]
        soon.sort(key=lambda pair: pair[0])
        return [reading for _ends_at, reading in soon] + [
            reading
            for reading in self.rights
            if reading.right.priority and not (reading.is_locked or reading.expires_soon)
        ]

    @property
    def groups(self) -> list[GroupReading]:
        """The rights by group, those the shop has before those it lacks."""
        return [
            GroupReading(group, sorted(own, key=lambda reading: reading.is_locked))
            for group in RightGroup
            if (own := [one for one in self.rights if one.right.group == group])
        ]

    @property
    def differences(self) -> list[MemberRight]:
        """The rights of which verified sellers get more than basic ones."""
        return [
            reading.right
            for reading in self.rights
            if not reading.right.basic or reading.right.for_basic != reading.right.for_verified
        ]


def membership_years(opened_on: date | None, day: date) -> int | None:
    """Return which year since its opening a shop is in: 1 on the first day; none before."""
    if opened_on is None or opened_on > day:
        return None
    passed = (day.month, day.day) >= (opened_on.month, opened_on.day)
    return day.year - opened_on.year + (1 if passed else 0)


def rights_of(seller: Seller) -> RightsReading:
    """Return all rights there are for a company of the shop's type; a constant number of queries."""
    now = platform_time.now()
    today = platform_time.day_of(now)
    rules = rights_rules(today)
    listed = [
        right
        for right in (rules.rights if rules else [])
        if right.concerns(seller.company_type, today)
    ]
    strength = strength_of(seller)
    with seller_scope(seller):
        use = _Use.read(seller, listed, now, strength)
    soon = now + timedelta(days=rules.soon_days if rules else 0)
    return RightsReading(
        rules=rules,
        as_of=strength.as_of,
        years=membership_years(seller.opened_on, today),
        rights=[_reading(right, seller, use, soon) for right in listed],
        strength=strength,
    )


def _reading(right: MemberRight, seller: Seller, use: _Use, soon: datetime) -> RightReading:
    url = _url(right)
    if not right.open_to(seller.membership):
        return RightReading(right, RightState.LOCKED, url=url)
    found: dict[str, Any] = getattr(use, f"of_{right.counted_by}")(right)
    ends_at: datetime | None = found.get("ends_at")
    return RightReading(
        right=right,
        state=RightState.USED if found.pop("used") else RightState.UNUSED,
        url=url,
        expires_soon=ends_at is not None and ends_at <= soon,
        **found,
    )


def _url(right: MemberRight) -> str:
    if right.counted_by == "programme":
        try:
            return reverse("growth:programme", args=[right.subject])
        except NoReverseMatch:
            return ""
    return page_url(right.page)


@dataclass(frozen=True)
class _Use:
    """What the shop in scope has and uses: each kind of count is read once for all rights."""

    now: datetime
    numbers: dict[str, Decimal]
    lots: dict[str, KindLeft]
    quoted: set[str]
    showcase: ShowcaseUse | None
    coupons: dict[str, Any]
    enrolments: dict[str, Enrolment]
    certificates: dict[str, list[Certificate]]
    strength: Strength

    @classmethod
    def read(
        cls, seller: Seller, rights: Iterable[MemberRight], now: datetime, strength: Strength
    ) -> _Use:
        """Read everything; inside the shop's scope."""
        rights = list(rights)
        today = platform_time.day_of(now)
        asked = {right.subject for right in rights if right.counted_by == "metric"}
        types = {right.subject for right in rights if right.counted_by == "certificates"}
        held: dict[str, list[Certificate]] = {}
        for certificate in certificates_counting(now).filter(type__in=types) if types else ():
            held.setdefault(certificate.type, []).append(certificate)
        month = platform_time.start_of(today.replace(day=1))
        uses = RightEntry.objects.filter(
            delta__lt=0, reverses=None, refund=None, at__gte=month, at__lte=now
        )
        coupon = Q(reward__kind=RewardKind.TOOL_COUPON)
        live = coupon & Q(status=RewardStatus.GRANTED, usable_until__gt=now)
        slots = Q(
            reward__kind=RewardKind.SHOWCASE_SLOTS, status=RewardStatus.USED, valid_until__gt=now
        )
        return cls(
            now=now,
            numbers=shop_numbers(seller, asked).values,
            lots={each.kind.value: each for each in kinds_left(now)},
            quoted=set(uses.order_by().values_list("kind", flat=True).distinct()),
            showcase=ShowcaseUse.objects.filter(
                day__gt=today - timedelta(days=SHOWCASE_DAYS), day__lte=today
            )
            .order_by("-day")
            .first(),
            coupons=RewardGrant.objects.aggregate(
                left=Count("pk", filter=live),
                used=Count("pk", filter=coupon & Q(status=RewardStatus.USED)),
                ends_at=Min("usable_until", filter=live),
                slots_end=Min("valid_until", filter=slots),
            ),
            enrolments={
                each.programme.code: each
                for each in Enrolment.objects.filter(state__in=OPEN_ENROLMENTS)
                .select_related("programme")
                .order_by("pk")
            },
            certificates=held,
            strength=strength,
        )

    def of_rfq(self, right: MemberRight) -> dict[str, Any]:
        """Count a kind of right to quote: its balance, and whether one was used this month."""
        left = self.lots[right.subject]
        used = right.subject in self.quoted
        if left.left is None:
            note = _("Unlimited")
        elif not left.left:
            note = _("None left")
        else:
            note = ngettext("%(n)s left", "%(n)s left", left.left) % {"n": number_text(left.left)}
        return {
            "used": used,
            "note": note,
            "left": left.left,
            "unlimited": left.left is None,
            "ends_at": left.ends_at,
        }

    def of_showcase(self, right: MemberRight) -> dict[str, Any]:
        """Count slots: those without a product are left."""
        use = self.showcase
        if use is None:
            return {"used": False, "note": _("No figures yet")}
        note = _("%(left)s of %(total)s slots free") % {
            "left": number_text(use.slots - use.used),
            "total": number_text(use.slots),
        }
        return {
            "used": use.used > 0,
            "note": note,
            "left": use.slots - use.used,
            "total": use.slots,
            "ends_at": self.coupons["slots_end"],
        }

    def of_coupons(self, right: MemberRight) -> dict[str, Any]:
        """Count coupons from task packs that can still be used."""
        left, used = self.coupons["left"], self.coupons["used"]
        note = ngettext("%(n)s to be used", "%(n)s to be used", left) % {"n": number_text(left)}
        return {
            "used": used > 0,
            "note": note if left or used else _("None yet"),
            "left": left,
            "ends_at": self.coupons["ends_at"],
        }

    def of_programme(self, right: MemberRight) -> dict[str, Any]:
        """Tell whether the shop is enrolled, or waits to be."""
        enrolment = self.enrolments.get(right.subject)
        today = platform_time.day_of(self.now)
        if enrolment is None or (enrolment.until is not None and enrolment.until < today):
            return {"used": False, "note": _("Not enrolled")}
        if enrolment.state != EnrolmentState.ACTIVE:
            return {"used": False, "begun": True, "note": str(enrolment.get_state_display())}
        ends = enrolment.until
        note = _("Enrolled through %(day)s") % {"day": day_text(ends)} if ends else _("Enrolled")
        return {
            "used": True,
            "begun": True,
            "note": note,
            "ends_at": platform_time.end_of(ends) if ends else None,
        }

    def of_certificates(self, right: MemberRight) -> dict[str, Any]:
        """Count certificates of a type that count now; the first that ends is the one to renew."""
        held = self.certificates.get(right.subject, [])
        ends = [one.valid_until for one in held if one.valid_until]
        note = ngettext("%(n)s verified", "%(n)s verified", len(held)) % {
            "n": number_text(len(held))
        }
        return {
            "used": bool(held),
            "note": note if held else _("None verified"),
            "total": len(held),
            "ends_at": min(ends, default=None),
        }

    def of_labels(self, right: MemberRight) -> dict[str, Any]:
        """Tell how many of the two labels buyers see."""
        shown = len(self.strength.facts.labels)
        return {
            "used": self.strength.complete,
            "note": _("%(n)s of %(total)s shown") % {"n": shown, "total": LABELS},
            "left": LABELS - shown,
            "total": LABELS,
        }

    def of_metric(self, right: MemberRight) -> dict[str, Any]:
        """Compare a number with what makes use of the right."""
        value = self.numbers.get(right.subject)
        used = value is not None and value >= right.at_least
        if value is None or value <= 1:
            return {"used": used, "note": _("Set up") if used else pgettext("right", "Not yet")}
        return {"used": used, "note": number_text(value), "total": int(value)}

    def of_membership(self, right: MemberRight) -> dict[str, Any]:
        """Say that it comes with the membership."""
        return {"used": True, "note": _("Included")}
