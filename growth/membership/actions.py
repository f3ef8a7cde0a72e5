"""What strength labels make worth doing next, for the home page (UI-2, GRO-16)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from growth.membership.strength_reading import chosen_labels, lost_labels, strength_rules
from growth.membership.supplier_card import LABELS
from growth.services.strength_labels import may_choose_labels
from portal.addresses import reverse
from portal.choices import Membership
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions
from portal.templatetags.portal_ui import list_text


@register_next_actions
def strength_labels(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Choose both labels, or others for those that are no longer proven (GRO-16)."""
    if seller.membership != Membership.VERIFIED or not may_choose_labels(member):
        return
    rules = strength_rules(day)
    if rules is None:
        return
    chosen = chosen_labels(seller)
    lost = lost_labels(seller, chosen, rules) if len(chosen) == LABELS else []
    if len(chosen) == LABELS and not lost:
        return
    yield NextAction(
        # Translators: 实力标签
        title=_("Choose other strength labels") if lost else _("Choose your two strength labels"),
        url=reverse("growth:strength-labels"),
        loses=_("Buyers no longer see: %(labels)s") % {"labels": list_text(lost)} if lost else "",
        gain="" if lost else _("Buyers see them in search and on every product page"),
        weight=45 if lost else 35,
        icon="patch-check",
        button=pgettext("button", "Choose"),
    )
