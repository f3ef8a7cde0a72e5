"""What screening makes worth doing next: forbidden words, marks to answer for (UI-2, CMP-3, CMP-5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.choices import MarkCaseState, TermEffect
from compliance.models import MarkCase, ProductHit
from compliance.services.rule_classes import classes_in_force
from portal.addresses import reverse
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions
from portal.prepared_reads import prepared_counts


@register_next_actions
def screening_actions(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Live products with forbidden words, and open cases of marks; one query."""
    if not member.can(Action.EDIT_PRODUCTS):
        return
    products, cases = _found(day)
    if products:
        text = ngettext(
            "%(n)s live product has forbidden words",
            "%(n)s live products have forbidden words",
            products,
        )
        yield NextAction(
            title=text % {"n": products},
            url=reverse("compliance:words"),
            loses=_(
                "Products under forbidden rules are taken down and penalised with up to 48 points."
            ),
            weight=95,
            icon="shield-exclamation",
            button=_("Look at them"),
        )
    if cases:
        text = ngettext(
            "%(n)s title names a protected mark", "%(n)s titles name protected marks", cases
        )
        yield NextAction(
            title=text % {"n": cases},
            url=reverse("compliance:marks"),
            loses=_("Infringements cost points and can close the shop."),
            weight=90,
            icon="c-circle",
            button=_("Answer"),
        )


@prepared_counts
def _found(day: date) -> Iterator[QuerySet]:
    """Count the products of the shop with words that are forbidden on a day, and its open cases of marks."""
    forbidding = classes_in_force(day).filter(effect=TermEffect.FORBID)
    hits = ProductHit.objects.filter(rule_class__in=forbidding)
    yield hits.values("product").distinct()
    yield MarkCase.objects.filter(state=MarkCaseState.OPEN).values("pk")
