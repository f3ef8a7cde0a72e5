"""Requests for registration services as staff work on them; declarations to look at (EPR-9, EPR-10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import F, Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from compliance.models import CalendarFeed, Declaration, ServiceRequest
from compliance.services.service_requests import (
    MAX_TEXT,
    PERMISSION,
    service_request_answer,
    service_request_take,
)
from portal.admin.base import ReadOnlyAdmin
from portal.admin.decisions import DecisionAdmin, DecisionForm, WaitingFilter, words_field
from portal.admin_site import Queue, register_queue
from portal.choices import OPEN_REQUESTS, RequestStatus
from portal.models import User

TAKE = "take"


class ServiceRequestForm(DecisionForm):
    """What staff do with a request, and what the shop is told."""

    choices = (
        (TAKE, gettext_lazy("Take it on, without an answer yet")),
        (RequestStatus.IN_PROGRESS.value, gettext_lazy("Answer, still in progress")),
        (RequestStatus.DONE.value, gettext_lazy("Answer and finish")),
        (RequestStatus.CANCELLED.value, gettext_lazy("Answer and turn down")),
    )
    answer = words_field(gettext_lazy("Answer"), most=MAX_TEXT)

    class Meta:
        model = ServiceRequest
        fields = ["answer"]


class RequestsWaiting(WaitingFilter):
    """Requests by whether staff still have something to do."""

    waits = Q(status__in=OPEN_REQUESTS)


@admin.register(ServiceRequest)
class ServiceRequestAdmin(DecisionAdmin):
    """The queue of requests, the longest waiting first (EPR-10)."""

    form = ServiceRequestForm
    permission = PERMISSION
    said = stored = ("answer",)
    content = (
        "seller", "offer", "title_en", "title_zh", "price_cny", "note", "status", "asked_at",
        "asked_by", "answered_at", "answered_by",
    )  # fmt: skip
    list_display = (
        "title", "seller", "price_cny", "status", "asked_at", "asked_by", "answered_at", "answered_by",
    )  # fmt: skip
    list_filter = (RequestsWaiting, "status", "offer")
    list_select_related = ("seller", "asked_by", "answered_by")
    search_fields = ("=seller__member_id", "seller__name_en", "=offer")
    date_hierarchy = "asked_at"
    ordering = ("asked_at", "pk")

    def title_of(self, obj: ServiceRequest) -> str:
        """Name the service and the shop."""
        return f"{obj.title} · {obj.seller}"

    def is_open(self, obj: ServiceRequest) -> bool:
        """Tell whether the request waits for staff."""
        return obj.status in OPEN_REQUESTS

    def decide(self, actor: User, obj: ServiceRequest, given: Mapping[str, Any]) -> None:
        """Take it on, or answer."""
        decision = given["decision"]
        if decision == TAKE:
            service_request_take(actor=actor, request=obj)
        else:
            service_request_answer(
                actor=actor, request=obj, answer=given["answer"], status=decision
            )


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
        rows=lambda: ServiceRequest.objects.filter(status__in=OPEN_REQUESTS),
        since="asked_at",
        url_name="admin:compliance_servicerequest_changelist",
        query="?waiting=yes",
        permission=PERMISSION,
    )
)
