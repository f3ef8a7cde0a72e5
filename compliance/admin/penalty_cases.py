"""The page of one case: what was found beside what the shop says, for violations and appeals (CMP-8, UI-7)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy

from compliance.choices import AppealStatus
from compliance.models import Violation
from compliance.penalties.reading import books_by_version, shown, violations_read
from compliance.review.reading import ShownFile
from compliance.services.penalty_cases import MAX_TEXT
from compliance.services.violations import points_of
from portal import platform_time
from portal.admin.own_pages import OwnSheet
from portal.models import Dispute, Member, Order


class NoteForm(forms.Form):
    """Words that go with a decision."""

    note = forms.CharField(
        label=gettext_lazy("What the shop is told"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 5, "cols": 80}),
    )


class CasePages(OwnSheet):
    """What the admins of violations and of appeals share."""

    page_folder = "compliance/violation"

    def violation_or_404(self, request: HttpRequest, pk: int) -> Violation:
        """Return a violation to somebody who may see it."""
        if not request.user.has_perm("compliance.view_violation"):
            raise PermissionDenied
        violation = violations_read().select_related("penalised_by").filter(pk=pk).first()
        if violation is None:
            raise Http404
        return violation

    def case(self, request: Any, violation: Violation) -> HttpResponse:
        """Show a case with the decisions this person may take."""
        now = platform_time.now()
        one = shown(violation, books_by_version(), now)
        appeal = getattr(violation, "appeal", None)
        own_shop = Member.everywhere.filter(user=request.user, seller=violation.seller_id).exists()
        may_change = request.user.has_perm("compliance.change_violation") and not own_shop
        waits = appeal is not None and appeal.status == AppealStatus.OPEN
        return self.page(
            request,
            "case",
            f"{one.name} · {violation.seller.member_id}",
            shown=one,
            violation=violation,
            appeal=appeal,
            appeal_files=_files(appeal),
            evidence_files=_files(violation),
            order=order_facts(violation.order),
            points=points_of(violation.seller),
            own_shop=own_shop,
            may_decide=waits and not own_shop and request.user.has_perm("compliance.change_appeal"),
            may_overturn=may_change and not one.overturned,
            may_publish=may_change and not one.overturned,
            may_end=may_change,
            now=now,
        )


def _files(owner: Any) -> list[ShownFile]:
    return [] if owner is None else [ShownFile("", one.file) for one in owner.files.all()]


def order_facts(order: Order | None) -> dict[str, Any] | None:
    """Return what staff need of an order: its amount, how it was paid, and its disputes."""
    if order is None:
        return None
    disputes = Dispute.objects.filter(order=order).order_by("opened_at")
    return {"row": order, "disputes": list(disputes)}


def case_address(pk: int) -> str:
    """Return the address of a case in the admin."""
    return reverse("admin:compliance_violation_change", args=[pk])
