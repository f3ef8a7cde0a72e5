"""A basic seller asks to become verified, and staff follow up (GRO-15).

Decided (K-7): asking leads to an order that costs money, so it is the owner's, like enrolling. One request
per shop is open at a time, by constraint, so a double click asks once.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from growth.choices import OPEN_UPGRADES, UPGRADE_TRANSITIONS, UpgradeStatus
from growth.membership.reading import rights_rules
from growth.models import UpgradeRequest
from portal import platform_time
from portal.bilingual import in_both
from portal.choices import ROLE_ACTIONS, Action, Membership, SellerStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.cells import CellError, safe_text
from portal.models import Member, Seller, User
from portal.platform_time import WORK_ENDS, WORK_STARTS
from portal.scoping import seller_scope, unscoped
from portal.services import audit
from portal.services.notices import notice_send

PERMISSION = "growth.change_upgraderequest"
WORKING_DAY = timedelta(hours=WORK_ENDS.hour - WORK_STARTS.hour)
WORKING_DAYS = 3
"""Where no rulebook says how soon staff answer."""
MAX_CONTACT, MAX_PHONE, MAX_WISHES, MAX_ANSWER = 80, 40, 1000, 2000
LEAST_DIGITS = 5
_PHONE = re.compile(r"[+(]?[0-9][0-9 ()./x-]*")


def answer_due_at(asked_at: datetime) -> datetime:
    """Return the instant by which staff follow up: working days of 09:00–18:00 in China (K-4, GRO-15)."""
    rules = rights_rules(platform_time.day_of(asked_at))
    days = rules.answer_working_days if rules else WORKING_DAYS
    return platform_time.add_working_time(asked_at, WORKING_DAY * days)


def open_request() -> UpgradeRequest | None:
    """Return the request of the shop in scope that staff still work on, or none."""
    request: UpgradeRequest | None = UpgradeRequest.objects.filter(status__in=OPEN_UPGRADES).first()
    return request


# --- The shop -----------------------------------------------------------------------------------


def upgrade_request_make(
    *, member: Member, contact: str, phone: str, wishes: str = ""
) -> UpgradeRequest:
    """Ask staff to call about becoming verified (GRO-15).

    Raises `NotAllowed` for anybody but the owner; `InvalidInput` naming `contact`, `phone` or `wishes`;
    refuses `already_verified`, `already_requested` while an earlier request is open, `shop_closed`.
    Nothing is kept then.
    """
    if not member.can(Action.ENROL):
        raise NotAllowed(_("Only the owner of the shop can ask for the upgrade."))
    fields = _checked(contact, phone, wishes)
    now = platform_time.now()
    try:
        with seller_scope(member.seller), transaction.atomic():
            seller = Seller.objects.select_for_update(no_key=True).get(pk=member.seller_id)
            _refuse_unless_basic(seller)
            request = UpgradeRequest.objects.create(
                seller=seller,
                asked_at=now,
                asked_by=member.user,
                due_at=answer_due_at(now),
                **fields,
            )
            # Name and number stay in the row, which can be cleaned; the trail cannot.
            audit.record(
                action="upgrade_request.make",
                actor=member.user,
                obj=request,
                after={"status": UpgradeStatus.NEW, "due_at": request.due_at.isoformat()},
            )
    except IntegrityError:
        text = _("Your shop has asked already; your account manager will call.")
        raise Refusal("already_requested", text) from None
    return request


@transaction.atomic
def upgrade_request_cancel(*, member: Member, request: UpgradeRequest) -> UpgradeRequest:
    """Take back a request that staff have not begun with; refuses `not_open` otherwise."""
    if not member.can(Action.ENROL):
        raise NotAllowed(_("Only the owner of the shop can take back a request."))
    with seller_scope(member.seller):
        return _move(
            request,
            UpgradeStatus.CANCELLED,
            actor=member.user,
            action="upgrade_request.cancel",
            only_from=UpgradeStatus.NEW,
        )


def _refuse_unless_basic(seller: Seller) -> None:
    if seller.status == SellerStatus.CLOSED:
        raise Refusal("shop_closed", _("This shop is closed."))
    if seller.membership == Membership.VERIFIED:
        raise Refusal("already_verified", _("Your shop is a verified supplier already."))


def _checked(contact: str, phone: str, wishes: str) -> dict[str, str]:
    problems: list[tuple[str, str]] = []
    clean = {
        "contact": _text("contact", contact, MAX_CONTACT, problems),
        "phone": _text("phone", phone, MAX_PHONE, problems),
        "wishes": _text("wishes", wishes, MAX_WISHES, problems),
    }
    wrong = {name for name, _problem in problems}
    if not clean["contact"] and "contact" not in wrong:
        problems.append(("contact", _("Whom may we ask for?")))
    digits = sum(char.isdigit() for char in clean["phone"])
    if "phone" not in wrong and (digits < LEAST_DIGITS or not _PHONE.fullmatch(clean["phone"])):
        problems.append(("phone", _("Write a phone number such as +86 571 8502 2088.")))
    if problems:
        raise InvalidInput(problems)
    return clean


def _text(field: str, text: str, most: int, problems: list[tuple[str, str]]) -> str:
    try:
        return safe_text(text.replace("\r\n", "\n"), most)
    except CellError as error:
        problems.append((field, str(error)))
        return ""


# --- Staff --------------------------------------------------------------------------------------


@transaction.atomic
def upgrade_request_take(*, actor: User, request: UpgradeRequest) -> UpgradeRequest:
    """Begin with a request, so that nobody else does; the shop is told. Refuses `not_open`."""
    _may_work(actor)
    with unscoped():
        taken = _move(
            request,
            UpgradeStatus.IN_PROGRESS,
            actor=actor,
            action="upgrade_request.take",
            only_from=UpgradeStatus.NEW,
            handled=True,
        )
        _tell(taken, in_both(_taken_text))
    return taken


@transaction.atomic
def upgrade_request_answer(
    *, actor: User, request: UpgradeRequest, answer: str, status: str = UpgradeStatus.IN_PROGRESS
) -> UpgradeRequest:
    """Answer a request and leave it in progress, finish it, or turn it down; the shop is told.

    Raises `InvalidInput` without an answer or for another status; refuses `not_open` when it is over.
    """
    _may_work(actor)
    problems: list[tuple[str, str]] = []
    answer = _text("answer", answer, MAX_ANSWER, problems)
    if not answer and not problems:
        problems.append(("answer", _("Write what the shop is told.")))
    if status not in UPGRADE_TRANSITIONS[UpgradeStatus.NEW]:
        problems.append(("status", _("Choose how far the request is.")))
    if problems:
        raise InvalidInput(problems)
    with unscoped():
        request = _move(
            request,
            UpgradeStatus(status),
            actor=actor,
            action="upgrade_request.answer",
            handled=True,
            answer=answer,
        )
        _tell(request, answer)
    return request


def _taken_text() -> str:
    return _("Your account manager has taken it on and will call you.")


def _may_work(actor: User) -> None:
    if not actor.has_perm(PERMISSION):
        raise NotAllowed(_("You may not work on upgrade requests."))


def _move(
    request: UpgradeRequest,
    status: UpgradeStatus,
    *,
    actor: User,
    action: str,
    only_from: str = "",
    handled: bool = False,
    **fields: Any,
) -> UpgradeRequest:
    """Bring an open request to a status by compare-and-set; staying in progress is no step."""
    sources = {source for source, targets in UPGRADE_TRANSITIONS.items() if status in targets}
    if status == UpgradeStatus.IN_PROGRESS:
        sources.add(status)
    if only_from:
        sources &= {only_from}
    if handled:
        fields |= {"handled_at": platform_time.now(), "handled_by": actor}
    held = UpgradeRequest.objects.filter(pk=request.pk)
    before = held.values_list("status", flat=True).first()
    if before not in sources or not held.filter(status=before).update(status=status, **fields):
        raise Refusal("not_open", _("This request has gone on in the meantime; look at it again."))
    request.refresh_from_db()
    audit.record(
        action=action,
        actor=actor,
        obj=request,
        before={"status": before},
        after={"status": status, **({"answer": request.answer} if "answer" in fields else {})},
    )
    return request


def _tell(request: UpgradeRequest, answer: str | dict[str, str]) -> None:
    roles = [role for role, actions in ROLE_ACTIONS.items() if Action.ENROL in actions]
    members = Member.everywhere.filter(
        seller_id=request.seller_id, role__in=roles, is_active=True
    ).select_related("user")
    said = hashlib.sha256(f"{request.status}:{answer}".encode()).hexdigest()[:16]
    notice_send(
        kind="upgrade_answered",
        key=f"upgrade_answered:{request.pk}:{said}",
        params={"status": in_both(request.get_status_display), "answer": answer},
        link=reverse("growth:rights"),
        members=members,
    )
