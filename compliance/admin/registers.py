"""Registers that staff load, and canned reasons (EPR-7, EPR-8)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import RegisterImport, ReviewReason
from compliance.review.reading import register_name
from compliance.review.registers import REGISTERS
from compliance.services.registers import KEPT_PROBLEMS, PERMISSION, register_import
from compliance.services.review_reasons import review_reason_save
from portal import platform_time
from portal.admin.base import ReadOnlyAdmin, ServiceAdmin
from portal.admin.own_pages import OwnSheet, add_refusal
from portal.errors import Refusal


class RegisterForm(forms.Form):
    """An export of a register and its day."""

    register = forms.ChoiceField(
        label=gettext_lazy("Register"),
        choices=lambda: [(one.code, one.name) for one in REGISTERS.values()],
    )
    dated_on = forms.DateField(
        label=gettext_lazy("Date of the export"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("The day on which the register said so."),
    )
    upload = forms.FileField(
        label=gettext_lazy("File"),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.json,.xml"}),
        help_text=gettext_lazy("CSV in any usual encoding, JSON of ADEME, XML of LUCID."),
    )


@admin.register(RegisterImport)
class RegisterImportAdmin(OwnSheet, ReadOnlyAdmin):
    """What was loaded when; a new export takes the place of the one before."""

    list_display = (
        "name_of", "dated_on", "name", "rows", "rejected", "matched", "imported_at", "imported_by",
    )  # fmt: skip
    list_filter = ("register",)
    list_select_related = ("imported_by",)
    search_fields = ("name", "=sha256")
    date_hierarchy = "imported_at"
    change_list_template = "admin/compliance/registerimport/change_list.html"
    own_pages = {"upload": "upload/"}

    @admin.display(description=gettext_lazy("register"), ordering="register")
    def name_of(self, made: RegisterImport) -> str:
        """Show what the register is called."""
        return register_name(made.register)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the imports and, to those who may, the way to load one."""
        may_load = request.user.has_perm(PERMISSION)
        return super().changelist_view(request, {"may_load": may_load, **(extra_context or {})})

    def sheet(self, request: HttpRequest, made: RegisterImport) -> HttpResponse:
        """Show one import with the rows that were left out."""
        more = max(made.rejected - KEPT_PROBLEMS, 0)
        title = f"{register_name(made.register)} {made.dated_on.isoformat()}"
        return self.page(request, "detail", title, made=made, more=more)

    def upload_view(self, request: Any) -> HttpResponse:
        """Take a file, load it and show what came of it."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        initial = {"dated_on": platform_time.today().isoformat()}
        form = RegisterForm(request.POST or None, request.FILES or None, initial=initial)
        if request.method == "POST" and form.is_valid():
            try:
                made = register_import(actor=request.user, **form.cleaned_data)
            except Refusal as refusal:
                add_refusal(form, refusal)
            else:
                text = _("%(rows)d registrations; %(matched)d waiting certificates are found.")
                messages.success(request, text % {"rows": made.rows, "matched": made.matched})
                address = reverse("admin:compliance_registerimport_change", args=[made.pk])
                return HttpResponseRedirect(address)
        return self.page(request, "upload", _("Load a register"), form=form)


@admin.register(ReviewReason)
class ReviewReasonAdmin(ServiceAdmin):
    """Canned reasons in both languages; what was decided with one keeps the text it had then."""

    list_display = ("code", "kind", "text_en", "text_zh", "active")
    list_filter = ("kind", "active")
    search_fields = ("code", "text_en", "text_zh")
    fields = ("kind", "code", "text_en", "text_zh", "active")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Kind and code of a reason stay."""
        return ("kind", "code") if obj is not None else ()

    def save_model(self, request: Any, obj: ReviewReason, form: ModelForm, change: bool) -> None:
        """Save through the service."""
        existing = ReviewReason.objects.get(pk=obj.pk) if change else None
        saved = review_reason_save(
            actor=request.user,
            kind=obj.kind,
            code=obj.code,
            text_en=obj.text_en,
            text_zh=obj.text_zh,
            active=obj.active,
            reason=existing,
        )
        self.adopt(obj, saved)
