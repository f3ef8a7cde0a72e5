"""RFQs, quotes and unsolicited offers as staff see them (RFQ-1, RFQ-3, UI-7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from portal import platform_time
from portal.admin.base import ReadOnlyAdmin, ReadOnlyInline, ServiceAdmin
from portal.admin.decisions import DecisionAdmin, DecisionForm, StatusForm, words_field
from portal.admin_site import Queue, register_queue
from portal.models import Category, User
from rfq.choices import OfferStatus, RfqStatus
from rfq.models import Pin, Quote, Rfq, RfqInvitation, UnsolicitedOffer
from rfq.services.offers import PERMISSION, offer_decide
from rfq.services.rfqs import rfq_set_status


class IndustryFilter(admin.SimpleListFilter):
    """The top of the RFQ's category."""

    title = gettext_lazy("industry")
    parameter_name = "industry"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the industries."""
        return [(one.code, one.name) for one in Category.objects.filter(parent__isnull=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Rfq]) -> QuerySet[Rfq]:
        """Keep the RFQs below the industry."""
        code = self.value()
        return queryset.filter(category__above__ancestor__code=code) if code else queryset


class LifeFilter(admin.SimpleListFilter):
    """Whether an RFQ takes quotes now: open ones past their time do not."""

    title = gettext_lazy("takes quotes now")
    parameter_name = "live"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer both."""
        return [("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Rfq]) -> QuerySet[Rfq]:
        """Keep what is live, or what is not."""
        live = Q(status=RfqStatus.OPEN, expires_at__gt=platform_time.now())
        if self.value() == "yes":
            return queryset.filter(live)
        return queryset.exclude(live) if self.value() == "no" else queryset


class RfqStatusForm(StatusForm):
    """Staff decide about the status only; everything else is the buyer's."""

    class Meta:
        model = Rfq
        fields = ["status"]


class InvitationInline(ReadOnlyInline):
    """The buyer's invitation list."""

    model = RfqInvitation
    fields = ("seller", "invited_at")
    ordering = ("invited_at", "pk")


class PinInline(ReadOnlyInline):
    """The three pinned places, those given back included."""

    model = Pin
    fields = ("slot", "seller", "pinned_at", "released_at")
    ordering = ("slot", "pinned_at")
    show_change_link = False


@admin.register(Rfq)
class RfqAdmin(ServiceAdmin):
    """What buyers ask for; staff close, reopen or remove with a reason."""

    form = RfqStatusForm
    list_display = (
        "rfq_id", "title", "buyer", "category", "grade", "status", "posted_at", "expires_at",
        "quoted", "seats",
    )  # fmt: skip
    list_filter = ("status", LifeFilter, "grade", IndustryFilter)
    list_select_related = ("buyer", "category")
    search_fields = ("=rfq_id", "title", "=buyer__buyer_id")
    date_hierarchy = "posted_at"
    inlines = (InvitationInline, PinInline)
    _content = (
        "rfq_id", "buyer", "title", "category", "quantity", "unit", "details", "attachments",
        "target_price", "value_usd", "destination", "grade", "seats", "quoted", "posted_at",
        "opens_to_all_at", "expires_at",
    )  # fmt: skip
    readonly_fields = _content
    fields = ("status", "reason", *_content)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """RFQs come from upstream."""
        return False

    def save_model(self, request: Any, obj: Rfq, form: ModelForm, change: bool) -> None:
        """Change the status through its service; the form itself saves nothing."""
        if "status" not in form.changed_data:
            return
        wanted = form.cleaned_data["status"]
        obj.status = form.initial["status"]
        rfq_set_status(
            actor=request.user, rfq=obj, status=wanted, reason=form.cleaned_data["reason"]
        )
        obj.refresh_from_db()


@admin.register(Quote)
class QuoteAdmin(ReadOnlyAdmin):
    """Quotes, to look at: their sellers write them, their buyers answer."""

    list_display = (
        "rfq", "seller", "unit_price", "currency", "status", "origin", "submitted_at", "replied_at",
    )  # fmt: skip
    list_filter = ("status", "origin")
    list_select_related = ("rfq", "seller")
    search_fields = ("=rfq__rfq_id", "=seller__member_id")
    date_hierarchy = "submitted_at"
    inlines = (PinInline,)


class OfferForm(DecisionForm):
    """The decision about an offer and what its seller is told."""

    choices = (
        (OfferStatus.ACCEPTED.value, gettext_lazy("Accept and invite the seller")),
        (OfferStatus.DECLINED.value, gettext_lazy("Decline")),
    )
    answer = words_field(
        gettext_lazy("Answer"),
        most=2000,
        rows=4,
        help_text=gettext_lazy("The seller reads it. Needed to decline."),
    )

    class Meta:
        model = UnsolicitedOffer
        fields = ["answer"]


@admin.register(UnsolicitedOffer)
class UnsolicitedOfferAdmin(DecisionAdmin):
    """Offers of sellers who were not invited: accepted, they are invited and told (RFQ-3)."""

    form = OfferForm
    permission = PERMISSION
    said = stored = ("answer",)
    content = (
        "rfq", "seller", "title", "price", "message", "submitted_at", "submitted_by", "status",
        "decided_at", "decided_by",
    )  # fmt: skip
    list_display = ("rfq", "seller", "title", "price", "status", "submitted_at", "decided_by")
    list_filter = ("status",)
    list_select_related = ("rfq", "seller", "decided_by")
    search_fields = ("=rfq__rfq_id", "=seller__member_id", "title")
    date_hierarchy = "submitted_at"

    def title_of(self, obj: UnsolicitedOffer) -> str:
        """Name the RFQ and the shop."""
        return f"{obj.rfq.rfq_id} · {obj.seller}"

    def is_open(self, obj: UnsolicitedOffer) -> bool:
        """Tell whether the offer waits for staff."""
        return obj.status == OfferStatus.SUBMITTED

    def decide(self, actor: User, obj: UnsolicitedOffer, given: Mapping[str, Any]) -> None:
        """Accept or decline."""
        accepted = given["decision"] == OfferStatus.ACCEPTED
        offer_decide(actor=actor, offer=obj, accepted=accepted, answer=given["answer"])


register_queue(
    Queue(
        label=gettext_lazy("Unsolicited offers to evaluate"),
        rows=lambda: UnsolicitedOffer.objects.filter(status=OfferStatus.SUBMITTED),
        since="submitted_at",
        url_name="admin:rfq_unsolicitedoffer_changelist",
        query=f"?status__exact={OfferStatus.SUBMITTED.value}",
        permission=PERMISSION,
    )
)
