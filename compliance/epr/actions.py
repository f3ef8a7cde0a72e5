"""What EPR makes worth doing next, for the home page (UI-2, EPR-11)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.ending_numbers import EndingNumber, ending_numbers
from compliance.epr.overview_page import Step, steps
from compliance.epr.shop_overview import shop_facts
from portal import platform_time
from portal.addresses import reverse
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import ESSENTIAL, NextAction, register_next_actions
from portal.templatetags.portal_ui import number_text

NUMBERS_SHOWN = 3


@register_next_actions
def epr_actions(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Numbers that lack, certificates that end, products of which we only assume what they contain."""
    facts = shop_facts(seller)
    now = facts.coverage.at
    overview = facts.at(now)
    if member.can(Action.UPLOAD_CERTIFICATE):
        for step in steps(overview)[:NUMBERS_SHOWN]:
            yield _number_action(step, overview.live)
        yield from map(_ending_action, ending_numbers(facts, now))
    if overview.assumed and member.can(Action.EDIT_PRODUCTS):
        yield _confirm_action(overview.assumed)


def _number_action(step: Step, live: int) -> NextAction:
    cell = step.view.cell
    return NextAction(
        title=step.title,
        url=step.url,
        loses=f"{step.why} {step.when}".strip(),
        due=_due(step),
        # Late means that the time registering takes is longer than what is left.
        weight=(ESSENTIAL if step.late else 60) + 15 * cell.lacking // max(live, 1),
        icon="recycle",
        button=step.button,
    )


def _due(step: Step) -> datetime | None:
    """Return the last moment to begin registering, or once that is over the interruption itself."""
    by = step.view.cell.register_before
    if step.registers and by is not None and not step.late:
        return platform_time.end_of(by)
    return step.view.cell.interrupts_at


def _ending_action(one: EndingNumber) -> NextAction:
    return NextAction(
        title=one.title,
        url=one.url,
        loses=one.why,
        due=one.at,
        weight=75,
        icon="calendar-x",
        button=_("Upload the number"),
    )


def _confirm_action(products: int) -> NextAction:
    text = ngettext(
        "Of %(n)s live product we only assume it: you see which numbers it really needs",
        "Of %(n)s live products we only assume it: you see which numbers they really need",
        products,
    )
    return NextAction(
        title=_("Confirm what your products contain"),
        url=reverse("compliance:traits"),
        gain=text % {"n": number_text(products)},
        weight=40,
        icon="ui-checks",
        button=_("Confirm by category"),
    )
