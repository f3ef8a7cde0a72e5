"""Spam reports as staff judge them; challenge entries and order links to look at (RFQ-24, UI-7)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import platform_time
from portal.admin.base import ReadOnlyAdmin
from portal.admin.own_pages import add_refusal
from portal.admin_site import Queue, register_queue
from portal.errors import InvalidInput, Refusal
from portal.services.files import file_url
from portal.templatetags.portal_ui import time_left
from rfq.choices import ReportStatus, RightKind
from rfq.models import ChallengeEntry, OrderLink, Quote, RightEntry, SpamReport
from rfq.services.spam import MAX_DESCRIPTION, PERMISSION, spam_report_decide
from rfq.spam.answers import answers_for

OPEN = ReportStatus.OPEN


class OverdueFilter(admin.SimpleListFilter):
    """Open reports by whether their answer is late."""

    title = gettext_lazy("answer")
    parameter_name = "answer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer the two states of an open report."""
        return [("late", gettext_lazy("Late")), ("in_time", gettext_lazy("Still in time"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Keep open reports of one state."""
        now = platform_time.now()
        if self.value() == "late":
            return queryset.filter(status=OPEN, answer_due_at__lte=now)
        if self.value() == "in_time":
            return queryset.filter(status=OPEN, answer_due_at__gt=now)
        return queryset


class AnswerForm(forms.Form):
    """What the reporter is told: one of the ready answers, own words, or both."""

    ready = forms.ChoiceField(label=gettext_lazy("Ready answer"), required=False)
    answer = forms.CharField(
        label=gettext_lazy("In your own words"),
        required=False,
        max_length=MAX_DESCRIPTION,
        widget=forms.Textarea(attrs={"rows": 5, "cols": 80}),
        help_text=gettext_lazy("Sent instead of the ready answer when it is filled in."),
    )

    def __init__(self, *args: Any, upheld: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.texts = {one.key: one.text for one in answers_for(upheld)}
        names = [(one.key, one.label) for one in answers_for(upheld)]
        self.fields["ready"] = forms.ChoiceField(
            label=_("Ready answer"), required=False, choices=[("", "–"), *names]
        )

    def text(self) -> str:
        """Return the answer to send."""
        own: str = self.cleaned_data["answer"].strip()
        return own or self.texts.get(self.cleaned_data["ready"], "")


@admin.register(SpamReport)
class SpamReportAdmin(ReadOnlyAdmin):
    """The queue: what is due first comes first; a decision is taken on its own page."""

    list_display = ("rfq", "kind", "seller", "status", "reported_at", "time_left", "on_same_rfq")
    list_filter = ("status", OverdueFilter, "kind")
    list_select_related = ("rfq", "seller")
    search_fields = ("=rfq__rfq_id", "=seller__member_id")
    date_hierarchy = "reported_at"
    change_form_template = "admin/rfq/spamreport/change_form.html"
    own_pages = {"decide": "<int:pk>/decide/<slug:decision>/"}
    readonly_fields = ("time_left", "images", "rfq_facts")
    fields = (
        "rfq", "rfq_facts", "seller", "kind", "description", "images", "status", "reported_at",
        "reported_by", "answer_due_at", "time_left", "decided_at", "decided_by", "answer",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[SpamReport]:
        """Count the reports on the same RFQ along."""
        return super().get_queryset(request).annotate(reports=Count("rfq__reports"))

    @admin.display(description=gettext_lazy("time left"), ordering="answer_due_at")
    def time_left(self, report: SpamReport) -> SafeString | str:
        """Say how long an open report may wait, or how late its answer is."""
        if report.status != OPEN:
            return "–"
        seconds = (report.answer_due_at - platform_time.now()).total_seconds()
        if seconds > 0:
            return _("%(time)s left") % {"time": time_left(seconds)}
        late = _("late by %(time)s") % {"time": time_left(-seconds)}
        return format_html("<strong>{}</strong>", late)

    @admin.display(description=gettext_lazy("reports on this RFQ"))
    def on_same_rfq(self, report: Any) -> int:
        """How many shops have reported the RFQ."""
        count: int = report.reports
        return count

    @admin.display(description=gettext_lazy("evidence"))
    def images(self, report: SpamReport) -> SafeString:
        """Show the images; each opens in full."""
        files = [one.file for one in report.evidence.select_related("file")]
        return format_html_join(
            " ",
            '<a href="{0}" target="_blank" rel="noopener"><img class="evidence-image" src="{0}" alt="{1}"></a>',
            [(file_url(file), file.name) for file in files],
        )

    @admin.display(description=gettext_lazy("what was asked"))
    def rfq_facts(self, report: SpamReport) -> SafeString:
        """Show what the RFQ says."""
        rfq = report.rfq
        return format_html(
            "<strong>{}</strong><br>{} {} · {} · {}<br>{}",
            rfq.title, f"{rfq.quantity:,f}".rstrip("0").rstrip("."), rfq.unit, rfq.get_grade_display(),
            rfq.get_status_display(), rfq.details,
        )  # fmt: skip

    # --- Deciding -------------------------------------------------------------------------------

    def render_change_form(
        self, request: Any, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Offer the decisions while the report is open."""
        report: SpamReport | None = kwargs.get("obj")
        context["may_decide"] = (
            report is not None and report.status == OPEN and request.user.has_perm(PERMISSION)
        )
        return super().render_change_form(request, context, *args, **kwargs)

    def decide_view(self, request: Any, pk: int, decision: str) -> HttpResponse:
        """Show what a decision does, then take it on a confirmed POST."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        reports = SpamReport.objects.select_related("rfq__buyer", "seller")
        report = reports.filter(pk=pk).first()
        if report is None or decision not in ("uphold", "dismiss"):
            raise Http404
        upheld = decision == "uphold"
        form = AnswerForm(request.POST or None, upheld=upheld)
        if request.method == "POST" and form.is_valid():
            try:
                spam_report_decide(
                    actor=request.user, report=report, upheld=upheld, answer=form.text()
                )
            except InvalidInput as refusal:
                add_refusal(form, refusal)
            except Refusal as refusal:
                messages.error(request, str(refusal))
                return HttpResponseRedirect(self._address(report))
            else:
                messages.success(request, _("Decided; the reporters are being told."))
                return HttpResponseRedirect(self._queue())
        return self.page(
            request,
            "decide",
            _("Uphold the report") if upheld else _("Dismiss the report"),
            report=report,
            upheld=upheld,
            form=form,
            ready=answers_for(upheld),
            images=self.images(report),
            back=self._address(report),
            **self._consequences(report),
        )

    def _consequences(self, report: SpamReport) -> dict[str, Any]:
        """Return what upholding would bring about."""
        used = (
            RightEntry.objects.filter(quote__rfq=report.rfq, delta__lt=0, refund__isnull=True)
            .order_by()
            .values_list("kind")
            .annotate(number=Count("pk"))
        )
        others = SpamReport.objects.filter(rfq=report.rfq, status=OPEN).exclude(pk=report.pk)
        return {
            "rights": [(RightKind(kind).label, number) for kind, number in used],
            "quotes": Quote.objects.filter(rfq=report.rfq).count(),
            "others": others.count(),
        }

    def _address(self, report: SpamReport) -> str:
        return reverse("admin:rfq_spamreport_change", args=[report.pk])

    def _queue(self) -> str:
        return reverse("admin:rfq_spamreport_changelist") + f"?status__exact={OPEN.value}"


register_queue(
    Queue(
        label=gettext_lazy("Spam reports to answer"),
        rows=lambda: SpamReport.objects.filter(status=OPEN),
        since="reported_at",
        url_name="admin:rfq_spamreport_changelist",
        query=f"?status__exact={OPEN.value}",
        permission=PERMISSION,
    )
)
register_queue(
    Queue(
        label=gettext_lazy("Spam reports answered too late"),
        rows=lambda: SpamReport.objects.filter(status=OPEN, answer_due_at__lte=platform_time.now()),
        since="answer_due_at",
        late=True,
        url_name="admin:rfq_spamreport_changelist",
        query="?answer=late",
        permission=PERMISSION,
    )
)


@admin.register(ChallengeEntry)
class ChallengeEntryAdmin(ReadOnlyAdmin):
    """Who takes part in which month, and what was claimed."""

    list_display = ("seller", "month", "enrolled_at", "enrolled_by", "claimed")
    list_select_related = ("seller", "enrolled_by")
    list_filter = ("month",)
    search_fields = ("=seller__member_id",)
    date_hierarchy = "month"


@admin.register(OrderLink)
class OrderLinkAdmin(ReadOnlyAdmin):
    """Which quote sellers named for their orders."""

    list_display = ("order", "quote", "linked_at", "linked_by")
    list_select_related = ("order", "quote__rfq", "linked_by")
    search_fields = ("=order__order_id", "=quote__rfq__rfq_id")
    date_hierarchy = "linked_at"
