"""Products at the gate with what they contain, and what was blocked (EPR-2, EPR-11, UI-7).

Both tables can be very large: lists count no further than a page needs, and search by whole ids.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import EprCategory
from compliance.epr.block_list import reason_view
from compliance.epr.schema import EPR
from compliance.models import GateBlock, GatedProduct
from compliance.rules import codes_of, mask_of
from compliance.services.traits import NOTE_LENGTH, product_traits_set_by_staff
from portal import platform_time
from portal.admin.base import ReadOnlyAdmin, ServiceAdmin
from portal.errors import InvalidInput
from portal.models import Seller
from portal.services.rulebooks import rulebooks_published

COUNTED = 10_000
"""Rows a list counts at most: more than anybody turns pages for."""
SET, TAKE_BACK = "set", "take_back"


class CappedPaginator(Paginator):
    """Counts no further than `COUNTED` rows."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, or the most that is counted."""
        rows: Any = self.object_list
        return int(rows[:COUNTED].count())


def _named(mask: int | None) -> str:
    if mask is None:
        return "–"
    names = [str(EprCategory(code).label) for code in codes_of(mask)]
    return ", ".join(names) or _("Nothing that any country asks for")


class OverrideForm(forms.ModelForm):
    """What staff say a product contains; nothing the shop says counts against it."""

    decision = forms.ChoiceField(
        label=gettext_lazy("Decision"),
        choices=[
            ("", "–"),
            (SET, gettext_lazy("Set what it contains")),
            (TAKE_BACK, gettext_lazy("Take back what staff set")),
        ],
        required=False,
    )
    contains = forms.MultipleChoiceField(
        label=gettext_lazy("It contains"),
        choices=EprCategory.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    note = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=NOTE_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        help_text=gettext_lazy("Needed for a decision; the audit trail keeps it."),
    )

    class Meta:
        model = GatedProduct
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Who may only look gets a form without fields.
        if "contains" in self.fields:
            self.fields["contains"].initial = codes_of(self.instance.traits or 0)


class _ByWholeIds(admin.ModelAdmin):
    """Searches ids by equality, each in its index."""

    id_columns: ClassVar[tuple[str, ...]] = ("product_id",)
    search_help_text = gettext_lazy("A whole product id or member id.")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Keep the rows of a product or of a shop."""
        term = search_term.strip()
        if not term:
            return queryset, False
        shops = list(Seller.objects.filter(member_id=term).values_list("pk", flat=True))
        found = Q(seller__in=shops)
        for name in self.id_columns:
            found |= Q(**{name: term})
        return queryset.filter(found), False


@admin.register(GatedProduct)
class GatedProductAdmin(_ByWholeIds, ServiceAdmin):
    """Products as the gate sees them; staff say what one contains where its shop is wrong (EPR-2)."""

    form = OverrideForm
    paginator = CappedPaginator
    list_display = ("product_id", "title", "seller", "category", "live", "contained", "source")
    list_filter = ("source", "live", "deleted")
    list_select_related = ("seller", "category")
    search_fields = ("product_id", "seller__member_id", "cas")
    search_help_text = gettext_lazy("A whole product id, member id or CAS number.")
    id_columns = ("product_id", "cas")
    ordering = ("-pk",)
    sortable_by = ()
    _content = (
        "product_id", "seller", "category", "title", "live", "deleted", "sold_to", "cas",
        "contained", "source", "said_by_product", "said_by_staff", "staff_note", "told_at",
    )  # fmt: skip
    readonly_fields = _content
    fields = ("decision", "contains", "note", *_content)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Products are told of where they are written."""
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave the decision out for those who may only look."""
        return self.fields if self.has_change_permission(request, obj) else self._content

    @admin.display(description=gettext_lazy("contains"))
    def contained(self, product: GatedProduct) -> str:
        """Name what holds."""
        return _named(product.traits)

    @admin.display(description=gettext_lazy("target countries"))
    def sold_to(self, product: GatedProduct) -> str:
        """Name the countries it is sold to."""
        return ", ".join(product.countries.strip(",").split(",")) or _("All countries")

    @admin.display(description=gettext_lazy("says the product"))
    def said_by_product(self, product: GatedProduct) -> str:
        """Name what came with the product."""
        return _named(product.own_traits)

    @admin.display(description=gettext_lazy("say staff"))
    def said_by_staff(self, product: GatedProduct) -> str:
        """Name what staff set."""
        return _named(product.staff_traits)

    def save_model(self, request: Any, obj: GatedProduct, form: ModelForm, change: bool) -> None:
        """Decide through the service; without a decision nothing is saved."""
        said = form.cleaned_data
        if not said.get("decision"):
            if said.get("note") or "contains" in form.changed_data:
                raise InvalidInput([("decision", _("Choose what to do."))])
            return
        product_traits_set_by_staff(
            actor=request.user,
            product=obj,
            traits=mask_of(said["contains"]) if said["decision"] == SET else None,
            note=said["note"],
        )
        obj.refresh_from_db()


class CountryFilter(admin.SimpleListFilter):
    """Countries of the EPR tables: asking the log itself would read all of it."""

    title = gettext_lazy("country")
    parameter_name = "country"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the countries that ask for numbers."""
        tables = [book.content for book in rulebooks_published(EPR)]
        return [(code, code) for code in dict.fromkeys(c for t in tables for c in t.countries)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[GateBlock]) -> QuerySet[GateBlock]:
        """Keep the blocks of the country."""
        return queryset.filter(country=self.value()) if self.value() else queryset


class DayFilter(admin.SimpleListFilter):
    """Pacific days up to now."""

    title = gettext_lazy("day")
    parameter_name = "days"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer today and longer."""
        return [
            ("1", gettext_lazy("Today (Pacific)")),
            ("2", gettext_lazy("Since yesterday")),
            ("7", gettext_lazy("Last 7 days")),
            ("30", gettext_lazy("Last 30 days")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[GateBlock]) -> QuerySet[GateBlock]:
        """Keep the blocks last answered in the days."""
        if self.value() not in ("1", "2", "7", "30"):
            return queryset
        first = platform_time.today() - timedelta(days=int(str(self.value())) - 1)
        return queryset.filter(last_at__gte=platform_time.start_of(first))


@admin.register(GateBlock)
class GateBlockAdmin(_ByWholeIds, ReadOnlyAdmin):
    """What the gate blocked, newest first; shops see their own (EPR-11)."""

    paginator = CappedPaginator
    list_display = ("product_id", "seller", "country", "day", "why", "times", "last_at")
    list_filter = (DayFilter, CountryFilter)
    list_select_related = ("seller",)
    search_fields = ("product_id", "seller__member_id")
    ordering = ("-last_at", "-pk")
    sortable_by = ()
    fields = ("product_id", "seller", "country", "day", "why", "first_at", "last_at", "times")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("why"))
    def why(self, block: GateBlock) -> SafeString:
        """Say the reasons in words."""
        texts = (
            reason_view(one["code"], one["category"], block.country).text for one in block.reasons
        )
        return format_html_join("; ", "{}", ((text,) for text in texts))
