"""Who of a shop may act on RFQs (K-7)."""

from __future__ import annotations

from django.utils.translation import gettext as _

from portal.choices import Action
from portal.errors import NotAllowed
from portal.models import Member
from rfq.models import Quote


def may_quote(member: Member) -> None:
    """Raise `NotAllowed` unless the member's role lets it quote."""
    if not member.can(Action.QUOTE):
        raise NotAllowed(_("Your role in this shop does not allow quoting."))


def may_act_on(member: Member, quote: Quote) -> None:
    """Raise `NotAllowed` unless the member may quote and the quote is of the member's shop."""
    may_quote(member)
    if quote.seller_id != member.seller_id:
        raise NotAllowed(_("This quote is another shop's."))
