"""Upgrade requests as staff work on them, second companies, labels to look at (GRO-15, GRO-16)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from growth.models import AffiliatedCompany, StrengthLabel, UpgradeRequest
from growth.services.affiliates import FIELDS, affiliate_save
from growth.services.upgrade_requests import (
    MAX_ANSWER,
    PERMISSION,
    upgrade_request_answer,
    upgrade_request_take,
)
from portal import platform_time
from portal.admin.base import ReadOnlyAdmin, ServiceAdmin
from portal.admin.decisions import (
    DecisionAdmin,
    DecisionForm,
    WaitingFilter,
    due_text,
    words_field,
)
from portal.admin_site import Queue, register_queue
from portal.choices import OPEN_REQUESTS, RequestStatus
from portal.models import User

TAKE = "take"


class UpgradeRequestForm(DecisionForm):
    """What staff do with a request, and what the shop is told."""

    choices = (
        (TAKE, gettext_lazy("Take it on, without an answer yet")),
        (RequestStatus.IN_PROGRESS.value, gettext_lazy("Answer, still in progress")),
        (RequestStatus.DONE.value, gettext_lazy("Answer and finish")),
        (RequestStatus.CANCELLED.value, gettext_lazy("Answer and turn down")),
    )
    answer = words_field(gettext_lazy("Answer"), most=MAX_ANSWER)

    class Meta:
        model = UpgradeRequest
        fields = ["answer"]


class UpgradesWaiting(WaitingFilter):
    """Requests by whether staff still have something to do."""

    waits = Q(status__in=OPEN_REQUESTS)

    def kinds(self) -> dict[str, tuple[Any, Q]]:
        """Offer what nobody has followed up in time as well."""
        late = Q(status=RequestStatus.NEW, due_at__lt=platform_time.now())
        kinds = super().kinds()
        return {
            "yes": kinds["yes"],
            "late": (gettext_lazy("Past the due time"), late),
            "no": kinds["no"],
        }


@admin.register(UpgradeRequest)
class UpgradeRequestAdmin(DecisionAdmin):
    """The queue of requests, the one due first on top (GRO-15)."""

    form = UpgradeRequestForm
    permission = PERMISSION
    said = stored = ("answer",)
    content = (
        "seller", "contact", "phone", "wishes", "status", "asked_at", "asked_by", "due_at", "handled_at",
        "handled_by",
    )  # fmt: skip
    list_display = ("seller", "status", "contact", "phone", "asked_at", "due", "handled_by")
    list_filter = (UpgradesWaiting, "status")
    list_select_related = ("seller", "asked_by", "handled_by")
    search_fields = ("=seller__member_id", "seller__name_en", "seller__name_zh", "contact")
    date_hierarchy = "asked_at"
    ordering = ("due_at", "pk")

    def title_of(self, obj: UpgradeRequest) -> str:
        """Name the shop that asks."""
        return str(obj.seller)

    @admin.display(description=gettext_lazy("follow up by"), ordering="due_at")
    def due(self, request: UpgradeRequest) -> Any:
        """Say by when somebody calls, and how late it is while nobody has."""
        return due_text(request.due_at, waits=request.status == RequestStatus.NEW)

    def is_open(self, obj: UpgradeRequest) -> bool:
        """Tell whether the request waits for staff."""
        return obj.status in OPEN_REQUESTS

    def decide(self, actor: User, obj: UpgradeRequest, given: Mapping[str, Any]) -> None:
        """Take it on, or answer."""
        decision = given["decision"]
        if decision == TAKE:
            upgrade_request_take(actor=actor, request=obj)
        else:
            upgrade_request_answer(
                actor=actor, request=obj, answer=given["answer"], status=decision
            )


def _percentage(label: Any, *, required: bool) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, required=required, min_value=0, max_value=100, max_digits=5, decimal_places=2
    )


class AffiliatedCompanyForm(forms.ModelForm):
    """The second company; what is no percentage is said at its field."""

    shares = _percentage(gettext_lazy("shares (%)"), required=True)
    concert_shares = _percentage(gettext_lazy("shares in a concert agreement (%)"), required=False)

    class Meta:
        model = AffiliatedCompany
        fields = ["seller", *FIELDS]


@admin.register(AffiliatedCompany)
class AffiliatedCompanyAdmin(ServiceAdmin):
    """Second companies: how they hang together with the shop, and what they add to its card."""

    form = AffiliatedCompanyForm
    list_display = (
        "seller", "name", "shares", "concert_shares", "same_legal_person", "floor_area", "employees",
    )  # fmt: skip
    list_filter = ("same_legal_person",)
    list_select_related = ("seller",)
    search_fields = ("=seller__member_id", "seller__name_en", "name")
    autocomplete_fields = ("seller",)
    fields = ("seller", *FIELDS)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A company stays with its shop."""
        return ("seller",) if obj is not None else ()

    def save_model(
        self, request: Any, obj: AffiliatedCompany, form: forms.ModelForm, change: bool
    ) -> None:
        """Save through the service."""
        values = {name: form.cleaned_data[name] for name in FIELDS}
        self.adopt(obj, affiliate_save(actor=request.user, seller=obj.seller, values=values))


@admin.register(StrengthLabel)
class StrengthLabelAdmin(ReadOnlyAdmin):
    """What shops have chosen."""

    list_display = ("seller", "place", "label", "chosen_at")
    list_filter = ("label",)
    list_select_related = ("seller",)
    search_fields = ("=seller__member_id", "seller__name_en", "=label")


register_queue(
    Queue(
        # Translators: 升级金品诚企申请
        label=gettext_lazy("Requests to become verified"),
        rows=lambda: UpgradeRequest.objects.filter(status__in=OPEN_REQUESTS),
        since="asked_at",
        url_name="admin:growth_upgraderequest_changelist",
        query="?waiting=yes",
        permission=PERMISSION,
    )
)
