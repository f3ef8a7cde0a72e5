"""Ticking declarations, and the secret address of the calendar (EPR-9); requests are beside (EPR-10).

Decided (K-7): a tick is day-to-day work that can be taken back, so whoever edits products may set
it; a viewer may not. The calendar's address lets people without an account read, so only who manages
the shop's people may make or remove it.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import date

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from compliance.models import CalendarFeed, Certificate, Declaration
from compliance.obligations.dues import DueDay
from compliance.obligations.reading import (
    HORIZON,
    LOOK_BACK,
    Registration,
    dues_of,
    epr_books,
    registrations_of,
)
from compliance.services.service_requests import (
    service_request_answer,
    service_request_cancel,
    service_request_make,
    service_request_take,
)
from portal import platform_time
from portal.choices import Action, Role, SellerStatus
from portal.errors import InvalidInput, NotAllowed
from portal.models import Member, Seller
from portal.scoping import seller_scope, unscoped
from portal.services import audit

__all__ = [
    "declaration_tick",
    "feed_create",
    "feed_remove",
    "feed_seller",
    "feeds_live",
    "service_request_answer",
    "service_request_cancel",
    "service_request_make",
    "service_request_take",
    "token_digest",
]

TOKEN_BYTES = 32


# --- Ticks --------------------------------------------------------------------------------------


@transaction.atomic
def declaration_tick(
    *, member: Member, certificate: Certificate, due_on: date, done: bool = True
) -> Declaration | None:
    """Note that a period was declared, or take that back; again changes nothing (EPR-9).

    Returns the tick, or none when it was taken back. A tick belongs to the registration: any of its
    certificates names it. Raises `InvalidInput` (`due_on`) for a day on which the registration owes
    nothing, also because it has ended, and for a period that is not over yet.
    """
    if not member.can(Action.EDIT_PRODUCTS):
        raise NotAllowed(_("Your role does not allow you to tick declarations."))
    with seller_scope(member.seller):
        # Under the shop's lock, so that a double click finds the first one's row.
        Seller.objects.select_for_update(no_key=True).get(pk=member.seller_id)
        now = platform_time.now()
        registration = next(
            (one for one in registrations_of(now) if certificate.pk in one.pks), None
        )
        today = platform_time.day_of(now)
        due = _due_on(registration, due_on, today) if registration else None
        if registration is None or due is None:
            text = _("This registration has nothing to declare on that day.")
            raise InvalidInput([("due_on", text)])
        if done and not due.can_be_made(today):
            text = _("This cannot be declared yet: the period is not over.")
            raise InvalidInput([("due_on", text)])
        ticks = Declaration.objects.filter(certificate_id__in=registration.pks, due_on=due_on)
        tick = ticks.select_related("declared_by").first()
        if done and tick is None:
            tick = Declaration.objects.create(
                certificate=registration.certificate,
                due_on=due_on,
                declared_at=now,
                declared_by=member.user,
            )
            _record("declaration.tick", member, registration.certificate, due_on)
        elif not done and tick is not None:
            ticks.delete()
            _record("declaration.untick", member, registration.certificate, due_on)
        return tick if done else None


def _due_on(registration: Registration, due_on: date, today: date) -> DueDay | None:
    """Return what a registration owes on a day of its calendar."""
    dues = dues_of(registration, epr_books(), today - LOOK_BACK, today + HORIZON)
    return next((due for due in dues if due.due_on == due_on), None)


def _record(action: str, member: Member, certificate: Certificate, due_on: date) -> None:
    done = action == "declaration.tick"
    audit.record(
        action=action,
        actor=member.user,
        obj=certificate,
        before={"declared": not done},
        after={"declared": done},
        due_on=due_on.isoformat(),
    )


# --- The calendar's address ---------------------------------------------------------------------


@transaction.atomic
def feed_create(*, member: Member) -> str:
    """Make the secret address of the shop's calendar, or a new one instead of the old (EPR-9).

    Returns the token, which is never shown again: only its SHA-256 is kept.
    """
    _may_share(member)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with seller_scope(member.seller):
        Seller.objects.select_for_update(no_key=True).get(pk=member.seller_id)
        feed, created = CalendarFeed.objects.update_or_create(
            seller=member.seller,
            defaults={
                "token_hash": token_digest(token),
                "created_at": platform_time.now(),
                "created_by": member.user,
            },
        )
        action = "calendar_feed.create" if created else "calendar_feed.renew"
        audit.record(action=action, actor=member.user, obj=feed)
    return token


@transaction.atomic
def feed_remove(*, member: Member) -> bool:
    """Let the calendar's address lead nowhere; return whether there was one (EPR-9)."""
    _may_share(member)
    with seller_scope(member.seller):
        feed = CalendarFeed.objects.select_for_update(of=("self",)).first()
        if feed is None:
            return False
        audit.record(action="calendar_feed.remove", actor=member.user, obj=feed)
        feed.delete()
    return True


def _may_share(member: Member) -> None:
    if not member.can(Action.MANAGE_MEMBERS):
        raise NotAllowed(_("Only the owner of the shop can share its calendar."))


def token_digest(token: str) -> str:
    """Return the SHA-256 under which a token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def feeds_live() -> QuerySet[CalendarFeed]:
    """Return the feeds in scope that are answered.

    One ends with its maker's membership: a former owner, who knows the address, reads no more (K-8).
    """
    makers = Member.everywhere.filter(
        user=OuterRef("created_by"), seller=OuterRef("seller"),
        role=Role.OWNER, is_active=True, user__is_active=True,
    )  # fmt: skip
    return CalendarFeed.objects.exclude(seller__status=SellerStatus.CLOSED).filter(Exists(makers))


def feed_seller(token: str) -> Seller | None:
    """Return the shop a calendar's token belongs to; none for any other text, or a feed that ended."""
    with unscoped():
        feed = feeds_live().filter(token_hash=token_digest(token)).select_related("seller").first()
    return feed.seller if feed else None
