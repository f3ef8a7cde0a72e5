"""Pages of the diagnosis: card with trend, and all scan results (GRO-11)."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from growth.diagnosis.changes import change_ahead
from growth.diagnosis.page import (
    card_of,
    item_cards,
    trend_plot,
    unlocks,
)
from growth.diagnosis.reading import (
    DiagnosisReading,
    diagnosis_access,
    diagnosis_history,
    diagnosis_reading,
)
from growth.diagnosis.rules import Diagnosis
from portal.http import MemberRequest
from portal.views.base import SellerPage


class DiagnosisPageBase(SellerPage):
    """A page that says what opens the diagnosis to shops that do not see it yet."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the diagnosis as of the newest published day, or what opens it; constant queries."""
        access = diagnosis_access(request.seller)
        if access.open:
            return self.show(request, diagnosis_reading(request.seller))
        context = {"access": access, "unlocks": unlocks(access)}
        return render(request, "growth/diagnosis_locked.html", context)

    def show(self, request: MemberRequest, reading: DiagnosisReading) -> HttpResponse:
        """Show a diagnosis the shop may see."""
        raise NotImplementedError


class DiagnosisPage(DiagnosisPageBase):
    """Growth score, the most rewarding suggestions and the trend."""

    def show(self, request: MemberRequest, reading: DiagnosisReading) -> HttpResponse:
        """Show the card with the days before."""
        context = {
            "reading": reading,
            "card": card_of(reading),
            "plot": trend_plot(diagnosis_history(request.seller)),
            "change": change_ahead(reading),
        }
        return render(request, "growth/diagnosis.html", context)


class DiagnosisItemsPage(DiagnosisPageBase):
    """All scan results: suggestions, what is reached, what cannot be compared."""

    def show(self, request: MemberRequest, reading: DiagnosisReading) -> HttpResponse:
        """Show every item of the rulebook."""
        context: dict[str, Any] = {"reading": reading}
        if (found := reading.diagnosis) is not None:
            context |= {
                "groups": _groups(found),
                "number": len(found.items),
                "weights": found.weights,
            }
        return render(request, "growth/diagnosis_items.html", context)


def _groups(found: Diagnosis) -> list[dict[str, Any]]:
    groups = (
        ("suggestions", _("To be improved"), "arrow-up-right", found.suggestions),
        ("reached", _("Benchmark reached"), "check-circle", found.reached),
        ("left-out", _("Not compared"), "dash-circle", found.left_out),
    )
    return [
        {"key": key, "title": title, "icon": icon, "rows": item_cards(results)}
        for key, title, icon, results in groups
        if results
    ]
