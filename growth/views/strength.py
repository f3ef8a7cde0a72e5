"""Strength labels, and the cards buyers see (GRO-16)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from growth.membership.strength_reading import Strength, affiliation_rules, strength_of
from growth.membership.strength_texts import card_line
from growth.membership.supplier_card import LABELS
from growth.services.strength_labels import may_choose_labels, strength_labels_choose
from portal import platform_time
from portal.errors import Refusal
from portal.http import MemberRequest
from portal.views.base import SellerPage


class LabelsPage(SellerPage):
    """The catalogue of labels; verified sellers choose two."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show it with what is chosen."""
        strength = strength_of(request.seller)
        return self._show(request, strength, list(strength.chosen))

    def post(self, request: MemberRequest) -> HttpResponse:
        """Choose; or show the form again with what was ticked."""
        if not may_choose_labels(request.member):
            raise PermissionDenied(_("Your role in this shop does not allow this."))
        ticked = request.POST.getlist("labels")
        seen = [key for key in request.POST.get("seen", "").split("|") if key]
        try:
            strength_labels_choose(member=request.member, labels=ticked, seen=seen)
        except Refusal as refusal:
            strength = strength_of(request.seller)
            return self._show(
                request, strength, ticked, problem=_text(refusal), status=refusal.http_status
            )
        messages.success(request, _("Chosen. Buyers see both labels at once."))
        return redirect("growth:supplier-card")

    def _show(
        self,
        request: MemberRequest,
        strength: Strength,
        ticked: list[str],
        *,
        problem: str = "",
        status: int = 200,
    ) -> HttpResponse:
        context: dict[str, Any] = {
            "strength": strength,
            "ticked": ticked,
            "seen": "|".join(strength.chosen),
            "needed": LABELS,
            "may_choose": strength.verified and may_choose_labels(request.member),
            "problem": problem,
        }
        return render(request, "growth/strength_labels.html", context, status=status)


def _text(refusal: Refusal) -> str:
    return refusal.fields[0][1] if refusal.fields else str(refusal)


class CardPage(SellerPage):
    """Preview of the supplier card and of the card on the product page."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show both as buyers see them, and what found no place."""
        strength = strength_of(request.seller)
        card = strength.product_card
        shown = {number.entry.key for number in card.online}
        entries = strength.rules.online if strength.rules else []
        ways = affiliation_rules(platform_time.today())
        context: dict[str, Any] = {
            "strength": strength,
            "supplier": strength.supplier_card,
            "online": [card_line(number) for number in card.online],
            "missing": [entry.title for entry in entries if entry.key not in shown],
            "offline": [card_line(number) for number in card.offline],
            "waiting": [card_line(number) for number in card.waiting],
            "labels": card.labels,
            "ways": ways.ways if ways else [],
            "may_choose": strength.verified and may_choose_labels(request.member),
        }
        return render(request, "growth/supplier_card.html", context)
