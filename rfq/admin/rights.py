"""Rights as staff see them: grants with what is left, granting, the ledger (RFQ-9, UI-7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminDateWidget
from django.core.validators import RegexValidator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from portal import platform_time
from portal.admin.base import ReadOnlyAdmin, ServiceAdmin
from portal.errors import InvalidInput
from portal.filters import CALENDAR
from rfq.choices import GrantSource
from rfq.models import RightEntry, RightLot
from rfq.services.rights import live, month_end, right_grant

GIVEN_BY_STAFF = (
    GrantSource.STAFF, GrantSource.ACTIVITY, GrantSource.PAID, GrantSource.MEMBERSHIP,
)  # fmt: skip
MOST = 100_000
TOKEN = 24


class SourceFilter(admin.SimpleListFilter):
    """The known sources, and all of upstream's own together: no search through the table."""

    title = gettext_lazy("source")
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer them."""
        return [*GrantSource.choices, ("other", gettext_lazy("Another word of upstream"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Keep the rows of one source."""
        if self.value() == "other":
            return queryset.exclude(source__in=GrantSource.values)
        return queryset.filter(source=self.value()) if self.value() else queryset


class LifeFilter(admin.SimpleListFilter):
    """Where now lies against a grant, and whether something is left."""

    title = gettext_lazy("state now")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer the states."""
        return [
            ("usable", gettext_lazy("Can be used")),
            ("used_up", gettext_lazy("Used up")),
            ("upcoming", gettext_lazy("Starts later")),
            ("over", gettext_lazy("Over")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Keep the grants in one state."""
        now = platform_time.now()
        conditions = {
            "usable": live(now) & (Q(amount__isnull=True) | Q(left__gte=1)),
            "used_up": live(now) & Q(left=0),
            "upcoming": Q(granted_at__gt=now),
            "over": Q(expires_at__lte=now),
        }
        condition = conditions.get(self.value() or "")
        return queryset.filter(condition) if condition is not None else queryset


class GrantForm(forms.ModelForm):
    """What staff say of a grant; sending the same form twice grants once."""

    amount = forms.IntegerField(
        label=pgettext_lazy("rights", "Amount"), required=False, min_value=1, max_value=MOST
    )
    unlimited = forms.BooleanField(label=gettext_lazy("Unlimited"), required=False)
    source = forms.ChoiceField(
        label=gettext_lazy("Source"),
        choices=[(source.value, source.label) for source in GIVEN_BY_STAFF],
    )
    last_day = forms.DateField(
        label=gettext_lazy("Last day (Pacific)"),
        widget=AdminDateWidget(),
        validators=CALENDAR,
        help_text=gettext_lazy("The rights are gone when this day is over."),
    )
    note = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        help_text=gettext_lazy("For colleagues; the seller does not see it."),
    )
    token = forms.CharField(
        widget=forms.HiddenInput(),
        validators=[RegexValidator(rf"^[a-zA-Z0-9]{{{TOKEN}}}\Z")],
    )

    class Meta:
        model = RightLot
        fields = ["seller", "kind", "amount", "source", "note"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        last = platform_time.day_of(month_end(platform_time.now()) - timedelta(seconds=1))
        self.fields["last_day"].initial = last
        self.fields["token"].initial = get_random_string(TOKEN)

    def clean(self) -> dict[str, Any]:
        """An amount or none at all: an empty box must not grant without limit."""
        cleaned = super().clean() or {}
        unlimited, amount = cleaned.get("unlimited"), cleaned.get("amount")
        if unlimited and amount is not None:
            self.add_error("amount", _("Give an amount or choose unlimited, not both."))
        if not unlimited and amount is None and "amount" not in self.errors:
            self.add_error("amount", _("Give an amount, or choose unlimited."))
        last_day = cleaned.get("last_day")
        if last_day is not None and last_day < platform_time.today():
            self.add_error("last_day", _("This day is over."))
        return cleaned


@admin.register(RightLot)
class RightLotAdmin(ServiceAdmin):
    """Grants, newest first; a new one goes through the service and never changes afterwards."""

    form = GrantForm
    list_display = (
        "seller", "kind_name", "source_name", "left_of", "granted_at", "expires_at", "key",
    )  # fmt: skip
    list_filter = ("kind", SourceFilter, LifeFilter)
    list_select_related = ("seller",)
    search_fields = ("seller__member_id", "seller__name_en", "seller__name_zh", "=key")
    autocomplete_fields = ("seller",)
    add_fields = (
        "seller", "kind", ("amount", "unlimited"), "source", "last_day", "note", "token",
    )  # fmt: skip
    shown = (
        "seller", "kind", "source", "amount", "left", "granted_at", "expires_at", "key",
        "granted_by", "note", "ledger",
    )  # fmt: skip

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A grant never changes."""
        return False

    def get_fields(self, request: HttpRequest, obj: RightLot | None = None) -> Any:
        """Ask for a new grant; show everything of an old one."""
        return self.shown if obj else self.add_fields

    def get_readonly_fields(self, request: HttpRequest, obj: RightLot | None = None) -> Any:
        """Nothing of an old grant is typed."""
        return self.shown if obj else ()

    @admin.display(description=gettext_lazy("right"), ordering="kind")
    def kind_name(self, lot: RightLot) -> str:
        """The kind in words."""
        return lot.get_kind_display()

    @admin.display(description=gettext_lazy("left"), ordering="left")
    def left_of(self, lot: RightLot) -> Any:
        """What is left, of how much."""
        if lot.amount is None:
            return pgettext_lazy("rights", "Unlimited")
        return f"{lot.left} / {lot.amount}"

    @admin.display(description=gettext_lazy("Ledger"))
    def ledger(self, lot: RightLot) -> SafeString:
        """Link to the grant's rows."""
        address = reverse("admin:rfq_rightentry_changelist")
        words = _("Uses and refunds of this grant")
        return format_html('<a href="{}?lot__id__exact={}">{}</a>', address, lot.pk, words)

    def save_model(self, request: Any, obj: RightLot, form: Any, change: bool) -> None:
        """Grant through the service."""
        data = form.cleaned_data
        expires_at = platform_time.end_of(data["last_day"])
        try:
            lot, _new = right_grant(
                seller=data["seller"],
                kind=data["kind"],
                amount=None if data["unlimited"] else data["amount"],
                source=data["source"],
                key=f"staff:{data['token']}",
                expires_at=expires_at,
                actor=request.user,
                note=data["note"],
            )
        except InvalidInput as refusal:
            refusal.fields = [
                ("last_day" if field == "expires_at" else field, text)
                for field, text in refusal.fields
            ]
            raise
        self.adopt(obj, lot)


@admin.register(RightEntry)
class RightEntryAdmin(ReadOnlyAdmin):
    """The ledger, newest first."""

    list_display = ("at", "seller", "kind", "delta", "source", "quote", "expires_at", "key")
    list_filter = ("kind", SourceFilter)
    list_select_related = ("seller", "quote__rfq")
    search_fields = ("seller__member_id", "seller__name_en", "=key", "=quote__rfq__rfq_id")

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """A grant's page links to its rows."""
        return lookup == "lot__id__exact" or super().lookup_allowed(lookup, value, request)
