"""The queue of appeals: statement beside evidence, one decision (CMP-8, UI-7)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.admin.penalty_cases import CasePages, NoteForm
from compliance.choices import AppealStatus
from compliance.models import Appeal
from compliance.penalties.reading import books_by_version, rule_name
from compliance.services.appeals import DECIDE, appeal_decide
from portal import platform_time
from portal.admin.base import ReadOnlyAdmin
from portal.admin_site import Queue, register_queue
from portal.errors import InvalidInput, Refusal
from portal.templatetags.portal_ui import time_left

OVERTURN, UPHOLD = "overturn", "uphold"
OPEN = f"?status__exact={AppealStatus.OPEN.value}"


@admin.register(Appeal)
class AppealAdmin(CasePages, ReadOnlyAdmin):
    """Who waits longest comes first; a decision is taken on its own page."""

    list_display = ("seller", "rule_shown", "points", "reason", "status", "appealed_at", "waiting")
    list_filter = ("status", "reason")
    list_select_related = ("violation__seller",)
    search_fields = ("=violation__seller__member_id", "violation__seller__name_en")
    ordering = ("appealed_at", "pk")
    date_hierarchy = "appealed_at"
    own_pages = {"decide": "<int:pk>/decide/<slug:decision>/"}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Read the rules' names once for the page."""
        self._books = books_by_version()
        return super().changelist_view(request, extra_context)

    @admin.display(description=gettext_lazy("shop"), ordering="violation__seller")
    def seller(self, appeal: Appeal) -> str:
        """Name the shop."""
        return str(appeal.violation.seller)

    @admin.display(description=gettext_lazy("rule"))
    def rule_shown(self, appeal: Appeal) -> str:
        """Name the rule."""
        return rule_name(appeal.violation, self._books)

    @admin.display(description=gettext_lazy("points"), ordering="violation__points")
    def points(self, appeal: Appeal) -> int:
        """What is at stake."""
        return appeal.violation.points

    @admin.display(description=gettext_lazy("waiting"), ordering="appealed_at")
    def waiting(self, appeal: Appeal) -> str:
        """Say how long an open appeal has waited."""
        if appeal.status != AppealStatus.OPEN:
            return "–"
        return time_left((platform_time.now() - appeal.appealed_at).total_seconds())

    def sheet(self, request: HttpRequest, appeal: Appeal) -> HttpResponse:
        """Show the case."""
        return self.case(request, self.violation_or_404(request, appeal.violation_id))

    def decide_view(self, request: Any, pk: int, decision: str) -> HttpResponse:
        """Show what a decision does, then take it on a confirmed POST."""
        if not request.user.has_perm(DECIDE):
            raise PermissionDenied
        appeal = Appeal.objects.select_related("violation__seller").filter(pk=pk).first()
        if appeal is None or decision not in (OVERTURN, UPHOLD):
            raise Http404
        back = reverse("admin:compliance_appeal_change", args=[appeal.pk])
        if request.method == "GET" and appeal.status != AppealStatus.OPEN:
            messages.info(request, _("Somebody has decided this appeal already."))
            return HttpResponseRedirect(back)
        form = NoteForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                appeal_decide(
                    actor=request.user,
                    appeal=appeal,
                    overturn=decision == OVERTURN,
                    answer=form.cleaned_data["note"],
                )
            except InvalidInput as refusal:
                form.add_error("note", [text for _field, text in refusal.fields])
            except Refusal as refusal:
                if not self._own_click(request, appeal, decision):
                    messages.error(request, str(refusal))
                return HttpResponseRedirect(back)
            else:
                messages.success(request, _("Decided; the shop is being told."))
                return HttpResponseRedirect(reverse("admin:compliance_appeal_changelist") + OPEN)
        return self._ask(request, appeal, decision, form, back)

    def _own_click(self, request: Any, appeal: Appeal, decision: str) -> bool:
        """Tell whether the person has just decided just this: a second click is no conflict."""
        appeal.refresh_from_db()
        wanted = AppealStatus.OVERTURNED if decision == OVERTURN else AppealStatus.PENALTY_UPHELD
        return appeal.decided_by_id == request.user.pk and appeal.status == wanted

    def _ask(
        self, request: Any, appeal: Appeal, decision: str, form: NoteForm, back: str
    ) -> HttpResponse:
        if decision == OVERTURN:
            title, button = _("The appeal is right?"), _("Take the penalty back")
            lines = [
                _("The points count no more, and the effects end at once."),
                _("Later violations of the rule come down a rung."),
                _("A shop that is closed only because of it opens again. This cannot be undone."),
            ]
        else:
            title, button = _("The penalty stands?"), _("The penalty stands")
            lines = [_("The shop cannot appeal again.")]
        return self.page(
            request, "decide", title, violation=appeal.violation, appeal=appeal, lines=lines,
            button=button, form=form, back=back, danger=decision == OVERTURN,
        )  # fmt: skip


register_queue(
    Queue(
        # Translators: 申诉
        label=gettext_lazy("Appeals to decide"),
        rows=lambda: Appeal.objects.filter(status=AppealStatus.OPEN),
        since="appealed_at",
        url_name="admin:compliance_appeal_changelist",
        query=OPEN,
        permission=DECIDE,
    )
)
