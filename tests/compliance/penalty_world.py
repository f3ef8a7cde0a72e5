"""Penalties for the tests: confirming them, and what they did to a shop."""

from __future__ import annotations

from datetime import date
from typing import Any

from auditlog.models import LogEntry
from django.db import connection

from compliance.models import Appeal, PenaltyEffect, Violation
from compliance.penalties.points import POINTS_SQL
from compliance.services.violations import appeal_make, violation_confirm
from portal import platform_time
from portal.models import Member, Notice, Seller, SellerFlag, StoredFile, User
from portal.scoping import unscoped

CONTACT, REFUSING, PHONES = "off_platform_contact", "refusing_trade_assurance", "phone_evasion"
GOODS, DRUGS, FALSE_PRICE = "prohibited_goods", "drugs_severe", "false_price"
IMPROPER = "improper_trading"

STATEMENT = "The buyer asked for an order without Trade Assurance; see the chat."
EVIDENCE = "“Add me on WhatsApp”, chat of yesterday"


def confirm(staff: User, seller: Seller, rule: str = CONTACT, **over: Any) -> Violation:
    """Confirm a violation, as staff do."""
    return violation_confirm(
        actor=staff, seller=seller, rule=rule, **{"evidence": EVIDENCE, **over}
    )


def appeal(member: Member, violation: Violation, **over: Any) -> Appeal:
    """Appeal, as the owner of a shop does."""
    fields: dict[str, Any] = {"reason": "buyer_asked", "text": STATEMENT, "files": []} | over
    return appeal_make(member=member, violation=violation, **fields)


def costs(violations: list[Violation]) -> list[tuple[int, int]]:
    """Return which time each was, and its points."""
    return [(one.step, one.points) for one in violations]


def kinds(violation: Violation) -> list[tuple[str, str]]:
    """Return the effects of a penalty: kind and service."""
    with unscoped():
        return [(one.kind, one.service) for one in violation.effects.order_by("pk")]


def flags(seller: Seller) -> list[tuple[str, date, date | None]]:
    """Return what other modules read about the shop: code, first and last day."""
    rows = SellerFlag.objects.filter(seller=seller).order_by("code", "since")
    return list(rows.values_list("code", "since", "until"))


def status_of(seller: Seller) -> str:
    """Return the shop's status as it is stored."""
    seller.refresh_from_db()
    return seller.status


def points_by_sql(day: date) -> dict[int, int]:
    """Return shop → points at the end of a day, as the night counts them."""
    ends = connection.ops.adapt_datetimefield_value(platform_time.end_of(day))
    with connection.cursor() as cursor:
        cursor.execute(POINTS_SQL.format(sellers="1 = 1"), {"ends": ends})
        return {seller: int(value) for seller, value in cursor.fetchall()}


def state() -> tuple[int, ...]:
    """Return how much there is of everything a decision writes: a refusal changes none of it."""
    with unscoped():
        models = (Violation, PenaltyEffect, Appeal, StoredFile, SellerFlag, Notice, LogEntry)
        return (
            *(model.objects.count() for model in models),
            Appeal.objects.filter(status="open").count(),
        )
