"""The category tree and its attributes: fed from upstream, flagged by staff (K-12)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from portal.admin.base import ReadOnlyAdmin, ReadOnlyInline, ServiceAdmin
from portal.models import Attribute, Category, CategoryAttribute
from portal.services.categories import category_set_flags

FLAGS = ("prohibited", "restricted", "suspended_from", "suspended_to")


class OfferInline(ReadOnlyInline):
    """Attributes a category offers, or categories that offer an attribute."""

    model = CategoryAttribute
    show_change_link = False
    readonly_fields = ("category", "attribute", "allowed", "position")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Leave out the side one is on."""
        own = "category" if isinstance(obj, Category) else "attribute"
        return tuple(name for name in self.readonly_fields if name != own)

    def get_queryset(self, request: HttpRequest) -> QuerySet[CategoryAttribute]:
        """Read both sides at once."""
        return super().get_queryset(request).select_related("category", "attribute")

    @admin.display(description=gettext_lazy("allowed values"))
    def allowed(self, offer: CategoryAttribute) -> str:
        """Values on one line."""
        return ", ".join(offer.values)


@admin.register(Category)
class CategoryAdmin(ServiceAdmin):
    """The tree in path order; a parent's page lists nothing but its own attributes."""

    list_display = ("path_en", "code", "is_leaf", *FLAGS)
    list_filter = ("depth", "is_leaf", "prohibited", "restricted", "suspended_from")
    search_fields = ("code", "path_en", "path_zh")
    upstream = ("code", "parent", "name_en", "name_zh", "path_en", "path_zh", "is_leaf")
    readonly_fields = upstream
    fields = (*upstream, *FLAGS)
    inlines = (OfferInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The tree comes from upstream."""
        return False

    def save_model(self, request: Any, obj: Category, form: ModelForm, change: bool) -> None:
        """Set the flags through their service."""
        data = {name: form.cleaned_data[name] for name in FLAGS}
        category_set_flags(actor=request.user, category=obj, **data)


@admin.register(Attribute)
class AttributeAdmin(ReadOnlyAdmin):
    """System attributes; codes are global."""

    list_display = ("code", "name_en", "name_zh", "type", "unit")
    list_filter = ("type",)
    search_fields = ("code", "name_en", "name_zh")
    inlines = (OfferInline,)
