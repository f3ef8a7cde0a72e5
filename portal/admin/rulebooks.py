"""Rulebooks: drafted, checked, compared and published by staff (K-16)."""

from __future__ import annotations

import difflib
from datetime import date, timedelta
from itertools import chain
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import platform_time
from portal.admin.base import ServiceAdmin, pretty_json
from portal.admin.content import ContentField, as_text
from portal.admin_site import Queue, register_queue
from portal.choices import RulebookStatus
from portal.errors import Refusal
from portal.exports import csv_response
from portal.models import Bulletin, Rulebook
from portal.rule_impact import RuleImpact, has_impact, impact_of
from portal.services.rulebook_retraction import (
    last_day_restored,
    may_be_retracted,
    predecessor_to_reopen,
    rulebook_retract,
)
from portal.services.rulebooks import (
    RULEBOOK_MODULES,
    draft_digest,
    rulebook_draft_save,
    rulebook_publish,
    rulebook_validate,
    rulebook_withdraw,
    rulebooks_overlapping,
)

PUBLISH = "portal.publish_rulebook"
IMPACT_PAGE = 100


class DraftForm(forms.ModelForm):
    """A draft; its content may still be wrong, but not unreadable."""

    module = forms.ChoiceField(label=gettext_lazy("Module"))
    content = ContentField(
        label=gettext_lazy("Content"),
        required=False,
        help_text=gettext_lazy("TOML, or JSON when it starts with a brace."),
    )

    class Meta:
        model = Rulebook
        fields = ["module", "version", "effective_from", "effective_to", "source", "content"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "module" in self.fields:  # the sheet of a published one has no inputs
            self.fields["module"].choices = [  # type: ignore[attr-defined]
                (module, module) for module in sorted(RULEBOOK_MODULES)
            ]

    def _get_validation_exclusions(self) -> set[str]:
        """The service checks content and uniqueness."""
        return {*super()._get_validation_exclusions(), "content"}  # type: ignore[misc]


class PublishForm(forms.Form):
    """What is decided when publishing. `seen` is the draft that was looked at."""

    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)
    supersedes = forms.ModelChoiceField(
        Rulebook.objects.none(),
        required=False,
        label=gettext_lazy("Ends the day before"),
        help_text=gettext_lazy("The rulebook that would still be in force."),
    )
    bulletin = forms.ModelChoiceField(
        Bulletin.objects.none(), required=False, label=gettext_lazy("Announced by")
    )

    def __init__(self, *args: Any, rulebook: Rulebook, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        replaceable = rulebooks_overlapping(rulebook).filter(
            effective_from__lt=rulebook.effective_from
        )
        self.initial.setdefault("seen", draft_digest(rulebook))
        self.fields["supersedes"].queryset = replaceable  # type: ignore[attr-defined]
        if replaceable.count() == 1:
            self.initial.setdefault("supersedes", replaceable.get().pk)
        self.fields["bulletin"].queryset = Bulletin.objects.filter(  # type: ignore[attr-defined]
            rulebook__isnull=True
        )


@admin.register(Rulebook)
class RulebookAdmin(ServiceAdmin):
    """Drafts change; what is published stays as it is."""

    form = DraftForm
    list_display = ("module", "version", "status", "effective_from", "effective_to", "shipped")
    list_filter = ("status", "module", "shipped")
    search_fields = ("module", "version", "source")
    change_form_template = "admin/portal/rulebook/change_form.html"
    own_pages = {
        "publish": "<int:pk>/publish/",
        "withdraw": "<int:pk>/withdraw/",
        "retract": "<int:pk>/retract/",
        "impact": "<int:pk>/impact/",
        "impact_csv": "<int:pk>/impact.csv",
    }
    shown = (
        "module",
        "version",
        "status",
        "effective_from",
        "effective_to",
        "supersedes",
        "source",
        "shipped",
        "published_at",
        "published_by",
        "tables",
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only drafts change."""
        if obj is not None and obj.status != RulebookStatus.DRAFT:
            return False
        return super().has_change_permission(request, obj)

    def closed_to(self, request: HttpRequest, obj: Any) -> str:
        """What was published or withdrawn meanwhile takes no changes."""
        if obj.status == RulebookStatus.DRAFT or not self.has_change_permission(request):
            return ""
        return _("Only a draft can be changed; start a new version.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rulebook]:
        """Lists do not need the tables."""
        return super().get_queryset(request).select_related("published_by", "supersedes")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A form for drafts, a sheet for the rest."""
        if obj is None or self.has_change_permission(request, obj):
            return tuple(DraftForm.Meta.fields)
        return self.shown

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The sheet."""
        if obj is None or self.has_change_permission(request, obj):
            return ()
        return self.shown

    @admin.display(description=gettext_lazy("content"))
    def tables(self, rulebook: Rulebook) -> SafeString:
        """The content as JSON."""
        return pretty_json(rulebook.content)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Start from an existing rulebook (`?from=`) or an empty content."""
        wanted = request.GET.get("from", "")
        found = Rulebook.objects.filter(pk=int(wanted)) if wanted.isdecimal() else None
        source = found.first() if found is not None else None
        tomorrow = platform_time.today() + timedelta(days=1)
        if source is None:
            return {"effective_from": tomorrow, "content": {}}
        return {
            "module": source.module,
            "source": source.source,
            "content": source.content,
            "effective_from": max(tomorrow, source.effective_from),
        }

    def save_model(self, request: Any, obj: Rulebook, form: ModelForm, change: bool) -> None:
        """Save the draft and say what is still wrong with it."""
        saved = rulebook_draft_save(
            actor=request.user, rulebook=obj if change else None, **form.cleaned_data
        )
        self.adopt(obj, saved)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the mistakes of the stored draft and what can be done with it."""
        obj: Rulebook | None = kwargs.get("obj")
        draft = obj if obj is not None and obj.status == RulebookStatus.DRAFT else None
        is_draft = draft is not None
        context["mistakes"] = rulebook_validate(draft) if draft is not None else []
        context["may_publish"] = is_draft and request.user.has_perm(PUBLISH)
        context["may_preview"] = context["may_publish"] and draft and has_impact(draft.module)
        context["unpreviewed"] = draft is not None and not has_impact(draft.module)
        context["may_withdraw"] = is_draft and self.has_change_permission(request, obj)
        context["may_retract"] = (
            obj is not None and may_be_retracted(obj) and request.user.has_perm(PUBLISH)
        )
        context["may_copy"] = obj is not None and self.has_add_permission(request)
        return super().render_change_form(request, context, *args, **kwargs)

    def publish_view(self, request: Any, pk: int) -> HttpResponse:
        """Show what would change, then publish on a confirmed POST."""
        if not request.user.has_perm(PUBLISH):
            raise PermissionDenied
        rulebook = get_object_or_404(Rulebook, pk=pk)
        if rulebook.status != RulebookStatus.DRAFT:
            # Published or withdrawn in another tab: what it is now says more than a missing page.
            messages.error(request, _("Only a draft can be published."))
            return HttpResponseRedirect(self._address(pk))
        form = PublishForm(request.POST if request.method == "POST" else None, rulebook=rulebook)
        if request.method == "POST" and form.is_valid():
            try:
                rulebook_publish(actor=request.user, rulebook=rulebook, **form.cleaned_data)
            except Refusal as refusal:
                rulebook.refresh_from_db()
                if refusal.code == "stale":  # to be looked at and decided anew
                    form = PublishForm(rulebook=rulebook)
                    messages.error(request, str(refusal))
                else:
                    form.add_error(None, str(refusal))
                    for _field, text in refusal.fields:
                        form.add_error(None, text)
            else:
                messages.success(
                    request,
                    _("%(rulebook)s is in force from %(day)s.")
                    % {"rulebook": rulebook, "day": rulebook.effective_from},
                )
                return HttpResponseRedirect(self._address(pk))
        return self.page(
            request,
            "publish",
            _("Publish %(rulebook)s") % {"rulebook": rulebook},
            rulebook=rulebook,
            form=form,
            mistakes=rulebook_validate(rulebook),
            previewed=has_impact(rulebook.module),
            impact=self._impact(rulebook),
            overlapping=rulebooks_overlapping(rulebook),
            differences=_differences(rulebook),
            day_before=rulebook.effective_from - timedelta(days=1),
            back=self._address(pk),
        )

    def impact_view(self, request: Any, pk: int) -> HttpResponse:
        """Show whom a draft would touch: how many of each group, and one group seller by seller."""
        rulebook = self._previewed(request, pk)
        impact = self._impact(rulebook)
        if impact is None:
            return HttpResponseRedirect(reverse("admin:portal_rulebook_publish", args=[pk]))
        group = impact.group(request.GET.get("group", ""))
        pages = Paginator(range(group.count), IMPACT_PAGE)
        page = pages.get_page(request.GET.get("page"))
        start = max(0, page.start_index() - 1)
        return self.page(
            request,
            "impact",
            _("Impact of %(rulebook)s") % {"rulebook": rulebook},
            rulebook=rulebook,
            impact=impact,
            group=group,
            page=page,
            rows=list(impact.rows(group.key, start, page.end_index())),
            back=self._address(pk),
        )

    def impact_csv_view(self, request: Any, pk: int) -> StreamingHttpResponse:
        """Send a group seller by seller."""
        rulebook = self._previewed(request, pk)
        impact = self._impact(rulebook)
        if impact is None:
            raise Http404
        group = impact.group(request.GET.get("group", ""))
        rows = chain([impact.heads], impact.rows(group.key, 0, None))
        texts = ([str(cell) for cell in row] for row in rows)
        return csv_response(texts, f"impact-{rulebook.version}-{group.key}")

    def _previewed(self, request: Any, pk: int) -> Rulebook:
        """Return a draft for those who may publish it; there is nothing to preview of others."""
        if not request.user.has_perm(PUBLISH):
            raise PermissionDenied
        return self._draft(pk)

    def _impact(self, rulebook: Rulebook) -> RuleImpact | None:
        """Return whom a draft would touch; none while it has mistakes or nothing is counted."""
        return None if rulebook_validate(rulebook) else impact_of(rulebook)

    def withdraw_view(self, request: Any, pk: int) -> HttpResponse:
        """Give up a draft; POST only."""
        if request.method != "POST" or not self.has_change_permission(request):
            raise PermissionDenied
        try:
            rulebook_withdraw(actor=request.user, rulebook=get_object_or_404(Rulebook, pk=pk))
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("The draft was withdrawn."))
        return HttpResponseRedirect(self._address(pk))

    def retract_view(self, request: Any, pk: int) -> HttpResponse:
        """Say what goes and what holds on, then take back on a confirmed POST."""
        if not request.user.has_perm(PUBLISH):
            raise PermissionDenied
        rulebook = get_object_or_404(Rulebook.objects.select_related("supersedes"), pk=pk)
        if request.method == "POST":
            try:
                rulebook_retract(actor=request.user, rulebook=rulebook)
            except Refusal as refusal:
                messages.error(request, str(refusal))
            else:
                messages.success(
                    request,
                    _("%(rulebook)s was taken back; it never took effect.")
                    % {"rulebook": rulebook},
                )
            return HttpResponseRedirect(self._address(pk))
        if not may_be_retracted(rulebook):
            raise Http404
        return self.page(
            request,
            "retract",
            _("Take back %(rulebook)s") % {"rulebook": rulebook},
            rulebook=rulebook,
            predecessor=predecessor_to_reopen(rulebook),
            restored=last_day_restored(rulebook),
            bulletins=rulebook.bulletins.filter(published_at__isnull=False),
            back=self._address(pk),
        )

    def _draft(self, pk: int) -> Rulebook:
        rulebook = Rulebook.objects.filter(pk=pk, status=RulebookStatus.DRAFT).first()
        if rulebook is None:
            raise Http404
        return rulebook

    def _address(self, pk: int) -> str:
        return reverse("admin:portal_rulebook_change", args=[pk])


def _differences(rulebook: Rulebook) -> str:
    """Return a unified diff against what would be in force otherwise, or nothing."""
    day: date = rulebook.effective_from
    old = (
        Rulebook.objects.filter(
            module=rulebook.module, status=RulebookStatus.PUBLISHED, effective_from__lt=day
        )
        .order_by("-effective_from")
        .first()
    )
    if old is None:
        return ""
    lines = difflib.unified_diff(
        as_text(old.content).splitlines(),
        as_text(rulebook.content).splitlines(),
        old.version,
        rulebook.version,
        lineterm="",
    )
    return "\n".join(lines)


register_queue(
    Queue(
        label=gettext_lazy("Rulebook drafts"),
        rows=lambda: Rulebook.objects.filter(status=RulebookStatus.DRAFT),
        url_name="admin:portal_rulebook_changelist",
        query=f"?status__exact={RulebookStatus.DRAFT}",
        permission=PUBLISH,
    )
)
