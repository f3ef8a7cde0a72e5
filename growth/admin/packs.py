"""Task packs as operators write them; claims, lists and rewards to look at (GRO-6 … GRO-10, UI-7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from growth.admin.pack_forms import PackForm
from growth.choices import ClaimOutcome
from growth.models import Pack, PackClaim, PackListing, PackStanding, RewardGrant
from growth.packs.rules import granted_by
from growth.services.pack_settling import is_counted
from growth.services.pack_writing import pack_said, pack_save
from portal import platform_time
from portal.admin.base import SELLER_SEARCH, ReadOnlyAdmin
from portal.admin.decisions import StateFilter
from portal.admin.previews import PreviewedAdmin
from portal.admin.standings import HoldsOnFilter
from portal.admin_site import Queue, register_queue
from portal.audience import FIELDS, sellers_concerned
from portal.choices import SellerStatus
from portal.metrics import METRICS
from portal.models import Seller
from portal.templatetags.portal_ui import EMPTY

PREVIEWED = 20
STATES = {
    "coming": gettext_lazy("Coming"),
    "running": gettext_lazy("Running"),
    "waiting": gettext_lazy("Over, not settled"),
    "settled": gettext_lazy("Settled"),
}


class PackStateFilter(StateFilter):
    """Where a pack stands today."""

    title = gettext_lazy("state today")
    parameter_name = "state"

    def kinds(self) -> dict[str, tuple[Any, Q]]:
        """Offer the states."""
        today = platform_time.today()
        conditions = {
            "coming": Q(opens_on__gt=today),
            "running": Q(opens_on__lte=today, closes_on__gte=today),
            "waiting": Q(closes_on__lt=today, settled_at__isnull=True),
            "settled": Q(settled_at__isnull=False),
        }
        return {key: (STATES[key], condition) for key, condition in conditions.items()}


@admin.register(Pack)
class PackAdmin(PreviewedAdmin):
    """Saves through the service; a preview counts the shops of an audience without saving."""

    form = PackForm
    change_form_template = "admin/growth/pack/change_form.html"
    list_display = (
        "code", "name", "edition", "opens_on", "closes_on", "state", "claims", "rewarded", "quota",
    )  # fmt: skip
    list_filter = (PackStateFilter, "edition", "published")
    search_fields = ("code", "title_en", "title_zh")
    date_hierarchy = "opens_on"
    readonly_fields = ("listed_at", "settled_at", "rewards_by")
    fieldsets = (
        (
            None,
            {"fields": ("code", "title_en", "title_zh", "rules_en", "rules_zh", "edition", "published")},
        ),
        (gettext_lazy("Whom it is for"), {"fields": ("audience", "frozen_on", "listed_at")}),
        (
            gettext_lazy("Window (Pacific days, both count whole)"),
            {"fields": (("opens_on", "closes_on"), "settled_at")},
        ),
        (gettext_lazy("What it asks"), {"fields": ("tasks",)}),
        (gettext_lazy("What it gives"), {"fields": ("rewards", "quota", "rewards_by")}),
    )  # fmt: skip

    # --- List -----------------------------------------------------------------------------------

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """What waits to be settled is a queue: the oldest first. Else the newest pack first."""
        if request.GET.get(PackStateFilter.parameter_name) == "waiting":
            return ("closes_on", "code")
        return ("-opens_on", "code")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pack]:
        """Count claims along."""
        rewarded = Count("claims", filter=Q(claims__outcome=ClaimOutcome.REWARDED))
        return super().get_queryset(request).annotate(n_claims=Count("claims"), n_rewarded=rewarded)

    @admin.display(description=gettext_lazy("title"), ordering="title_en")
    def name(self, pack: Pack) -> str:
        """The title in the reader's language."""
        return pack.title

    @admin.display(description=gettext_lazy("claims"), ordering="n_claims")
    def claims(self, pack: Any) -> int:
        """How many shops have claimed it."""
        number: int = pack.n_claims
        return number

    @admin.display(description=gettext_lazy("rewarded"), ordering="n_rewarded")
    def rewarded(self, pack: Any) -> int | None:
        """How many were rewarded; nothing before it is settled."""
        return pack.n_rewarded if pack.settled_at else None

    @admin.display(description=gettext_lazy("state today"))
    def state(self, pack: Pack) -> Any:
        """Where it stands today; what is not published stands nowhere."""
        if not pack.published:
            return _("Not published")
        today = platform_time.today()
        if pack.settled_at:
            return STATES["settled"]
        if pack.opens_on > today:
            return STATES["coming"]
        return STATES["running" if pack.closes_on >= today else "waiting"]

    @admin.display(description=gettext_lazy("rewards granted by"))
    def rewards_by(self, pack: Pack) -> Any:
        """The day that was promised, or what the settling waits for."""
        if not pack.pk:
            return EMPTY
        is_late = not pack.settled_at and pack.closes_on < platform_time.latest_as_of()
        if is_late and not is_counted(pack):
            return _("Waits for the night of the last day: %(day)s.") % {"day": pack.closes_on}
        return granted_by(pack.edition, pack.closes_on)

    @admin.display(description=gettext_lazy("Tasks"))
    def tasks(self, pack: Pack) -> str:
        """The tasks as they are written, for staff who may only look."""
        return as_written(pack, "tasks")

    @admin.display(description=gettext_lazy("Rewards"))
    def rewards(self, pack: Pack) -> str:
        """The rewards as they are written, for staff who may only look."""
        return as_written(pack, "rewards")

    # --- Form -----------------------------------------------------------------------------------

    def get_readonly_fields(self, request: HttpRequest, obj: Pack | None = None) -> Any:
        """The code of an existing pack stays."""
        return [*self.readonly_fields, "code"] if obj else self.readonly_fields

    def preview(self, request: Any, form: Any, obj: Pack | None) -> None:
        """Keep for the page whom the pack would be for."""
        request.audience_preview = audience_preview(form.judged)

    def save_model(self, request: Any, obj: Pack, form: Any, change: bool) -> None:
        """Save through the service."""
        saved = pack_save(actor=request.user, data=form.cleaned_data, pack=obj if change else None)
        self.adopt(obj, saved)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Say which fields an audience and which metrics a task may name."""
        context["audience_fields"] = FIELDS.values()
        context["metrics"] = [METRICS[key] for key in sorted(METRICS)]
        context["preview"] = getattr(request, "audience_preview", None)
        return super().render_change_form(request, context, *args, **kwargs)


def as_written(pack: Pack, part: str) -> str:
    """Return a pack's tasks or rewards as the form shows them."""
    return format_html(
        "<pre>{}</pre>", json.dumps(pack_said(pack)[part], indent=2, ensure_ascii=False)
    )


@dataclass(frozen=True)
class AudiencePreview:
    """Whom a pack would be for as the figures are now: how many of all shops, and the first of them."""

    number: int
    total: int
    shops: list[Seller]

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.number - len(self.shops)


def audience_preview(clean: Mapping[str, Any]) -> AudiencePreview:
    """Return whom a pack that could be stored would be for today; three queries."""
    trading = Seller.objects.exclude(status=SellerStatus.CLOSED)
    [shops] = sellers_concerned([clean["audience"]], trading, day=clean["frozen_on"])
    first = sorted(shops)[:PREVIEWED]
    return AudiencePreview(
        len(shops), trading.count(), list(Seller.objects.filter(pk__in=first).order_by("pk"))
    )


@admin.register(PackClaim)
class PackClaimAdmin(ReadOnlyAdmin):
    """Who claimed what, and what became of it."""

    list_display = ("seller", "pack", "claimed_at", "claimed_by", "outcome", "complete_since")
    list_select_related = ("seller", "pack", "claimed_by")
    list_filter = ("outcome", "pack")
    search_fields = (*SELLER_SEARCH, "=pack__code")
    date_hierarchy = "claimed_at"


@admin.register(PackListing)
class PackListingAdmin(ReadOnlyAdmin):
    """Shops on closed lists."""

    list_display = ("seller", "pack")
    list_select_related = ("seller", "pack")
    list_filter = ("pack",)
    search_fields = (*SELLER_SEARCH, "=pack__code")


@admin.register(PackStanding)
class PackStandingAdmin(ReadOnlyAdmin):
    """Progress with packs, by the days it holds for."""

    list_display = ("seller", "pack", "valid_from", "valid_to", "done", "tasks", "complete_since")
    list_select_related = ("seller", "pack")
    list_filter = (HoldsOnFilter, "pack")
    search_fields = (*SELLER_SEARCH, "=pack__code")
    ordering = ("-valid_from", "-pk")


@admin.register(RewardGrant)
class RewardGrantAdmin(ReadOnlyAdmin):
    """Rewards in the hands of shops; voucher codes are the shops' own."""

    list_display = (
        "seller", "pack", "reward", "status", "granted_at", "usable_until", "choice", "used_at",
        "valid_until",
    )  # fmt: skip
    list_select_related = ("seller", "reward", "claim__pack")
    list_filter = ("status", "reward__kind")
    search_fields = (*SELLER_SEARCH, "=claim__pack__code")
    exclude = ("voucher",)
    date_hierarchy = "granted_at"

    @admin.display(description=gettext_lazy("task pack"), ordering="claim__pack")
    def pack(self, grant: RewardGrant) -> str:
        """Name the pack it comes from."""
        return str(grant.claim.pack)


register_queue(
    Queue(
        label=gettext_lazy("Task packs that are over and not settled"),
        rows=lambda: Pack.objects.filter(
            published=True,
            closes_on__lt=platform_time.latest_as_of(),
            settled_at__isnull=True,
        ),
        since="closes_on",
        url_name="admin:growth_pack_changelist",
        query="?state=waiting",
        permission="growth.change_pack",
    )
)
