"""What was fed, in the admin: batches with their row reports, upload of files, templates (K-15)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.admin.base import ReadOnlyAdmin
from portal.admin.decisions import StateFilter
from portal.admin.own_pages import OwnSheet, add_refusal
from portal.errors import Refusal
from portal.ingest import uploads
from portal.ingest.kinds import all_kinds, kind_named
from portal.models import IngestBatch

REFRESH_SECONDS = 3
SHOWN = 200


def _kind_choices() -> list[tuple[str, Any]]:
    return [(kind.name, f"{kind.name} – {kind.label}") for kind in all_kinds()]


class UploadForm(forms.Form):
    """A file of rows of one kind."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind of rows"), choices=_kind_choices)
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("CSV (UTF-8 or GB18030) or XLSX; the first row names the columns."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.xlsx"}),
    )
    strict = forms.BooleanField(
        label=gettext_lazy("All or nothing"),
        required=False,
        help_text=gettext_lazy("Apply nothing if any row is rejected."),
    )


class AcceptedFilter(StateFilter):
    """What became of a batch: whoever looks for trouble finds it."""

    title = gettext_lazy("accepted")
    parameter_name = "accepted"

    def kinds(self) -> dict[str, tuple[Any, Q]]:
        """Offer refused files, rejected rows, and all that went well."""
        done = Q(finished_at__isnull=False)
        return {
            "refused": (gettext_lazy("Refused"), done & ~Q(error="")),
            "rejected": (gettext_lazy("Rejected rows"), done & Q(error="", rejected__gt=0)),
            "whole": (gettext_lazy("Complete"), done & Q(error="", rejected=0)),
        }


@admin.register(IngestBatch)
class IngestBatchAdmin(OwnSheet, ReadOnlyAdmin):
    """The ledger of ingest."""

    list_display = (
        "kind", "source", "started_at", "finished_at", "rows", "created", "updated", "unchanged",
        "rejected", "accepted", "user",
    )  # fmt: skip
    list_filter = (AcceptedFilter, "kind", "strict", "started_at")
    list_select_related = ("user",)
    search_fields = ("source",)
    change_list_template = "admin/portal/ingestbatch/change_list.html"
    own_pages = {
        "upload": "upload/",
        "template": "template/<str:kind>.csv",
        "rejections": "<int:pk>/rejections.csv",
    }

    @admin.display(description=gettext_lazy("accepted"), boolean=True)
    def accepted(self, batch: IngestBatch) -> bool | None:
        """Tell whether the batch as a whole was accepted; unknown while it runs."""
        return None if batch.finished_at is None else not batch.error

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the ledger and, to those who may, the way to upload."""
        may_upload = request.user.has_perm(uploads.PERMISSION)
        return super().changelist_view(request, {"may_upload": may_upload, **(extra_context or {})})

    def sheet(self, request: HttpRequest, batch: IngestBatch) -> HttpResponse:
        """Show one batch with its rejected rows; reload while it is being applied."""
        return self.page(
            request,
            "detail",
            str(batch),
            batch=batch,
            rejections=batch.rejections[:SHOWN],
            more=max(batch.rejected - SHOWN, 0),
            refresh=REFRESH_SECONDS if batch.finished_at is None else None,
            may_upload=request.user.has_perm(uploads.PERMISSION),
        )

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Take a file and show its batch."""
        if not request.user.has_perm(uploads.PERMISSION):
            raise PermissionDenied
        # The way here from a batch knows what is to be sent again.
        initial = {"kind": request.GET.get("kind")}
        form = UploadForm(request.POST or None, request.FILES or None, initial=initial)
        if request.method == "POST" and form.is_valid():
            try:
                batch = uploads.upload_accept(
                    actor=request.user,  # type: ignore[arg-type]
                    kind=form.cleaned_data["kind"],
                    file=form.cleaned_data["file"],
                    strict=form.cleaned_data["strict"],
                )
            except Refusal as refusal:
                add_refusal(form, refusal)
            else:
                _tell(request, batch)
                return HttpResponseRedirect(
                    reverse("admin:portal_ingestbatch_change", args=[batch.pk])
                )
        return self.page(request, "upload", _("Upload a file"), form=form, kinds=all_kinds())

    def template_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Send the header of a kind with one example row."""
        if not request.user.has_perm(uploads.PERMISSION):
            raise PermissionDenied
        kind_class = kind_named(kind)
        if kind_class is None:
            raise Http404
        return _download(f"{kind_class.name}.csv", uploads.template_csv(kind_class))

    def rejections_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send the rejected rows of a batch."""
        batch = get_object_or_404(IngestBatch, pk=pk)
        if not self.has_view_permission(request, batch):
            raise PermissionDenied
        name = f"{batch.kind}-{batch.pk}-rejected.csv"
        return _download(name, "".join(uploads.rejections_csv(batch)))


def _tell(request: HttpRequest, batch: IngestBatch) -> None:
    if batch.finished_at is None:
        messages.info(request, _("The file is being applied; this page shows how far it is."))
    elif batch.error:
        messages.error(request, _("The file was refused: %(why)s") % {"why": batch.error})
    elif batch.rejected and batch.strict:
        messages.warning(request, _("Nothing was applied: rows were rejected."))
    elif batch.rejected:
        messages.warning(request, _("Applied, except for the rejected rows."))
    else:
        messages.success(request, _("Applied."))


def _download(name: str, text: str) -> HttpResponse:
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
