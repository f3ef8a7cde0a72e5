"""Choosing the two strength labels (GRO-16).

Decided (K-7): labels say how the shop presents itself. That is none of what K-7 keeps for the owner and
more than products and quotes, so the owner and managers choose. The shop's row is locked meanwhile: of two
people at the same moment the second one finds what the first chose.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from growth.membership.strength_reading import Strength, chosen_labels, strength_of
from growth.membership.supplier_card import LABELS
from growth.models import StrengthLabel
from portal import platform_time
from portal.choices import Membership, Role, SellerStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Seller
from portal.scoping import seller_scope
from portal.services import audit

CHOOSERS = (Role.OWNER, Role.MANAGER)


def may_choose_labels(member: Member) -> bool:
    """Tell whether a member's role lets it choose the shop's labels."""
    return member.is_active and member.role in CHOOSERS


def strength_labels_choose(
    *, member: Member, labels: Sequence[str], seen: Sequence[str] | None = None
) -> list[str]:
    """Choose exactly two labels of the catalogue, in the order they are shown; return them (GRO-16).

    `seen` is what was chosen when the person looked: raises `stale` when somebody chose others
    meanwhile. Raises `NotAllowed` unless owner or manager; `InvalidInput` (`labels`) unless they are two
    different ones of the catalogue; refuses `not_verified`, `label_unavailable` naming what a label asks
    for, `shop_closed`. Nothing is changed then. The same choice again changes nothing.
    """
    if not may_choose_labels(member):
        raise NotAllowed(_("Only the owner and managers choose the shop's labels."))
    wanted = list(labels)
    with seller_scope(member.seller), transaction.atomic():
        seller = Seller.objects.select_for_update(no_key=True).get(pk=member.seller_id)
        _refuse_unless_verified(seller)
        before = chosen_labels(member.seller)
        if seen is not None and list(seen) != before and wanted != before:
            raise Refusal(
                "stale", _("Somebody chose other labels meanwhile. Look at them, then choose.")
            )
        _check(strength_of(seller), wanted)
        if wanted == before:
            return before
        now = platform_time.now()
        StrengthLabel.objects.all().delete()
        StrengthLabel.objects.bulk_create(
            StrengthLabel(seller=seller, place=place, label=label, chosen_at=now)
            for place, label in enumerate(wanted, start=1)
        )
        audit.record(
            action="strength_labels.choose",
            actor=member.user,
            obj=seller,
            before={"labels": ", ".join(before)},
            after={"labels": ", ".join(wanted)},
        )
    return wanted


def _refuse_unless_verified(seller: Seller) -> None:
    if seller.status == SellerStatus.CLOSED:
        raise Refusal("shop_closed", _("This shop is closed."))
    if seller.membership != Membership.VERIFIED:
        raise Refusal("not_verified", _("Strength labels are for verified sellers."))


def _check(strength: Strength, wanted: list[str]) -> None:
    known = {reading.entry.key: reading for reading in strength.labels}
    if unknown := [key for key in wanted if key not in known]:
        text = _("There is no label “%(label)s”.") % {"label": unknown[0][:60]}
        raise InvalidInput([("labels", text)])
    if len(wanted) != LABELS or len(set(wanted)) != LABELS:
        raise InvalidInput([("labels", _("Choose exactly two different labels."))])
    for key in wanted:
        reading = known[key]
        if not reading.available:
            text = _("“%(label)s” asks for: %(proof)s.") % {
                "label": reading.entry.title,
                "proof": reading.entry.proof,
            }
            raise Refusal("label_unavailable", text, fields=[("labels", text)])
