"""Certificates of the shop: the list, one of them, and what can be done with it (EPR-4, CRT-1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import django_filters
from django import forms
from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from compliance.certificates.numbers import normalised_number
from compliance.certificates.reading import (
    certificate_countries,
    certificates_to_show,
    days_left,
    files_of_kind,
    reason_of,
    status_filter,
)
from compliance.certificates.types import TYPE_RULES
from compliance.choices import (
    CertificateEventKind,
    CertificateStatus,
    CertificateType,
    EprCategory,
    FileKind,
)
from compliance.models import Certificate
from compliance.models.certificates import WAITING
from compliance.services.certificates import (
    EDITABLE,
    certificate_delete,
    certificate_submit,
    certificate_take_back,
)
from portal import platform_time
from portal.choices import Action
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.models import Member
from portal.templatetags.portal_ui import instant_texts
from portal.views.base import SellerPage
from portal.views.lists import page_of

Status = CertificateStatus
ENDED = (Status.EXPIRED, Status.REVOKED, Status.REPLACED)
COVERED_SHOWN = 50
TONES = {
    Status.DRAFT: "muted",
    Status.SUBMITTED: "info",
    Status.IN_REVIEW: "info",
    Status.VERIFIED: "ok",
    Status.REJECTED: "danger",
    Status.EXPIRED: "warn",
    Status.REVOKED: "danger",
    Status.REPLACED: "muted",
}
ENDING_SOON_DAYS = 30


def certificate_or_404(pk: int) -> Certificate:
    """Return one of the shop's certificates with what pages show of it."""
    rows = certificates_to_show().select_related("replaces", "seller")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def submitted_message(certificate: Certificate) -> str:
    """Return what is said after submitting: until when it is decided, and what it renews."""
    decided_by = instant_texts(certificate.due_at)[0] if certificate.due_at else ""
    text = _("Submitted. A reviewer decides by %(at)s.") % {"at": decided_by}
    if certificate.replaces is None:
        return text
    renewal = _("This number is verified already: it stays so until this one takes its place.")
    return f"{text} {renewal}"


# --- The list -----------------------------------------------------------------------------------


def _tabs(now: datetime) -> list[tuple[str, Any, Q]]:
    """Return (value of `tab`, name, condition) of each tab."""
    ended = Q()
    for status in ENDED:
        ended |= status_filter(status, now)
    return [
        ("", _("All"), Q()),
        ("drafts", _("Drafts"), Q(status=Status.DRAFT)),
        ("waiting", _("In review"), Q(status__in=WAITING)),
        ("verified", pgettext("certificate", "Verified"), status_filter(Status.VERIFIED, now)),
        ("rejected", _("Rejected"), Q(status=Status.REJECTED)),
        ("ended", _("Ended"), ended),
    ]


def _select() -> forms.Select:
    return forms.Select(attrs={"class": "form-select"})


class CertificateFilter(django_filters.FilterSet):
    """Certificates by number, type, country and category."""

    q = django_filters.CharFilter(
        method="keep_words",
        label=gettext_lazy("Number or company"),
        widget=forms.TextInput(attrs={"class": "form-control", "type": "search"}),
    )
    type = django_filters.ChoiceFilter(
        choices=CertificateType.choices,
        label=gettext_lazy("Type"),
        empty_label=gettext_lazy("All"),
        widget=_select(),
    )
    country = django_filters.ChoiceFilter(
        choices=certificate_countries,
        label=gettext_lazy("Country"),
        empty_label=gettext_lazy("All"),
        widget=_select(),
    )
    category = django_filters.ChoiceFilter(
        choices=EprCategory.choices,
        label=gettext_lazy("EPR category"),
        empty_label=gettext_lazy("All"),
        widget=_select(),
    )

    class Meta:
        model = Certificate
        fields = ["q", "type", "country", "category"]

    def keep_words(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        """Keep those whose number begins so, or whose names hold the words."""
        named = Q(entity_name__icontains=value) | Q(company_name__icontains=value)
        named |= Q(name__icontains=value)
        number = normalised_number(value)
        return queryset.filter(named | Q(number__contains=number) if number else named)


class CertificatesPage(SellerPage):
    """`/compliance/certificates/`."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show a page of the chosen tab, last changed first."""
        now = platform_time.now()
        tabs = _tabs(now)
        conditions = {value: condition for value, _name, condition in tabs}
        tab = request.GET.get("tab", "")
        tab = tab if tab in conditions else ""
        counts = Certificate.objects.aggregate(
            **{
                f"tab_{value}": Count("pk", filter=one)
                for value, one in conditions.items()
                if value
            },
            tab_=Count("pk"),
        )
        shown = certificates_to_show().filter(conditions[tab]).order_by("-changed_at", "-pk")
        found = CertificateFilter(request.GET, shown)
        page = page_of(request, found.qs)
        narrowed = any(request.GET.get(name) for name in found.filters)
        return render(
            request,
            "compliance/certificates.html",
            {
                "tab": tab,
                "tabs": [(value, name, counts[f"tab_{value}"]) for value, name, _q in tabs],
                "filter": found,
                "filtered": narrowed,
                "page_obj": page,
                "rows": [certificate_row(one, request.member, now) for one in page.object_list],
                "may_upload": request.member.can(Action.UPLOAD_CERTIFICATE),
            },
        )


def certificate_row(certificate: Certificate, member: Member, now: datetime) -> dict[str, Any]:
    """Return what list and page show of a certificate, and what the member can do with it."""
    status = certificate.shown_status(now)
    left = days_left(certificate, now)
    ends_soon = left is not None and left <= ENDING_SOON_DAYS
    over = status in (Status.EXPIRED, Status.REVOKED)
    may = member.can(Action.UPLOAD_CERTIFICATE)
    return {
        "certificate": certificate,
        "status": status,
        "label": status.label,
        "tone": TONES[status],
        "reason": reason_of(certificate),
        "waits": status in WAITING,
        "days_left": left,
        "ends_soon": ends_soon,
        "may_correct": may and status in EDITABLE,
        "may_submit": may and status in EDITABLE,
        "may_take_back": may and status == Status.SUBMITTED,
        "may_delete": may and status == Status.DRAFT,
        "may_renew": may and (status == Status.VERIFIED or over),
        "renew_now": may and (ends_soon or over),
    }


# --- One certificate ----------------------------------------------------------------------------

_HIDDEN_EVENTS = {CertificateEventKind.FIRST_APPROVAL}
"""How many reviewers it takes is the platform's own business."""


class CertificatePage(SellerPage):
    """`/compliance/certificates/<pk>/`."""

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Show fields, files, coverage and what happened."""
        certificate = certificate_or_404(pk)
        return show_certificate(request, certificate)


def show_certificate(
    request: MemberRequest, certificate: Certificate, refusal: Refusal | None = None
) -> HttpResponse:
    """Render the page of a certificate, with what stands against what was asked of it."""
    now = platform_time.now()
    row = certificate_row(certificate, request.member, now)
    products = certificate.products.order_by("product_id")
    replacement = certificate.replacements.order_by("-pk").first()
    events = [one for one in certificate.events.all() if one.kind not in _HIDDEN_EVENTS]
    context = row | {
        "row": row,
        "type_rules": TYPE_RULES[CertificateType(certificate.type)],
        "is_epr": certificate.type == CertificateType.EPR,
        "files": files_of_kind(certificate, FileKind.CERTIFICATE),
        "invoices": files_of_kind(certificate, FileKind.INVOICE),
        "products": list(products[:COVERED_SHOWN]),
        "categories": list(certificate.categories.order_by("path_en")[:COVERED_SHOWN]),
        "events": [{"event": one, "reason": reason_of(one)} for one in reversed(events)],
        "replacement": replacement,
        "refusal": refusal,
        "problems": [text for _name, text in refusal.fields] if refusal else [],
    }
    status = refusal.http_status if refusal else 200
    return render(request, "compliance/certificate.html", context, status=status)


class _ActionPage(SellerPage):
    """A button on the page of a certificate."""

    write_action = Action.UPLOAD_CERTIFICATE
    http_method_names = ["post"]
    service: Callable[..., Certificate]

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Do it, or show the page with what stands against it."""
        certificate = certificate_or_404(pk)
        try:
            done = type(self).service(member=request.member, certificate=certificate)
        except InvalidInput as refusal:
            return show_certificate(request, certificate, refusal)
        except Refusal as refusal:
            return show_certificate(request, certificate_or_404(pk), refusal)
        messages.success(request, self.told(done))
        return redirect("compliance:certificate", pk)

    def told(self, certificate: Certificate) -> str:
        """Return what is said afterwards."""
        raise NotImplementedError


class CertificateSubmit(_ActionPage):
    """Hand it to the reviewers."""

    service = staticmethod(certificate_submit)

    def told(self, certificate: Certificate) -> str:
        """Say until when it is decided."""
        return submitted_message(certificate)


class CertificateTakeBack(_ActionPage):
    """Take it back from the queue."""

    service = staticmethod(certificate_take_back)

    def told(self, certificate: Certificate) -> str:
        """Say what it is now."""
        return _("Taken back: it is a draft again.")


class CertificateDelete(SellerPage):
    """`/compliance/certificates/<pk>/delete/`: asks, then deletes a draft."""

    read_action = write_action = Action.UPLOAD_CERTIFICATE

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Ask whether it shall go."""
        certificate = certificate_or_404(pk)
        context = {
            "heading": _("Delete this draft?"),
            "message": _("The certificate and its files are deleted for good."),
            "items": [str(certificate)],
            "confirm_label": _("Delete"),
            "danger": True,
            "cancel_url": reverse("compliance:certificate", args=[pk]),
        }
        return render(request, "portal/confirm.html", context)

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Delete it."""
        certificate = certificate_or_404(pk)
        try:
            certificate_delete(member=request.member, certificate=certificate)
        except Refusal as refusal:
            return show_certificate(request, certificate_or_404(pk), refusal)
        messages.success(request, _("The draft is deleted."))
        return redirect("compliance:certificates")
