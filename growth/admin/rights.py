"""Upgrade requests as staff work on them, second companies, labels to look at (GRO-15, GRO-16)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy

from growth.choices import OPEN_UPGRADES, UpgradeStatus
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
from portal.admin_site import Queue, register_queue

TAKE = "take"


class UpgradeRequestForm(forms.ModelForm):
    """What staff do with a request, and what the shop is told."""

    decision = forms.ChoiceField(
        label=gettext_lazy("What you do"),
        choices=[
            ("", "–"),
            (TAKE, gettext_lazy("Take it on, without an answer yet")),
            (UpgradeStatus.IN_PROGRESS.value, gettext_lazy("Answer, still in progress")),
            (UpgradeStatus.DONE.value, gettext_lazy("Answer and finish")),
            (UpgradeStatus.CANCELLED.value, gettext_lazy("Answer and turn down")),
        ],
        required=False,
    )
    answer = forms.CharField(
        label=gettext_lazy("Answer"),
        required=False,
        max_length=MAX_ANSWER,
        widget=forms.Textarea(attrs={"rows": 5, "cols": 80}),
        help_text=gettext_lazy("The shop reads it and gets a notice."),
    )

    class Meta:
        model = UpgradeRequest
        fields = ["answer"]


def overdue() -> Q:
    """Return the condition for requests nobody has followed up in time."""
    return Q(status=UpgradeStatus.NEW, due_at__lt=platform_time.now())


class WaitingFilter(admin.SimpleListFilter):
    """Whether staff still have something to do."""

    title = gettext_lazy("waits for us")
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer what is open, what is late, what is over."""
        return [
            ("yes", gettext_lazy("Yes")),
            ("late", gettext_lazy("Past the due time")),
            ("no", gettext_lazy("No")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Keep one of them."""
        if self.value() == "yes":
            return queryset.filter(status__in=OPEN_UPGRADES)
        if self.value() == "late":
            return queryset.filter(overdue())
        return queryset.exclude(status__in=OPEN_UPGRADES) if self.value() == "no" else queryset


@admin.register(UpgradeRequest)
class UpgradeRequestAdmin(ServiceAdmin):
    """The queue of requests, the one due first on top (GRO-15)."""

    form = UpgradeRequestForm
    list_display = (
        "seller",
        "status",
        "contact",
        "phone",
        "asked_at",
        "due_at",
        "late",
        "handled_by",
    )
    list_filter = (WaitingFilter, "status")
    list_select_related = ("seller", "asked_by", "handled_by")
    search_fields = ("=seller__member_id", "seller__name_en", "contact")
    date_hierarchy = "asked_at"
    ordering = ("due_at", "pk")
    _content = (
        "seller", "contact", "phone", "wishes", "status", "asked_at", "asked_by", "due_at", "handled_at",
        "handled_by",
    )  # fmt: skip
    readonly_fields = _content
    fields = ("decision", "answer", *_content)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Head the page with the shop that asks."""
        if (asked := kwargs.get("obj")) is not None:
            context["subtitle"] = str(asked.seller)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=gettext_lazy("late"), boolean=True)
    def late(self, request: UpgradeRequest) -> bool:
        """Tell whether nobody has followed up in time."""
        return request.status == UpgradeStatus.NEW and request.due_at < platform_time.now()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Requests come from shops."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What is over stays."""
        still = obj is None or obj.status in OPEN_UPGRADES
        return still and super().has_change_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave the decision out where there is none to take."""
        if self.has_change_permission(request, obj):
            return self.fields
        return ("answer", *self._content)

    def save_model(
        self, request: Any, obj: UpgradeRequest, form: forms.ModelForm, change: bool
    ) -> None:
        """Act through the services; without a decision nothing is saved."""
        decision, answer = form.cleaned_data.get("decision"), form.cleaned_data["answer"]
        if decision == TAKE:
            upgrade_request_take(actor=request.user, request=obj)
        elif decision:
            upgrade_request_answer(actor=request.user, request=obj, answer=answer, status=decision)


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
        count=lambda: UpgradeRequest.objects.filter(status__in=OPEN_UPGRADES).count(),
        url_name="admin:growth_upgraderequest_changelist",
        query="?waiting=yes",
        permission=PERMISSION,
    )
)
