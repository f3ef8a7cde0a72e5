"""Products as staff see them: found, read, taken down with a reason (LST-1, UI-7)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from listings.models import Product, ProductRevision, ShippingTemplate
from listings.products.diffs import history_of
from listings.services.product_actions import product_set_status_as_staff
from portal.admin.base import ReadOnlyAdmin, ServiceAdmin, pretty_json
from portal.admin.decisions import StatusForm
from portal.errors import Refusal
from portal.models import Category

REVISIONS_SHOWN = 25


class IndustryFilter(admin.SimpleListFilter):
    """The top of the product's category."""

    title = gettext_lazy("industry")
    parameter_name = "industry"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the industries."""
        return [(one.code, one.name) for one in Category.objects.filter(parent__isnull=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:
        """Keep the products below the industry."""
        code = self.value()
        return queryset.filter(category__above__ancestor__code=code) if code else queryset


class BinFilter(admin.SimpleListFilter):
    """Whether a product is in its shop's recycle bin."""

    title = gettext_lazy("recycle bin")
    parameter_name = "bin"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer both."""
        return [("in", gettext_lazy("In the bin")), ("out", gettext_lazy("Not in the bin"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:
        """Keep those in the bin, or those that are not."""
        if self.value() not in ("in", "out"):
            return queryset
        return queryset.filter(deleted_at__isnull=self.value() == "out")


class ProductStatusForm(StatusForm):
    """Staff decide about the status only; everything else is the seller's."""

    class Meta:
        model = Product
        fields = ["status"]


@admin.register(Product)
class ProductAdmin(ServiceAdmin):
    """Search, filters, the history of what a product said, and its status."""

    form = ProductStatusForm
    own_pages = {"revisions": "<int:pk>/revisions/"}
    list_display = (
        "product_id", "title", "seller", "category", "kind", "status", "price_min", "price_max",
        "changed_at",
    )  # fmt: skip
    list_filter = ("status", "kind", "price_mode", BinFilter, IndustryFilter)
    list_select_related = ("seller", "category")
    search_fields = ("product_id", "title", "seller__member_id", "seller__name_en")
    ordering = ("-pk",)
    _content = (
        "product_id", "seller", "owner", "category", "title", "kind", "brand", "price_mode",
        "price_min", "price_max", "moq", "unit", "cas", "dispatch_days", "shipping_template",
        "showcase", "video", "description", "version", "created_at", "changed_at", "deleted_at",
        "lists", "revisions_link",
    )  # fmt: skip
    readonly_fields = _content
    fields = ("status", "reason", *_content)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        """Read the owner's user along with the product."""
        return super().get_queryset(request).select_related("owner__user")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Products come from sellers and upstream."""
        return False

    @admin.display(description=gettext_lazy("Lists and attributes"))
    def lists(self, product: Product) -> SafeString:
        """Show what is kept as JSON, readable."""
        names = (
            "keywords", "tiers", "skus", "attributes", "custom_attributes", "target_countries",
            "services", "epr_traits", "images",
        )  # fmt: skip
        return pretty_json({name: getattr(product, name) for name in names})

    @admin.display(description=gettext_lazy("What it said"))
    def revisions_link(self, product: Product) -> SafeString:
        """Link to the revisions."""
        address = reverse("admin:listings_product_revisions", args=[product.pk])
        return format_html('<a href="{}">{}</a>', address, _("Compare revisions"))

    def save_model(self, request: Any, obj: Product, form: ModelForm, change: bool) -> None:
        """Change the status through its service; the form itself saves nothing."""
        if "status" not in form.changed_data:
            return
        wanted, reason = form.cleaned_data["status"], form.cleaned_data["reason"]
        stored = Product.objects.select_related("seller").get(pk=obj.pk)
        try:
            product_set_status_as_staff(
                by=request.user, product=stored, status=wanted, reason=reason
            )
        except Refusal:
            obj.status = stored.status
            raise
        obj.refresh_from_db()

    def revisions_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what the product said since when, field by field."""
        product = self.get_object(request, str(pk))
        if product is None or not self.has_view_permission(request, product):
            raise Http404
        revisions = ProductRevision.objects.filter(product=product).order_by("-at", "-pk")
        page = Paginator(revisions, REVISIONS_SHOWN).get_page(request.GET.get("page"))
        first = max(page.start_index() - 1, 0)
        shown = list(revisions[first : first + REVISIONS_SHOWN + 1])
        return self.page(
            request,
            "revisions",
            _("Revisions of %(product)s") % {"product": product},
            object=product,
            page=page,
            revisions=history_of(shown, REVISIONS_SHOWN),
        )


@admin.register(ShippingTemplate)
class ShippingTemplateAdmin(ReadOnlyAdmin):
    """Templates as the shops keep them."""

    list_display = ("name", "seller")
    list_select_related = ("seller",)
    search_fields = ("name", "seller__member_id", "seller__name_en")
