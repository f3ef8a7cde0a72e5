"""What EPR makes worth doing next, for the home page (UI-2, EPR-11)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.bilingual import registration_text
from compliance.coverage import Registration
from compliance.impact import CertificateImpact, certificate_impact
from compliance.overview_page import Step, country_name, steps, upload_url
from compliance.shop_overview import ShopFacts, shop_facts
from portal import platform_time
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions
from portal.templatetags.portal_ui import day_text, number_text

NUMBERS_SHOWN = 3
ENDS_WITHIN = timedelta(days=60)
"""A certificate that ends this soon is worth renewing: registers take weeks."""


@register_next_actions
def epr_actions(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Numbers that lack, certificates that end, products of which we only assume what they contain."""
    facts = shop_facts(seller)
    now = facts.coverage.at
    overview = facts.at(now)
    if member.can(Action.UPLOAD_CERTIFICATE):
        for step in steps(overview)[:NUMBERS_SHOWN]:
            yield _number_action(step, overview.live)
        yield from _ending_actions(facts, now)
    if overview.assumed and member.can(Action.EDIT_PRODUCTS):
        yield _confirm_action(overview.assumed)


def _number_action(step: Step, live: int) -> NextAction:
    cell = step.view.cell
    return NextAction(
        title=step.title,
        url=step.url,
        loses=f"{step.why} {step.when}".strip(),
        due=_due(step),
        weight=70 + 20 * cell.lacking // max(live, 1),
        icon="recycle",
        button=step.button,
    )


def _due(step: Step) -> datetime | None:
    """Return the last moment to begin registering, or once that is over the interruption itself."""
    by = step.view.cell.register_before
    if step.registers and by is not None and not step.late:
        return platform_time.end_of(by)
    return step.view.cell.interrupts_at


def _ending_actions(facts: ShopFacts, now: datetime) -> Iterator[NextAction]:
    for row in facts.coverage.registrations:
        if not row.counts_at(now) or row.valid_until is None:
            continue
        if row.valid_until > now + ENDS_WITHIN:
            continue
        impact = certificate_impact(facts, row, now)
        if impact.depending and not impact.successors:
            yield _ending_action(row, impact, row.valid_until)


def _ending_action(row: Registration, impact: CertificateImpact, end: datetime) -> NextAction:
    n = impact.depending
    text = ngettext(
        "%(n)s live product has no other number for %(country)s after %(day)s.",
        "%(n)s live products have no other number for %(country)s after %(day)s.",
        n,
    )
    # Its last day: the end is the first instant after it.
    last_day = platform_time.day_of(end - timedelta(microseconds=1))
    return NextAction(
        title=_("Renew the number: %(name)s")
        % {"name": registration_text(row.country, row.category)},
        url=upload_url(row.country, row.category),
        loses=text
        % {"n": number_text(n), "country": country_name(row.country), "day": day_text(last_day)},
        due=end,
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
