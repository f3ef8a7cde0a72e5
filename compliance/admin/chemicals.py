"""The lists of chemicals and the categories that ask for CAS numbers, by form and by file (CMP-4, UI-7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.goods.list_files import list_rows
from compliance.models import Chemical, ChemicalCategory
from compliance.services.chemical_lists import (
    CHANGE,
    CHANGE_CATEGORY,
    ChemicalFields,
    ListReport,
    chemical_categories_import,
    chemical_category_remove,
    chemical_category_save,
    chemical_save,
    chemicals_import,
)
from portal.admin.base import ServiceAdmin
from portal.admin.confirm import asks_first
from portal.admin.own_pages import add_refusal
from portal.errors import Refusal
from portal.exports import csv_response
from portal.models import Category

FOLDER = "admin/compliance/chemical"
CHEMICAL_COLUMNS = ("cas", "name_en", "listing", "starts_on")
CATEGORY_COLUMNS = ("category", "starts_on")


class ListForm(forms.Form):
    """A file, and whether it only is to be checked."""

    file = forms.FileField(label=gettext_lazy("CSV or XLSX file"))
    only_check = forms.BooleanField(
        label=gettext_lazy("Only check it"), required=False, initial=True
    )


class ChemicalListForm(ListForm):
    """A list of substances may take the place of all there are."""

    replace = forms.BooleanField(
        label=gettext_lazy("Put it in place of the lists: what it does not name goes"),
        required=False,
    )


class ListPages(ServiceAdmin):
    """An admin whose rows also come from a file."""

    form_class: type[ListForm] = ListForm
    permission = ""
    columns: tuple[str, ...] = ()
    columns_help = ""
    change_list_template = f"{FOLDER}/change_list.html"
    page_folder = "compliance/chemical"
    own_pages: ClassVar[Mapping[str, str]] = {"load": "load/"}

    def load(self, request: Any, form: ListForm) -> ListReport:
        """Take the list of a valid form through its service."""
        raise NotImplementedError

    def changelist_view(
        self, request: Any, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Offer loading a file to those who may."""
        may_load = request.user.has_perm(self.permission)
        context = {"may_load": may_load, "load_url": self._load_url(), **(extra_context or {})}
        return super().changelist_view(request, context)

    def _load_url(self) -> str:
        return reverse(f"admin:compliance_{self.opts.model_name}_load")

    def load_view(self, request: Any) -> HttpResponse:
        """Check a file, or take it; either way say what became of its rows."""
        if not request.user.has_perm(self.permission):
            raise PermissionDenied
        form = self.form_class(request.POST or None, request.FILES or None)
        report = None
        back = reverse(f"admin:compliance_{self.opts.model_name}_changelist")
        if request.method == "POST" and form.is_valid():
            try:
                report = self.load(request, form)
            except Refusal as refusal:
                add_refusal(form, refusal)
            else:
                if not form.cleaned_data["only_check"] and not report.refused:
                    text = _("%(created)d added, %(changed)d changed, %(removed)d removed.")
                    messages.success(request, text % report.counts())
                    return HttpResponseRedirect(back)
        return self.page(
            request,
            "load",
            _("Load a file"),
            form=form,
            report=report,
            columns=self.columns,
            columns_help=self.columns_help,
            back=back,
        )


class ChemicalForm(forms.ModelForm):
    """A substance."""

    class Meta:
        model = Chemical
        fields = ["cas", "name_en", "name_zh", "listing", "starts_on", "categories", "source"]


@admin.register(Chemical)
class ChemicalAdmin(ListPages):
    """Forbidden and restricted substances."""

    form = ChemicalForm
    form_class = ChemicalListForm
    permission = CHANGE
    columns = CHEMICAL_COLUMNS
    columns_help = gettext_lazy(  # type: ignore[assignment]
        "Also name_zh, source, and categories: codes joined by |. The list is “forbidden” or"
        " “restricted”."
    )
    list_display = ("cas", "name_en", "name_zh", "listing", "starts_on", "source")
    list_filter = ("listing", "source")
    search_fields = ("=cas", "name_en", "name_zh")
    autocomplete_fields = ("categories",)
    own_pages = {**ListPages.own_pages, "export": "export/"}

    def save_model(self, request: Any, obj: Chemical, form: ModelForm, change: bool) -> None:
        """Save through the service."""
        existing = Chemical.objects.get(pk=obj.pk) if change else None
        given = {**form.cleaned_data, "categories": list(form.cleaned_data["categories"])}
        saved = chemical_save(actor=request.user, fields=ChemicalFields(**given), chemical=existing)
        self.adopt(obj, saved)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The service has saved the categories."""

    def export_view(self, request: Any) -> StreamingHttpResponse:
        """Send the lists as the import reads them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = Chemical.objects.prefetch_related("categories").order_by("cas")
        head = ["cas", "name_en", "name_zh", "listing", "starts_on", "categories", "source"]
        lines = [
            [
                one.cas, one.name_en, one.name_zh, one.listing, one.starts_on.isoformat(),
                "|".join(category.code for category in one.categories.all()), one.source,
            ]
            for one in rows
        ]  # fmt: skip
        return csv_response([head, *lines], "chemicals")

    def load(self, request: Any, form: ListForm) -> ListReport:
        """Take a list of substances."""
        given = form.cleaned_data
        return chemicals_import(
            actor=request.user,
            rows=list_rows(given["file"], needed=self.columns),
            replace=given["replace"],
            dry_run=given["only_check"],
        )


class ChemicalCategoryForm(forms.ModelForm):
    """A category that asks for CAS numbers."""

    class Meta:
        model = ChemicalCategory
        fields = ["category", "starts_on"]


@admin.register(ChemicalCategory)
class ChemicalCategoryAdmin(ListPages):
    """Categories whose products must name a CAS number."""

    form = ChemicalCategoryForm
    permission = CHANGE_CATEGORY
    columns = CATEGORY_COLUMNS
    columns_help = gettext_lazy("The category by its code.")  # type: ignore[assignment]
    list_display = ("category", "path", "starts_on")
    list_select_related = ("category",)
    search_fields = ("category__code", "category__path_en", "category__path_zh")
    autocomplete_fields = ("category",)
    actions = ("stop_asking",)

    @admin.display(description=gettext_lazy("path"))
    def path(self, row: ChemicalCategory) -> str:
        """Where it is."""
        return row.category.path

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The category of a row stays."""
        return ("category",) if obj is not None else ()

    def save_model(
        self, request: Any, obj: ChemicalCategory, form: ModelForm, change: bool
    ) -> None:
        """Save through the service."""
        category: Category = obj.category
        saved = chemical_category_save(
            actor=request.user, category=category, starts_on=form.cleaned_data["starts_on"]
        )
        self.adopt(obj, saved)

    @admin.action(description=gettext_lazy("Stop asking for CAS numbers"), permissions=["change"])
    @asks_first
    def stop_asking(self, request: Any, queryset: Any) -> None:
        """Remove the chosen categories from the rules."""
        for row in queryset.select_related("category"):
            chemical_category_remove(actor=request.user, row=row)
        messages.success(request, _("Done."))

    def load(self, request: Any, form: ListForm) -> ListReport:
        """Take a list of categories."""
        return chemical_categories_import(
            actor=request.user,
            rows=list_rows(form.cleaned_data["file"], needed=self.columns),
            dry_run=form.cleaned_data["only_check"],
        )
