"""Protected marks in the hands of staff: the watch-list, and cases to judge (CMP-5, UI-7)."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.forms import ModelForm
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import MarkCaseState
from compliance.goods.mark_rules import WAITING
from compliance.models import MarkCase, ProtectedMark
from compliance.services.mark_cases import MAX_TEXT, PERMISSION, VERDICTS, mark_case_judge
from compliance.services.marks import MarkFields, protected_mark_save
from portal.admin.base import ReadOnlyAdmin, ServiceAdmin
from portal.admin.own_pages import add_refusal
from portal.admin_site import Queue, register_queue
from portal.errors import Refusal
from portal.services.files import file_url


class MarkForm(forms.ModelForm):
    """A mark; other spellings one a line, Nice classes as numbers."""

    variants = forms.CharField(
        label=gettext_lazy("Other spellings"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 60}),
        help_text=gettext_lazy("One a line. Look-alike letters are found without naming them."),
    )
    nice_classes = forms.RegexField(
        r"^[\d\s,;]*$",
        label=gettext_lazy("Nice classes"),
        required=False,
        help_text=gettext_lazy("Such as 14, 18, 25."),
    )

    class Meta:
        model = ProtectedMark
        fields = [
            "name", "variants", "number", "holder", "nice_classes", "goods", "example", "source",
            "starts_on", "active",
        ]  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["variants"] = "\n".join(self.instance.variants)
            self.initial["nice_classes"] = ", ".join(map(str, self.instance.nice_classes))

    def clean_variants(self) -> list[str]:
        """Return the spellings."""
        return [line.strip() for line in self.cleaned_data["variants"].splitlines() if line.strip()]

    def clean_nice_classes(self) -> list[int]:
        """Return the numbers."""
        numbers = re.findall(r"\d+", self.cleaned_data["nice_classes"])
        return [int(number[:4]) for number in numbers]


@admin.register(ProtectedMark)
class ProtectedMarkAdmin(ServiceAdmin):
    """The watch-list; a mark is switched off, never deleted."""

    form = MarkForm
    list_display = ("name", "number", "holder", "starts_on", "active", "source")
    list_filter = ("active", "source")
    search_fields = ("name", "number", "holder")

    def save_model(self, request: Any, obj: ProtectedMark, form: ModelForm, change: bool) -> None:
        """Save through the service."""
        existing = ProtectedMark.objects.get(pk=obj.pk) if change else None
        saved = protected_mark_save(
            actor=request.user, fields=MarkFields(**form.cleaned_data), mark=existing
        )
        self.adopt(obj, saved)


class JudgeForm(forms.Form):
    """How a case is judged, and what the shop reads."""

    verdict = forms.ChoiceField(
        label=gettext_lazy("Judgement"),
        choices=[("", "–"), *((one.value, one.label) for one in VERDICTS)],
    )
    judgement = forms.CharField(
        label=gettext_lazy("What the shop is told"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 5, "cols": 80}),
    )
    penalise = forms.BooleanField(
        label=gettext_lazy("Confirm a violation as well (infringement of intellectual property)"),
        required=False,
    )


@admin.register(MarkCase)
class MarkCaseAdmin(ReadOnlyAdmin):
    """The queue: answered cases, the longest waiting first; a case is judged on its own page."""

    list_display = ("mark", "title", "shop", "state", "opened_at", "answered_at", "judged_by")
    list_filter = ("state", "mark")
    list_select_related = ("mark", "product__seller", "judged_by")
    search_fields = ("=product__product_id", "=product__seller__member_id", "title", "mark__name")
    ordering = (F("answered_at").asc(nulls_last=True), "opened_at", "pk")
    change_form_template = "admin/compliance/markcase/change_form.html"
    own_pages = {"judge": "<int:pk>/judge/"}
    fields = (
        "mark", "product", "title", "state", "opened_at", "answer", "authorisation", "answered_at",
        "judgement", "judged_at", "judged_by",
    )  # fmt: skip

    @admin.display(description=gettext_lazy("shop"))
    def shop(self, case: MarkCase) -> str:
        """Whose product it is."""
        return str(case.product.seller)

    def render_change_form(
        self, request: Any, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Offer the judgement while the case waits."""
        case: MarkCase | None = kwargs.get("obj")
        context["may_judge"] = (
            case is not None and case.state in WAITING and request.user.has_perm(PERMISSION)
        )
        return super().render_change_form(request, context, *args, **kwargs)

    def judge_view(self, request: Any, pk: int) -> HttpResponse:
        """Show the case beside the mark, then take the judgement on a POST."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        cases = MarkCase.objects.select_related(
            "mark", "product__seller", "product__category", "authorisation"
        )
        case = cases.filter(pk=pk).first()
        if case is None:
            raise Http404
        form = JudgeForm(request.POST or None)
        back = reverse("admin:compliance_markcase_change", args=[pk])
        if request.method == "POST" and form.is_valid():
            try:
                mark_case_judge(actor=request.user, case=case, **form.cleaned_data)
            except Refusal as refusal:
                add_refusal(form, refusal)
            else:
                messages.success(request, _("Judged; the shop is told."))
                queue = reverse("admin:compliance_markcase_changelist")
                waiting = f"?state__exact={MarkCaseState.ANSWERED.value}"
                return HttpResponseRedirect(f"{queue}{waiting}")
        proof = case.authorisation
        files = proof.files.select_related("file") if proof else ()
        return self.page(
            request,
            "judge",
            _("Judge “%(mark)s”") % {"mark": case.mark.name},
            case=case,
            form=form,
            back=back,
            files=[(one.file.name, file_url(one.file)) for one in files],
        )


register_queue(
    Queue(
        label=gettext_lazy("Answers about protected marks to judge"),
        rows=lambda: MarkCase.objects.filter(state=MarkCaseState.ANSWERED),
        since="answered_at",
        url_name="admin:compliance_markcase_changelist",
        query=f"?state__exact={MarkCaseState.ANSWERED.value}",
        permission=PERMISSION,
    )
)
