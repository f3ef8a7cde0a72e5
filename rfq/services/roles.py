"""Who of a shop may act on RFQs (K-7)."""

from __future__ import annotations

from django.utils.translation import gettext as _

from portal.choices import Action
from portal.errors import NotAllowed
from portal.models import Member


def may_quote(member: Member) -> None:
    """Raise `NotAllowed` unless the member's role lets it quote."""
    if not member.can(Action.QUOTE):
        raise NotAllowed(_("Your role in this shop does not allow quoting."))
