"""Reporting an RFQ as spam, and what became of the shop's reports (RFQ-24)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import platform_time
from portal.choices import Action
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.services.files import file_url
from portal.templatetags.portal_ui import instant_texts
from portal.views.base import SellerPage
from portal.views.lists import page_of
from rfq.choices import ReportStatus, SpamKind
from rfq.models import Rfq, SpamReport
from rfq.services.spam import (
    DAY,
    MAX_DESCRIPTION,
    MAX_EVIDENCE,
    ReportLimit,
    market_rules,
    reported_since,
    spam_report,
)

KINDS = {
    SpamKind.ADVERT: gettext_lazy(
        "It sells something or advertises a service; nobody wants to buy."
    ),
    SpamKind.PHISHING: gettext_lazy(
        "It asks you to sign in elsewhere, open a file or a link, or give a password or account."
    ),
    # Translators: 套价
    SpamKind.PRICE_FISHING: gettext_lazy(
        "The same party collects prices again and again and never buys; often a competitor."
    ),
    SpamKind.FRAUD: gettext_lazy(
        "The buyer is not who it says, or wants money, goods or samples by deceit."
    ),
    SpamKind.OTHER: gettext_lazy("Anything else that is no real request; say what."),
}
TONES = {ReportStatus.OPEN: "info", ReportStatus.UPHELD: "ok", ReportStatus.DISMISSED: "muted"}


class SpamReportPage(SellerPage):
    """Report one RFQ."""

    read_action = write_action = Action.QUOTE

    def get(self, request: MemberRequest, rfq_id: str) -> HttpResponse:
        """Show the form."""
        return self._show(request, rfq_or_404(rfq_id))

    def post(self, request: MemberRequest, rfq_id: str) -> HttpResponse:
        """Send the report, or show the form again with what was typed."""
        rfq = rfq_or_404(rfq_id)
        try:
            report = spam_report(
                member=request.member,
                rfq=rfq,
                kind=request.POST.get("kind", ""),
                description=request.POST.get("description", ""),
                evidence=request.FILES.getlist("evidence"),
            )
        except InvalidInput as refusal:
            return self._show(request, rfq, problems=refusal.fields, status=refusal.http_status)
        except Refusal as refusal:
            return self._show(request, rfq, refusal=refusal, status=refusal.http_status)
        messages.success(
            request,
            _("Reported. You get an answer by %(instant)s.")
            % {"instant": instant_texts(report.answer_due_at)[0]},
        )
        return redirect("rfq:spam-reports")

    def _show(
        self,
        request: MemberRequest,
        rfq: Rfq,
        *,
        problems: list[tuple[str, str]] | None = None,
        refusal: Refusal | None = None,
        status: int = 200,
    ) -> HttpResponse:
        now = platform_time.now()
        found: dict[str, list[str]] = {}
        for field, text in problems or []:
            found.setdefault(field, []).append(text)
        context: dict[str, Any] = {
            "rfq": rfq,
            "kinds": [(kind.value, kind.label, text) for kind, text in KINDS.items()],
            "kind": request.POST.get("kind", ""),
            "description": request.POST.get("description", "")[:MAX_DESCRIPTION],
            "max_description": MAX_DESCRIPTION,
            "max_evidence": MAX_EVIDENCE,
            "problems": found,
            "refusal": refusal,
            "again_at": refusal.again_at if isinstance(refusal, ReportLimit) else None,
            "sent": reported_since(now - DAY).count(),
            "rules": market_rules(now),
            "mine": SpamReport.objects.filter(rfq=rfq, status=ReportStatus.OPEN).first(),
        }
        return render(request, "rfq/spam_report.html", context, status=status)


class SpamReportsPage(SellerPage):
    """The shop's reports and their answers, newest first."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show one page."""
        reports = SpamReport.objects.select_related("rfq", "reported_by")
        page = page_of(
            request, reports.prefetch_related("evidence__file").order_by("-reported_at", "-pk")
        )
        for report in page.object_list:
            report.tone = TONES[ReportStatus(report.status)]
            report.images = [(one.file.name, file_url(one.file)) for one in report.evidence.all()]
        return render(request, "rfq/spam_reports.html", {"page_obj": page})


def rfq_or_404(rfq_id: str) -> Rfq:
    """Return an RFQ that is on the market or was, by its id."""
    known = Rfq.objects.filter(posted_at__lte=platform_time.now()).select_related("category")
    rfq = known.filter(rfq_id=rfq_id).first() if "\0" not in rfq_id else None
    if rfq is None:
        raise Http404
    return rfq
