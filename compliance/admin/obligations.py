"""Requests for registration services as staff work on them; declarations to look at (EPR-9, EPR-10)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from compliance.choices import RequestStatus
from compliance.models import CalendarFeed, Declaration, ServiceRequest
from compliance.services.service_requests import (
    MAX_TEXT,
    PERMISSION,
    service_request_answer,
    service_request_take,
)
from portal.admin.base import ReadOnlyAdmin, ServiceAdmin
from portal.admin_site import Queue, register_queue

TAKE = "take"
OPEN = (RequestStatus.NEW, RequestStatus.IN_PROGRESS)


class ServiceRequestForm(forms.ModelForm):
    """What staff do with a request, and what the shop is told."""

    decision = forms.ChoiceField(
        label=gettext_lazy("What you do"),
        choices=[
            ("", "–"),
            (TAKE, gettext_lazy("Take it on, without an answer yet")),
            (RequestStatus.IN_PROGRESS.value, gettext_lazy("Answer, still in progress")),
            (RequestStatus.DONE.value, gettext_lazy("Answer and finish")),
            (RequestStatus.CANCELLED.value, gettext_lazy("Answer and turn down")),
        ],
        required=False,
    )
    answer = forms.CharField(
        label=gettext_lazy("Answer"),
        required=False,
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 5, "cols": 80}),
        help_text=gettext_lazy("The shop reads it and gets a notice."),
    )

    class Meta:
        model = ServiceRequest
        fields = ["answer"]


class WaitingFilter(admin.SimpleListFilter):
    """Whether staff still have something to do."""

    title = gettext_lazy("waits for us")
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer both."""
        return [("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Keep what is open, or what is over."""
        if self.value() == "yes":
            return queryset.filter(status__in=OPEN)
        return queryset.exclude(status__in=OPEN) if self.value() == "no" else queryset


@admin.register(ServiceRequest)
class ServiceRequestAdmin(ServiceAdmin):
    """The queue of requests, the longest waiting first (EPR-10)."""

    form = ServiceRequestForm
    list_display = (
        "title", "seller", "price_cny", "status", "asked_at", "asked_by", "answered_at", "answered_by",
    )  # fmt: skip
    list_filter = (WaitingFilter, "status", "offer")
    list_select_related = ("seller", "asked_by", "answered_by")
    search_fields = ("=seller__member_id", "seller__name_en", "=offer")
    date_hierarchy = "asked_at"
    ordering = ("asked_at", "pk")
    _content = (
        "seller", "offer", "title_en", "title_zh", "price_cny", "note", "status", "asked_at",
        "asked_by", "answered_at", "answered_by",
    )  # fmt: skip
    readonly_fields = _content
    fields = ("decision", "answer", *_content)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Requests come from shops."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What is over stays."""
        return (obj is None or obj.status in OPEN) and super().has_change_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave the decision out where there is none to take."""
        if self.has_change_permission(request, obj):
            return self.fields
        return ("answer", *self._content)

    def save_model(
        self, request: Any, obj: ServiceRequest, form: forms.ModelForm, change: bool
    ) -> None:
        """Act through the services; without a decision nothing is saved."""
        decision, answer = form.cleaned_data.get("decision"), form.cleaned_data["answer"]
        if decision == TAKE:
            service_request_take(actor=request.user, request=obj)
        elif decision:
            service_request_answer(actor=request.user, request=obj, answer=answer, status=decision)


@admin.register(Declaration)
class DeclarationAdmin(ReadOnlyAdmin):
    """What shops say they declared."""

    list_display = ("certificate", "seller", "due_on", "declared_at", "declared_by")
    list_select_related = ("certificate", "declared_by")
    search_fields = ("=certificate__number", "=certificate__seller__member_id")
    date_hierarchy = "due_on"

    def get_queryset(self, request: HttpRequest) -> Any:
        """Bring the shop's id along, for the list."""
        rows = super().get_queryset(request)
        return rows.annotate(member_id=F("certificate__seller__member_id"))

    @admin.display(description=gettext_lazy("seller"))
    def seller(self, declaration: Declaration) -> str:
        """Name the shop."""
        return str(declaration.member_id)  # type: ignore[attr-defined]


@admin.register(CalendarFeed)
class CalendarFeedAdmin(ReadOnlyAdmin):
    """Which shops share their calendar; never the address."""

    list_display = ("seller", "created_at", "created_by")
    list_select_related = ("seller", "created_by")
    search_fields = ("=seller__member_id",)


register_queue(
    Queue(
        label=gettext_lazy("Registration services asked for"),
        count=lambda: ServiceRequest.objects.filter(status__in=OPEN).count(),
        url_name="admin:compliance_servicerequest_changelist",
        query="?waiting=yes",
        permission=PERMISSION,
    )
)
