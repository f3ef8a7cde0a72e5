"""What penalties make worth doing next: appeal while the time runs, stop before the limit (CMP-6, CMP-8)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db.models import Case, Q, QuerySet, When
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.models import Violation
from compliance.penalties.points import counting
from compliance.penalties.reading import books_by_version, rule_name, rules_today
from compliance.penalties.words import points_text
from compliance.services.penalties import STANDING
from portal import platform_time
from portal.addresses import reverse
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions
from portal.prepared_reads import prepared

SHOWN = 3
"""Appeals offered at once: those whose time ends first."""
NEAR = 0.75
"""From this share of the limit on a shop is told that the next penalties close it."""


@register_next_actions
def penalties(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Penalties against which the owner can still appeal, and the points of all; one query."""
    now = platform_time.now()
    found = [_Standing(*row) for row in _standing(seller.pk, now)]
    if member.can(Action.APPEAL):
        yield from _appeals([one for one in found if one.may_appeal][:SHOWN])
    yield from _near_the_limit(sum(one.points for one in found if one.counts), now)


class _Standing(NamedTuple):
    """A violation that stands, as far as actions need it."""

    pk: int
    rule: str
    rulebook: str
    points: int
    appeal_until: datetime
    counts: bool
    may_appeal: bool


@prepared
def _standing(seller_id: int, now: datetime) -> QuerySet[Violation, Any]:
    appealable = Q(appeal__isnull=True, penalised_at__lte=now, appeal_until__gt=now)
    return (
        Violation.objects.filter(STANDING, counting(now) | appealable, seller=seller_id)
        .annotate(
            counts=Case(When(counting(now), then=True), default=False),
            may_appeal=Case(When(appealable, then=True), default=False),
        )
        .order_by("appeal_until", "pk")
        .values_list(*_Standing._fields)
    )


def _appeals(open_ones: list[_Standing]) -> Iterator[NextAction]:
    books = books_by_version() if open_ones else {}
    for one in open_ones:
        loses = (
            _("Without an appeal in time, %(points)s stay") % {"points": points_text(one.points)}
            if one.points
            else _("Without an appeal in time it counts when the rule is broken again")
        )
        yield NextAction(
            title=_("Not right? Appeal: %(rule)s") % {"rule": rule_name(one, books)},
            url=f"{reverse('compliance:violation', args=[one.pk])}#appeal",
            loses=loses,
            due=one.appeal_until,
            weight=min(95, 50 + one.points),
            icon="shield-exclamation",
            button=_("Look at it"),
        )


def _near_the_limit(points: int, now: datetime) -> Iterator[NextAction]:
    """A shop whose next penalties close it."""
    rules = rules_today(now)
    if rules is None or not NEAR * rules.closes_at <= points < rules.closes_at:
        return
    left = rules.closes_at - points
    yield NextAction(
        title=_("%(points)s of %(limit)d: see what the next time costs")
        % {"points": points_text(points), "limit": rules.closes_at},
        url=f"{reverse('compliance:violations')}#ladders",
        loses=ngettext("%(n)d more point closes the shop", "%(n)d more points close the shop", left)
        % {"n": left},
        weight=90,
        icon="shield-exclamation",
        button=_("See the ladders"),
    )
