"""Declarations that are overdue or due soon, for the home page (UI-2, EPR-9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from django.utils.translation import gettext as _

from compliance.certificates.reading import certificates_of
from compliance.choices import ObligationState
from compliance.obligations.reading import Obligation, calendar_of
from portal import platform_time
from portal.addresses import reverse
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions
from portal.templatetags.portal_ui import day_text

DUE_WITHIN = timedelta(days=14)
SHOWN = 3


@register_next_actions
def declare(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """What has to be declared first: overdue, then due within two weeks; three queries."""
    if not member.can(Action.EDIT_PRODUCTS):
        return
    calendar = calendar_of(platform_time.now(), certificates_of(seller))
    soon = [
        one
        for one in calendar.due
        if one.due.due_on <= calendar.today + DUE_WITHIN and one.can_be_ticked
    ]
    for one in [*calendar.overdue, *soon][:SHOWN]:
        yield _action(one)


def _action(one: Obligation) -> NextAction:
    overdue = one.state == ObligationState.OVERDUE
    text = _("It was due on %(day)s; registers charge for delays") if overdue else _(
        "Due by %(day)s; registers charge for delays"
    )  # fmt: skip
    return NextAction(
        # Translators: {registration} is country and category, {period} such as "August 2022"
        title=_("Declare %(registration)s, %(period)s")
        % {"registration": one.registration.name, "period": one.period},
        url=f"{reverse('compliance:calendar')}?registration={one.certificate.pk}",
        loses=text % {"day": day_text(one.due.due_on)},
        due=platform_time.end_of(one.due.due_on),
        weight=75 if overdue else 65,
        icon="calendar-check",
        button=_("Open the calendar"),
    )
