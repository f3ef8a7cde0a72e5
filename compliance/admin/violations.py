"""Violations in the hands of staff: confirming, taking back, publishing, ladders (CMP-6, UI-7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.admin.penalty_cases import CasePages, NoteForm, case_address
from compliance.admin.violation_forms import EvidenceForm, ViolationForm, rule_choices
from compliance.choices import AppealStatus
from compliance.models import PenaltyEffect, Violation
from compliance.penalties.reading import (
    all_ladders,
    books_by_version,
    public_shown,
    rule_name,
    rules_today,
)
from compliance.penalties.words import effect_text, rung_parts, time_text
from compliance.services.penalties import PenaltyPlan
from compliance.services.violations import (
    CHANGE,
    CONFIRM,
    effect_end,
    violation_confirm,
    violation_overturn,
    violation_preview,
    violation_publish,
)
from portal import platform_time
from portal.admin.base import ReadOnlyAdmin
from portal.choices import SellerStatus
from portal.errors import InvalidInput, Refusal


class RuleFilter(admin.SimpleListFilter):
    """The rule by its name."""

    title = gettext_lazy("rule")
    parameter_name = "rule"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the rules there are."""
        return rule_choices()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Violation]) -> QuerySet[Violation]:
        """Keep the violations of the rule."""
        return queryset.filter(rule=self.value()) if self.value() else queryset


class StandingFilter(admin.SimpleListFilter):
    """Whether a penalty stands."""

    title = gettext_lazy("state")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer both."""
        return [("yes", gettext_lazy("Stands")), ("no", gettext_lazy("Taken back"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Violation]) -> QuerySet[Violation]:
        """Keep those in the state."""
        if self.value() in ("yes", "no"):
            return queryset.filter(overturned_at__isnull=self.value() == "yes")
        return queryset


@admin.register(Violation)
class ViolationAdmin(CasePages, ReadOnlyAdmin):
    """Every decision shows first what it does, then is taken by a confirmed POST."""

    change_list_template = "admin/compliance/violation/change_list.html"
    own_pages = {
        "confirm": "confirm/",
        "ladders": "ladders/",
        "overturn": "<int:pk>/overturn/",
        "publish": "<int:pk>/publish/",
        "end_effect": "<int:pk>/effects/<int:effect>/end/",
    }
    list_display = (
        "seller", "rule_shown", "step", "grave", "points", "penalised_at", "stands", "appealed",
        "public",
    )  # fmt: skip
    list_filter = (RuleFilter, StandingFilter, "public", "grave")
    list_select_related = ("seller", "appeal")
    search_fields = (
        "=seller__member_id", "seller__name_en", "seller__name_zh", "=order__order_id",
        "=product__product_id",
    )  # fmt: skip
    date_hierarchy = "penalised_at"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Read the rules' names once for the page."""
        self._books = books_by_version()
        may_add = request.user.has_perm(CONFIRM)
        return super().changelist_view(request, {"may_confirm": may_add, **(extra_context or {})})

    @admin.display(description=gettext_lazy("rule"), ordering="rule")
    def rule_shown(self, violation: Violation) -> str:
        """Name the rule."""
        return rule_name(violation, self._books)

    @admin.display(description=gettext_lazy("stands"), boolean=True)
    def stands(self, violation: Violation) -> bool:
        """Whether it was not taken back."""
        return violation.overturned_at is None

    @admin.display(description=gettext_lazy("appeal"))
    def appealed(self, violation: Violation) -> str:
        """Say how far an appeal came."""
        appeal = getattr(violation, "appeal", None)
        return str(AppealStatus(appeal.status).label) if appeal else "–"

    # --- Pages ----------------------------------------------------------------------------------

    def sheet(self, request: HttpRequest, found: Violation) -> HttpResponse:
        """Show the case."""
        return self.case(request, self.violation_or_404(request, found.pk))

    def ladders_view(self, request: HttpRequest) -> HttpResponse:
        """Show the rules in force with their ladders; they change as rulebooks."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rules = rules_today(platform_time.now())
        ladders = all_ladders(rules) if rules else []
        return self.page(request, "ladders", _("Ladders in force"), rules=rules, ladders=ladders)

    # --- Confirming -----------------------------------------------------------------------------

    def confirm_view(self, request: Any) -> HttpResponse:
        """Ask what happened, show what it costs, and confirm that."""
        if not request.user.has_perm(CONFIRM):
            raise PermissionDenied
        now = platform_time.now()
        posted = request.POST if request.method == "POST" else None
        form = ViolationForm(posted, initial=self._initial(request, now))
        if posted is None or "change" in posted or not form.is_valid():
            return self._asking(request, form)
        try:
            plan = violation_preview(actor=request.user, **form.asked(now))
            if "confirmed" not in posted:
                return self._previewed(request, form, plan)
            evidence = EvidenceForm(posted, request.FILES)
            if not evidence.is_valid():
                return self._previewed(request, form, plan, evidence)
            return self._confirmed(request, form, plan, evidence, now)
        except InvalidInput as refusal:
            places = {"happened_at": "happened_on"}
            for field, text in refusal.fields:
                name = places.get(field, field)
                form.add_error(name if name in form.fields else None, text)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        return self._asking(request, form)

    def _initial(self, request: HttpRequest, now: Any) -> dict[str, Any]:
        return {
            "happened_on": platform_time.day_of(now),
            "seller": request.GET.get("seller"),
            "rule": request.GET.get("rule"),
        }

    def _asking(self, request: HttpRequest, form: ViolationForm) -> HttpResponse:
        return self.page(request, "confirm", _("Confirm a violation"), form=form, media=form.media)

    def _previewed(
        self,
        request: Any,
        form: ViolationForm,
        plan: PenaltyPlan,
        evidence: forms.Form | None = None,
        problem: str = "",
    ) -> HttpResponse:
        """Show what confirming does; what was typed travels along."""
        if evidence is None:
            evidence = EvidenceForm(initial={"key": f"staff:{uuid4()}", "seen": plan.seen})
        return self.page(
            request,
            "preview",
            _("Confirm this violation?"),
            plan=plan,
            time=time_text(plan.time),
            parts=rung_parts(plan.rung),
            seller=form.cleaned_data["seller"],
            closed=form.cleaned_data["seller"].status == SellerStatus.CLOSED,
            typed=[(name, value) for name, value in form.data.items() if name in form.fields],
            given=form.cleaned_data,
            happened=form.happened(platform_time.now()),
            evidence=evidence,
            problem=problem,
        )

    def _confirmed(
        self,
        request: Any,
        form: ViolationForm,
        plan: PenaltyPlan,
        evidence: EvidenceForm,
        now: Any,
    ) -> HttpResponse:
        try:
            violation = violation_confirm(
                actor=request.user,
                **form.asked(now),
                evidence=form.cleaned_data["evidence"],
                key=evidence.cleaned_data["key"],
                seen=evidence.cleaned_data["seen"],
                files=request.FILES.getlist("uploads"),
            )
        except InvalidInput as refusal:
            if [field for field, _text in refusal.fields if field != "files"]:
                raise
            for _field, text in refusal.fields:
                evidence.add_error("uploads", text)
            return self._previewed(request, form, plan, evidence)
        except Refusal as refusal:
            if refusal.code != "penalty_changed":
                raise
            return self._previewed(request, form, plan, problem=str(refusal))
        messages.success(request, _("Confirmed; the shop is being told."))
        return HttpResponseRedirect(case_address(violation.pk))

    # --- Taking back, publishing, ending --------------------------------------------------------

    def overturn_view(self, request: Any, pk: int) -> HttpResponse:
        """Take back a penalty that was a mistake."""
        violation = self.violation_or_404(request, pk)
        return self._decide(
            request,
            violation,
            title=_("Take this penalty back?"),
            lines=[
                _("Its points count no more, and its effects end at once."),
                _("Later violations of the rule come down a rung."),
                _("A shop that is closed only because of it opens again."),
                _("It leaves the public list. This cannot be undone: confirm it anew instead."),
            ],
            button=_("Take back"),
            act=lambda note: violation_overturn(actor=request.user, violation=violation, note=note),
        )

    def end_effect_view(self, request: Any, pk: int, effect: int) -> HttpResponse:
        """End an effect early, or one that has no end."""
        violation = self.violation_or_404(request, pk)
        found = PenaltyEffect.objects.filter(pk=effect, violation=violation).first()
        if found is None:
            raise Http404
        return self._decide(
            request,
            violation,
            title=_("End “%(effect)s”?") % {"effect": effect_text(found)},
            lines=[_("It ends now. The points stay.")],
            button=_("End it"),
            label=_("Why it ends: kept with the decision"),
            act=lambda note: effect_end(actor=request.user, effect=found, note=note),
        )

    def _decide(
        self,
        request: Any,
        violation: Violation,
        *,
        title: str,
        lines: list[str],
        button: str,
        act: Callable[[str], object],
        label: str = "",
    ) -> HttpResponse:
        """Show what a decision does; take it when it is confirmed."""
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        form = NoteForm(request.POST or None)
        if label:
            form.fields["note"].label = label
        if request.method == "POST" and form.is_valid():
            try:
                act(form.cleaned_data["note"])
            except InvalidInput as refusal:
                form.add_error("note", [text for _field, text in refusal.fields])
            except Refusal as refusal:
                messages.error(request, str(refusal))
                return HttpResponseRedirect(case_address(violation.pk))
            else:
                messages.success(request, _("Done."))
                return HttpResponseRedirect(case_address(violation.pk))
        context = {"lines": lines, "button": button, "form": form, "danger": True}
        return self.page(
            request, "decide", title, violation=violation, back=case_address(pk=violation.pk),
            **context,
        )  # fmt: skip

    def publish_view(self, request: Any, pk: int) -> HttpResponse:
        """Put a violation on the public list or take it off, showing it as strangers will see it."""
        violation = self.violation_or_404(request, pk)
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        public = not violation.public
        if request.method == "POST":
            public = request.POST.get("public") == "1"
            try:
                violation_publish(actor=request.user, violation=violation, public=public)
            except Refusal as refusal:
                messages.error(request, str(refusal))
            else:
                messages.success(
                    request, _("Published.") if public else _("Taken off the public list.")
                )
            return HttpResponseRedirect(case_address(violation.pk))
        (row,) = public_shown([violation], books_by_version())
        title = _("Publish this violation?") if public else _("Take it off the public list?")
        return self.page(
            request, "publish", title, violation=violation, row=row, public=public,
            back=case_address(violation.pk),
        )  # fmt: skip
