"""Asking staff for a registration service, and their answer (EPR-10).

Offer, title and price are copied: what was asked for stays what it was. One request per offer is open at
a time, by constraint, so a double click asks once. How a request goes on is in
`portal.services.shop_requests`.
"""

from __future__ import annotations

from datetime import date

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from compliance.models import ServiceRequest
from compliance.obligations.services_schema import SERVICES, ServiceOffer, ServiceRules
from portal import platform_time
from portal.choices import Action, RequestStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, User
from portal.scoping import seller_scope
from portal.services import audit
from portal.services.rulebooks import RulebookMissing, rulebook_for, rulebooks_published
from portal.services.shop_requests import (
    MAX_ANSWER,
    Problems,
    RequestKind,
    request_answer,
    request_cancel,
    request_take,
    request_tell,
    request_text,
)

PERMISSION = "compliance.change_servicerequest"
MAX_TEXT = MAX_ANSWER
SERVICE = RequestKind(
    name="service_request",
    permission=PERMISSION,
    stamps=("answered_at", "answered_by"),
)


def service_rules(day: date) -> ServiceRules | None:
    """Return what is offered on a Pacific day; none before the first offers."""
    try:
        content: ServiceRules = rulebook_for(SERVICES, day).content
    except RulebookMissing:
        return None
    return content


def services_from(day: date) -> date | None:
    """Return the next day from which services are offered, when they are not yet."""
    days = (book.effective_from for book in rulebooks_published(SERVICES))
    return min((first for first in days if first > day), default=None)


# --- The shop -----------------------------------------------------------------------------------


def service_request_make(*, member: Member, offer: str, note: str = "") -> ServiceRequest:
    """Ask staff for a service by its code in the rulebook in force (EPR-10).

    Raises `NotAllowed` for anybody but the owner; `InvalidInput` naming `offer` or `note`; `Refusal`:
    `not_offered` before there are services and for one withdrawn, `already_requested` while an earlier
    request for the same is open. Nothing is kept then.
    """
    if not member.can(Action.ENROL):
        raise NotAllowed(_("Only the owner of the shop can ask for a service."))
    wanted = service_offer(offer, platform_time.today())
    problems: Problems = []
    note = request_text("note", note, MAX_TEXT, problems)
    if problems:
        raise InvalidInput(problems)
    try:
        with seller_scope(member.seller), transaction.atomic():
            request = ServiceRequest.objects.create(
                seller=member.seller,
                offer=wanted.code,
                title_en=wanted.name_en,
                title_zh=wanted.name_zh,
                price_cny=wanted.price_cny,
                note=note,
                asked_at=platform_time.now(),
                asked_by=member.user,
            )
            after = {"offer": wanted.code, "price_cny": wanted.price_cny}
            audit.record(action="service_request.make", actor=member.user, obj=request, after=after)
    except IntegrityError:
        text = _("Your shop has asked for this service already; staff will answer.")
        raise Refusal("already_requested", text) from None
    return request


def service_offer(code: str, day: date) -> ServiceOffer:
    """Return what can be asked for on a day, or refuse as `service_request_make` says."""
    rules = service_rules(day)
    if rules is None:
        raise Refusal("not_offered", _("Registration services are not offered yet."))
    found = rules.offer(code)
    if found is None:
        raise InvalidInput([("offer", _("There is no such service."))])
    if not found.offered_on(day):
        raise Refusal("not_offered", _("This service is no longer offered."))
    return found


def service_request_cancel(*, member: Member, request: ServiceRequest) -> ServiceRequest:
    """Take back a request that staff have not begun with; refuses `not_open` otherwise (EPR-10)."""
    return request_cancel(SERVICE, member=member, request=request)


# --- Staff --------------------------------------------------------------------------------------


def service_request_take(*, actor: User, request: ServiceRequest) -> ServiceRequest:
    """Begin with a request, so that nobody else does; refuses `not_open` (EPR-10)."""
    return request_take(SERVICE, actor=actor, request=request)


@transaction.atomic
def service_request_answer(
    *, actor: User, request: ServiceRequest, answer: str, status: str = RequestStatus.IN_PROGRESS
) -> ServiceRequest:
    """Answer a request and leave it in progress, finish it, or turn it down; the shop is told (EPR-10).

    Raises `InvalidInput` without an answer or for another status; refuses `not_open` when it is over.
    """
    done = request_answer(SERVICE, actor=actor, request=request, answer=answer, status=status)
    request_tell(
        done,
        notice="service_answered",
        answer=done.answer,
        link=reverse("compliance:services"),
        service={"en": done.title_en, "zh": done.title_zh},
    )
    return done
