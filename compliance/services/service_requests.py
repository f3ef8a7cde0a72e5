"""Asking staff for a registration service, and their answer (EPR-10).

Decided (K-7): asking leads to an order that costs money, so it is the owner's, like enrolling in a
programme. Offer, title and price are copied: what was asked for stays what it was. One request per
offer is open at a time, by constraint, so a double click asks once.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from compliance.choices import REQUEST_TRANSITIONS, RequestStatus
from compliance.models import ServiceRequest
from compliance.obligations.services_schema import SERVICES, ServiceOffer, ServiceRules
from portal import platform_time
from portal.bilingual import in_both
from portal.choices import ROLE_ACTIONS, Action
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.cells import CellError, safe_text
from portal.models import Member, User
from portal.scoping import seller_scope, unscoped
from portal.services import audit
from portal.services.notices import notice_send
from portal.services.rulebooks import RulebookMissing, rulebook_for, rulebooks_published

PERMISSION = "compliance.change_servicerequest"
MAX_TEXT = 2000


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
    note = _text("note", note)
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


@transaction.atomic
def service_request_cancel(*, member: Member, request: ServiceRequest) -> ServiceRequest:
    """Take back a request that staff have not begun with; refuses `not_open` otherwise (EPR-10)."""
    if not member.can(Action.ENROL):
        raise NotAllowed(_("Only the owner of the shop can take back a request."))
    with seller_scope(member.seller):
        return _move(
            request,
            RequestStatus.CANCELLED,
            actor=member.user,
            action="service_request.cancel",
            only_from=RequestStatus.NEW,
        )


# --- Staff --------------------------------------------------------------------------------------


@transaction.atomic
def service_request_take(*, actor: User, request: ServiceRequest) -> ServiceRequest:
    """Begin with a request, so that nobody else does; refuses `not_open` (EPR-10)."""
    _may_work(actor)
    with unscoped():
        return _move(
            request,
            RequestStatus.IN_PROGRESS,
            actor=actor,
            action="service_request.take",
            only_from=RequestStatus.NEW,
        )


@transaction.atomic
def service_request_answer(
    *, actor: User, request: ServiceRequest, answer: str, status: str = RequestStatus.IN_PROGRESS
) -> ServiceRequest:
    """Answer a request and leave it in progress, finish it, or turn it down; the shop is told (EPR-10).

    Raises `InvalidInput` without an answer or for another status; refuses `not_open` when it is over.
    """
    _may_work(actor)
    answer = _text("answer", answer)
    if not answer:
        raise InvalidInput([("answer", _("Write what the shop is told."))])
    if status not in (RequestStatus.IN_PROGRESS, RequestStatus.DONE, RequestStatus.CANCELLED):
        raise InvalidInput([("status", _("Choose how far the request is."))])
    with unscoped():
        fields = {
            "answer": answer,
            "answered_at": platform_time.now(),
            "answered_by": actor,
        }
        request = _move(
            request,
            RequestStatus(status),
            actor=actor,
            action="service_request.answer",
            fields=fields,
        )
        _tell(request)
    return request


def _may_work(actor: User) -> None:
    if not actor.has_perm(PERMISSION):
        raise NotAllowed(_("You may not work on service requests."))


def _move(
    request: ServiceRequest,
    status: RequestStatus,
    *,
    actor: User,
    action: str,
    only_from: str = "",
    fields: dict[str, Any] | None = None,
) -> ServiceRequest:
    """Bring an open request to a status by compare-and-set; staying in progress is no step."""
    sources = {source for source, targets in REQUEST_TRANSITIONS.items() if status in targets}
    if status == RequestStatus.IN_PROGRESS:
        sources.add(status)
    if only_from:
        sources &= {only_from}
    held = ServiceRequest.objects.filter(pk=request.pk)
    before = held.values_list("status", flat=True).first()
    if before not in sources or not held.filter(status=before).update(
        status=status, **(fields or {})
    ):
        raise Refusal("not_open", _("This request has gone on in the meantime; look at it again."))
    request.refresh_from_db()
    audit.record(
        action=action,
        actor=actor,
        obj=request,
        before={"status": before},
        after={"status": status, **({"answer": request.answer} if fields else {})},
    )
    return request


def _tell(request: ServiceRequest) -> None:
    roles = [role for role, actions in ROLE_ACTIONS.items() if Action.ENROL in actions]
    members = Member.everywhere.filter(
        seller_id=request.seller_id, role__in=roles, is_active=True
    ).select_related("user")
    said = hashlib.sha256(f"{request.status}:{request.answer}".encode()).hexdigest()[:16]
    notice_send(
        kind="service_answered",
        key=f"service_answered:{request.pk}:{said}",
        params={
            "service": {"en": request.title_en, "zh": request.title_zh},
            "status": in_both(request.get_status_display),
            "answer": request.answer,
        },
        link=reverse("compliance:services"),
        members=members,
    )


def _text(field: str, text: str) -> str:
    try:
        return safe_text(text, MAX_TEXT)
    except CellError as error:
        raise InvalidInput([(field, str(error))]) from None
