"""A basic seller asks to become verified, and staff follow up (GRO-15).

One request per shop is open at a time, by constraint, so a double click asks once. How a request goes on
is in `portal.services.shop_requests`.
"""

from __future__ import annotations

import re
from datetime import datetime

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from growth.membership.reading import rights_rules
from growth.models import UpgradeRequest
from portal import platform_time
from portal.bilingual import in_both
from portal.choices import OPEN_REQUESTS, Action, Membership, RequestStatus, SellerStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Seller, User
from portal.scoping import seller_scope
from portal.services import audit
from portal.services.shop_requests import (
    MAX_ANSWER,
    RequestKind,
    request_answer,
    request_cancel,
    request_take,
    request_tell,
    request_text,
)

__all__ = [
    "MAX_ANSWER",
    "answer_due_at",
    "open_request",
    "upgrade_request_answer",
    "upgrade_request_cancel",
    "upgrade_request_make",
    "upgrade_request_take",
]

PERMISSION = "growth.change_upgraderequest"
WORKING_DAYS = 3
"""Where no rulebook says how soon staff answer."""
MAX_CONTACT, MAX_PHONE, MAX_WISHES = 80, 40, 1000
LEAST_DIGITS = 5
_PHONE = re.compile(r"[+(]?[0-9][0-9 ()./x-]*")
UPGRADE = RequestKind(
    name="upgrade_request",
    permission=PERMISSION,
    stamps=("handled_at", "handled_by"),
)


def answer_due_at(asked_at: datetime) -> datetime:
    """Return the instant by which staff follow up: working days of 09:00–18:00 in China (K-4, GRO-15)."""
    rules = rights_rules(platform_time.day_of(asked_at))
    days = rules.answer_working_days if rules else WORKING_DAYS
    return platform_time.add_working_days(asked_at, days)


def open_request() -> UpgradeRequest | None:
    """Return the request of the shop in scope that staff still work on, or none."""
    request: UpgradeRequest | None = UpgradeRequest.objects.filter(status__in=OPEN_REQUESTS).first()
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
                after={"status": RequestStatus.NEW, "due_at": request.due_at.isoformat()},
            )
    except IntegrityError:
        text = _("Your shop has asked already; your account manager will call.")
        raise Refusal("already_requested", text) from None
    return request


def upgrade_request_cancel(*, member: Member, request: UpgradeRequest) -> UpgradeRequest:
    """Take back a request that staff have not begun with; refuses `not_open` otherwise."""
    return request_cancel(UPGRADE, member=member, request=request)


def _refuse_unless_basic(seller: Seller) -> None:
    if seller.status == SellerStatus.CLOSED:
        raise Refusal("shop_closed", _("This shop is closed."))
    if seller.membership == Membership.VERIFIED:
        raise Refusal("already_verified", _("Your shop is a verified supplier already."))


def _checked(contact: str, phone: str, wishes: str) -> dict[str, str]:
    problems: list[tuple[str, str]] = []
    clean = {
        "contact": request_text("contact", contact, MAX_CONTACT, problems),
        "phone": request_text("phone", phone, MAX_PHONE, problems),
        "wishes": request_text("wishes", wishes, MAX_WISHES, problems),
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


# --- Staff --------------------------------------------------------------------------------------


@transaction.atomic
def upgrade_request_take(*, actor: User, request: UpgradeRequest) -> UpgradeRequest:
    """Begin with a request, so that nobody else does; the shop is told. Refuses `not_open`."""
    taken = request_take(UPGRADE, actor=actor, request=request, stamped=True)
    _tell(taken, in_both(_taken_text))
    return taken


@transaction.atomic
def upgrade_request_answer(
    *, actor: User, request: UpgradeRequest, answer: str, status: str = RequestStatus.IN_PROGRESS
) -> UpgradeRequest:
    """Answer a request and leave it in progress, finish it, or turn it down; the shop is told.

    Raises `InvalidInput` without an answer or for another status; refuses `not_open` when it is over.
    """
    done = request_answer(UPGRADE, actor=actor, request=request, answer=answer, status=status)
    _tell(done, done.answer)
    return done


def _taken_text() -> str:
    return _("Your account manager has taken it on and will call you.")


def _tell(request: UpgradeRequest, answer: str | dict[str, str]) -> None:
    request_tell(request, notice="upgrade_answered", answer=answer, link=reverse("growth:rights"))
