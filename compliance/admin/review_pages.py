"""The page on which a certificate is decided: its files beside its fields, and the decisions (EPR-7, UI-7).

Deciding takes two steps: what was chosen is shown as the seller will read it, then confirmed. The digest
travels from the page that was looked at, so that a confirmation approves nothing newer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.certificates.types import TYPE_RULES
from compliance.choices import CertificateStatus, CertificateType, ReasonKind
from compliance.models import Certificate, ReviewReason
from compliance.review.reading import case_file, next_waiting, register_name
from compliance.services.reviews import (
    MAX_CODE,
    MAX_TEXT,
    PERMISSION,
    certificate_approve,
    certificate_claim,
    certificate_reject,
    certificate_release,
    certificate_revoke,
    decision_reason,
)
from portal.admin.own_pages import OwnSheet, add_refusal
from portal.country_names import country_name
from portal.errors import InvalidInput, Refusal
from portal.models import User
from portal.templatetags.portal_ui import day_text

APPROVE, REJECT, REVOKE = "approve", "reject", "revoke"


class ApproveForm(forms.Form):
    """An approval of what was seen."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)


class ReasonForm(forms.Form):
    """Why: a canned reason, own words below it, or both."""

    code = forms.ChoiceField(label=gettext_lazy("Reason"))
    text_en = forms.CharField(
        label=gettext_lazy("In your own words (English)"),
        required=False,
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    text_zh = forms.CharField(
        label=gettext_lazy("In your own words (Chinese)"),
        required=False,
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("The seller reads them below the reason; one language is enough."),
    )

    def __init__(self, *args: Any, kind: ReasonKind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reasons = ReviewReason.objects.filter(kind=kind, active=True)
        choices = [(one.code, f"{one.code}: {_first_sentence(one.text)}") for one in reasons]
        # "Other" explains nothing by itself, so it comes last.
        choices.sort(key=lambda choice: choice[0] == "other")
        self.fields["code"].choices = [("", "–"), *choices]  # type: ignore[attr-defined]
        self.fields["code"].max_length = MAX_CODE  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Ask for words where the reason says nothing by itself."""
        cleaned = super().clean() or {}
        words = cleaned.get("text_en") or cleaned.get("text_zh")
        if cleaned.get("code") == "other" and not words:
            self.add_error("text_en", _("Write what the seller is told."))
        return cleaned


def _first_sentence(text: str) -> str:
    for end in (". ", "。"):
        text = text.partition(end)[0]
    return text.rstrip(".")[:80]


class ReviewPages(OwnSheet):
    """What the admin of certificates does with a single one."""

    queue: Callable[[], str]
    own_pages = {
        "claim": "<int:pk>/claim/",
        "release": "<int:pk>/release/",
        "decide": "<int:pk>/decide/<slug:decision>/",
        "next": "next/",
    }

    def sheet(self, request: HttpRequest, certificate: Certificate) -> HttpResponse:
        """Show a certificate for its review."""
        return self._review(request, certificate)

    # --- Claiming -------------------------------------------------------------------------------

    def claim_view(self, request: Any, pk: int) -> HttpResponse:
        """Take a certificate into review, or over from a reviewer who left it lying."""
        return self._do(request, pk, certificate_claim)

    def release_view(self, request: Any, pk: int) -> HttpResponse:
        """Put a certificate back into the queue."""
        return self._do(request, pk, certificate_release)

    def _do(self, request: Any, pk: int, service: Callable[..., Any]) -> HttpResponse:
        certificate = self._certificate(request, pk)
        if request.method == "POST":
            try:
                service(actor=request.user, certificate=certificate)
            except Refusal as refusal:
                messages.error(request, str(refusal))
        return HttpResponseRedirect(_address(certificate))

    # --- Deciding -------------------------------------------------------------------------------

    def decide_view(self, request: Any, pk: int, decision: str) -> HttpResponse:
        """Show what a decision does and what the seller reads, then take it when confirmed."""
        certificate = self._certificate(request, pk)
        if decision not in (APPROVE, REJECT, REVOKE):
            raise Http404
        if request.method != "POST":
            return HttpResponseRedirect(_address(certificate))
        form = _form(decision, request.POST)
        if not form.is_valid():
            return self._review(request, certificate, **{f"{decision}_form": form})
        try:
            if "confirmed" not in request.POST:
                return self._ask(request, certificate, decision, form)
            _decide(request.user, certificate, decision, form.cleaned_data)
        except InvalidInput as refusal:
            add_refusal(form, refusal)
            return self._review(request, certificate, **{f"{decision}_form": form})
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(_address(certificate))
        return self._decided(request, certificate, decision)

    def _ask(
        self, request: Any, certificate: Certificate, decision: str, form: forms.Form
    ) -> HttpResponse:
        """Show what a decision would do."""
        reason = None
        if decision != APPROVE:
            reason = decision_reason(kind=_kind(decision), **form.cleaned_data)
        titles = {
            APPROVE: _("Approve this certificate?"),
            REJECT: _("Reject this certificate?"),
            REVOKE: _("Revoke this certificate?"),
        }
        replaced = Certificate.objects.filter(
            seller=certificate.seller_id,
            type=certificate.type,
            country=certificate.country,
            category=certificate.category,
            number=certificate.number,
            status=CertificateStatus.VERIFIED,
        ).exclude(pk=certificate.pk)
        return self.page(
            request,
            "decide",
            titles[decision],
            certificate=certificate,
            number_name=_number_name(certificate),
            decision=decision,
            case=case_file(certificate, reviewer=request.user) if decision == APPROVE else None,
            reason=reason,
            fields=form.cleaned_data.items(),
            replaced=replaced.first() if decision == APPROVE else None,
            back=_address(certificate),
        )

    def _decided(self, request: Any, certificate: Certificate, decision: str) -> HttpResponse:
        """Say what was done and open what is next; after revoking stay."""
        now = Certificate.objects.get(pk=certificate.pk)
        number = {"number": certificate.number_typed}
        if decision == REVOKE:
            messages.success(request, _("%(number)s is revoked; the gate is closed.") % number)
            return HttpResponseRedirect(_address(certificate))
        if decision == REJECT:
            messages.success(request, _("%(number)s is rejected; the seller is told.") % number)
        elif now.status == CertificateStatus.VERIFIED:
            messages.success(request, _("%(number)s is approved and counts from now.") % number)
        else:
            text = _("%(number)s waits for its second approval by another reviewer.")
            messages.success(request, text % number)
        return self._next(request)

    def next_view(self, request: Any) -> HttpResponse:
        """Open what is due first."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        return self._next(request)

    def _next(self, request: Any) -> HttpResponse:
        pk = next_waiting(request.user)
        if pk is None:
            messages.info(request, _("Nothing else waits for you."))
            return HttpResponseRedirect(self.queue())
        return HttpResponseRedirect(reverse("admin:compliance_certificate_change", args=[pk]))

    # --- Shared ---------------------------------------------------------------------------------

    def _certificate(self, request: Any, pk: int) -> Certificate:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        certificate = Certificate.objects.select_related("seller").filter(pk=pk).first()
        if certificate is None:
            raise Http404
        return certificate

    def _review(self, request: Any, certificate: Certificate, **bound: forms.Form) -> HttpResponse:
        """Render the page of a review, with a form that was refused as it was sent."""
        case = case_file(certificate, reviewer=request.user)
        may = request.user.has_perm(PERMISSION) and not case.own_shop
        mine = certificate.claimed_by_id == request.user.pk
        waiting = certificate.status == CertificateStatus.SUBMITTED
        in_review = certificate.status == CertificateStatus.IN_REVIEW
        verified = certificate.shown_status(case.now) == CertificateStatus.VERIFIED
        may_decide, may_revoke = may and in_review and mine, may and verified
        forms_shown = {
            "reject_form": ReasonForm(kind=ReasonKind.REJECT) if may_decide else None,
            "revoke_form": ReasonForm(kind=ReasonKind.REVOKE) if may_revoke else None,
        }
        return self.page(
            request,
            "review",
            _kind_of(certificate),
            certificate=certificate,
            number_name=_number_name(certificate),
            case=case,
            fields=_fields(certificate),
            status=certificate.shown_status(case.now),
            register=register_name(case.match.register) if case.match else "",
            may_claim=may and waiting and certificate.first_approved_by_id != request.user.pk,
            may_take_over=may and in_review and not mine and case.claim_is_old,
            may_decide=may_decide,
            may_revoke=may_revoke,
            **forms_shown | bound,
        )


def _form(decision: str, data: Any) -> forms.Form:
    if decision == APPROVE:
        return ApproveForm(data)
    return ReasonForm(data, kind=_kind(decision))


def _kind(decision: str) -> ReasonKind:
    return ReasonKind.REJECT if decision == REJECT else ReasonKind.REVOKE


def _decide(actor: User, certificate: Certificate, decision: str, cleaned: dict[str, Any]) -> None:
    services: dict[str, Callable[..., Any]] = {
        APPROVE: certificate_approve,
        REJECT: certificate_reject,
        REVOKE: certificate_revoke,
    }
    services[decision](actor=actor, certificate=certificate, **cleaned)


def _address(certificate: Certificate) -> str:
    return reverse("admin:compliance_certificate_change", args=[certificate.pk])


def _number_name(certificate: Certificate) -> str:
    return str(TYPE_RULES[CertificateType(certificate.type)].number_name)


def _kind_of(certificate: Certificate) -> str:
    if certificate.type == CertificateType.EPR:
        return f"{country_name(certificate.country)} · {certificate.get_category_display()}"
    return str(certificate.name or certificate.get_type_display())


def _fields(certificate: Certificate) -> list[tuple[str, Any]]:
    """Return what the seller filled in, in the order of the form; empty fields are left out."""
    whose = _("The shop's own") if certificate.own else _("An upstream supplier's")
    rows = [
        (_("Type"), certificate.get_type_display()),
        (_("Name"), certificate.name),
        (_("Certified entity"), certificate.entity_name),
        (_("Registered company"), certificate.company_name),
        (_("Whose number"), whose if certificate.type == CertificateType.EPR else ""),
        (_("Issued on"), day_text(certificate.issued_on)),
        (_("Last day"), day_text(certificate.expires_on) if certificate.expires_on else ""),
        (_("Scope (English)"), certificate.scope_en),
        (_("Scope (Chinese)"), certificate.scope_zh),
        (_("Brands"), ", ".join(certificate.brands)),
        (_("Kinds of device"), ", ".join(certificate.device_types)),
        (_("CAS numbers"), ", ".join(certificate.cas_numbers)),
    ]
    return [(name, value) for name, value in rows if value]
