"""Unsolicited offers on RFQ Pro: sellers who were not invited offer, staff evaluate (RFQ-3)."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import SellerStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.cells import CellError, safe_text
from portal.models import Member, Seller, User
from portal.scoping import seller_scope, unscoped
from portal.services import audit
from portal.services.notices import notice_send
from portal.services.rulebooks import RulebookMissing, rulebook_for
from rfq.choices import Grade, OfferStatus
from rfq.market.access import closed, restricted
from rfq.market.schema import MARKET
from rfq.models import Rfq, RfqInvitation, UnsolicitedOffer
from rfq.services.roles import may_quote

PERMISSION = "rfq.change_unsolicitedoffer"
MAX_TITLE, MAX_MESSAGE = 200, 4000
LEAST_PRICE, TOO_MUCH = Decimal("0.0001"), Decimal(10) ** 10
PLACES = Decimal("0.0001")


def offers_until(rfq: Rfq) -> datetime | None:
    """Return the last instant at which offers are taken; none for what is no RFQ Pro. One query."""
    if rfq.grade != Grade.PRO:
        return None
    try:
        rules = rulebook_for(MARKET, platform_time.day_of(rfq.posted_at)).content
    except RulebookMissing:
        return None
    return rfq.posted_at + timedelta(hours=rules.offer_hours)


def offer_refusal(*, seller: Seller, rfq: Rfq, now: datetime) -> Refusal | None:
    """Return why a shop cannot offer on an RFQ now, or none; at most three queries (RFQ-3).

    Codes: `seller_restricted`, `closed`, `not_pro`, `invited`, `already_offered`, `offers_closed`.
    """
    if seller.status != SellerStatus.ACTIVE:
        return restricted(seller.status)
    if (refusal := closed(rfq, now)) is not None:
        return refusal
    until = offers_until(rfq)
    if until is None:
        return Refusal("not_pro", _("Unsolicited offers are for RFQ Pro: quote this one instead."))
    with seller_scope(seller):
        if RfqInvitation.objects.filter(rfq=rfq).exists():
            return Refusal("invited", _("The buyer has invited your shop: quote instead."))
        if UnsolicitedOffer.objects.filter(rfq=rfq).exists():
            return _already_offered()
    if now > until:
        return Refusal(
            "offers_closed", _("Offers were taken in the first hours after posting only.")
        )
    return None


def offer_submit(
    *, member: Member, rfq: Rfq, title: str, price: Decimal, message: str
) -> UnsolicitedOffer:
    """Offer on an RFQ Pro without invitation, once, within the hours of the rules (RFQ-3).

    `price` is USD for one unit. Raises `NotAllowed`, `InvalidInput` naming `title`, `price` or
    `message`, and what `offer_refusal` says; nothing is kept then.
    """
    may_quote(member)
    title, price, message = _checked(title, price, message)
    now = platform_time.now()
    with seller_scope(member.seller), transaction.atomic():
        held = Rfq.objects.select_for_update(no_key=True).get(pk=rfq.pk)
        seller = Seller.objects.get(pk=member.seller_id)
        if (refusal := offer_refusal(seller=seller, rfq=held, now=now)) is not None:
            raise refusal
        try:
            with transaction.atomic():
                offer = UnsolicitedOffer.objects.create(
                    rfq=held,
                    seller=seller,
                    title=title,
                    price=price,
                    message=message,
                    submitted_at=now,
                    submitted_by=member.user,
                )
        except IntegrityError:
            raise _already_offered() from None
        audit.record(
            action="offer.submit",
            actor=member.user,
            obj=offer,
            after={"rfq": held.rfq_id, "title": title, "price": price},
        )
    return offer


def _already_offered() -> Refusal:
    return Refusal("already_offered", _("Your shop has made its offer on this RFQ."))


def _checked(title: str, price: Decimal, message: str) -> tuple[str, Decimal, str]:
    problems: list[tuple[str, str]] = []
    texts = {}
    for name, raw, most in (("title", title, MAX_TITLE), ("message", message, MAX_MESSAGE)):
        try:
            texts[name] = safe_text(raw.replace("\r\n", "\n"), most)
        except CellError as error:
            problems.append((name, str(error)))
        else:
            if not texts[name]:
                problems.append((name, _("Must not be empty.")))
    if not (price.is_finite() and LEAST_PRICE <= price < TOO_MUCH):
        problems.append(("price", _("Must be greater than 0.")))
    elif price != price.quantize(PLACES):
        problems.append(("price", _("Has more than four decimal places.")))
    if problems:
        raise InvalidInput(problems)
    return texts["title"], price, texts["message"]


def offer_decide(
    *, actor: User, offer: UnsolicitedOffer, accepted: bool, answer: str
) -> UnsolicitedOffer:
    """Accept an offer, which invites the shop, or decline it; the shop is told (RFQ-3).

    Once. Needs `rfq.change_unsolicitedoffer`. Raises `InvalidInput` when a refusal lacks its answer,
    `already_decided`, and `closed` when there is nothing left to be invited to.
    """
    if not actor.has_perm(PERMISSION):
        raise NotAllowed(_("You may not decide offers."))
    answer = answer.replace("\r\n", "\n").strip()
    if not accepted and not answer:
        raise InvalidInput([("answer", _("Say why: the seller reads it."))])
    now = platform_time.now()
    status = OfferStatus.ACCEPTED if accepted else OfferStatus.DECLINED
    with unscoped(), transaction.atomic():
        rfq = Rfq.objects.select_for_update(no_key=True).get(pk=offer.rfq_id)
        if accepted and (refusal := closed(rfq, now)) is not None:
            raise refusal
        waiting = UnsolicitedOffer.objects.filter(pk=offer.pk, status=OfferStatus.SUBMITTED)
        if not waiting.update(status=status, decided_at=now, decided_by=actor, answer=answer):
            raise Refusal("already_decided", _("This offer has been decided already."))
        decided = UnsolicitedOffer.objects.select_related("seller").get(pk=offer.pk)
        if accepted:
            RfqInvitation.objects.get_or_create(
                rfq=rfq, seller=decided.seller, defaults={"invited_at": now}
            )
        audit.record(
            action="offer.decide",
            actor=actor,
            obj=decided,
            before={"status": OfferStatus.SUBMITTED},
            after={"status": status},
            seller=decided.seller.member_id,
            answer=answer,
        )
        _tell(decided, rfq)
    return decided


def _tell(offer: UnsolicitedOffer, rfq: Rfq) -> None:
    kind = "offer_accepted" if offer.status == OfferStatus.ACCEPTED else "offer_declined"
    notice_send(
        kind=kind,
        key=f"offer:{offer.pk}",
        params={"rfq": rfq.rfq_id, "title": rfq.title, "answer": offer.answer or "–"},
        link=reverse("rfq:rfq", args=[rfq.rfq_id]),
        seller=offer.seller,
    )
