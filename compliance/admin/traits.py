"""What products of a category usually contain, as staff say it (EPR-2, UI-7)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from compliance.choices import EprCategory
from compliance.models import CategoryTraits
from compliance.rules import codes_of, mask_of
from compliance.services.traits import category_traits_set
from compliance.traits.effects import TraitsEffect, category_traits_effect
from compliance.traits.questions import names_of
from portal.admin.base import ServiceAdmin
from portal.errors import InvalidInput


class TraitBoxes(forms.MultipleChoiceField):
    """A mask of EPR categories as boxes."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=EprCategory.choices, required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Tick the boxes of a mask."""
        return codes_of(value) if isinstance(value, int) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare boxes with boxes."""
        return super().has_changed(self.prepare_value(initial), data)

    def clean(self, value: Any) -> Any:
        """Return the mask."""
        return mask_of(super().clean(value))


class CategoryTraitsForm(forms.ModelForm):
    """A category's usual traits; what changes for shops is shown before it is saved."""

    traits = TraitBoxes(label=gettext_lazy("Products usually are or contain"))
    withdraw = forms.BooleanField(
        label=gettext_lazy("Take this default back"),
        required=False,
        help_text=gettext_lazy("Then the category above decides, or packaging alone is assumed."),
    )
    confirmed = forms.BooleanField(
        label=gettext_lazy("Change these products"),
        required=False,
        help_text=gettext_lazy("Asked for when products would contain something else."),
    )

    class Meta:
        model = CategoryTraits
        fields = ["category", "traits", "note"]


def effect_text(effect: TraitsEffect) -> str:
    """Say what a default would change."""
    text = ngettext(
        "%(products)s product (%(live)s live) of %(shops)s shops would contain something else."
        " Tick “Change these products” to go ahead.",
        "%(products)s products (%(live)s live) of %(shops)s shops would contain something else."
        " Tick “Change these products” to go ahead.",
        effect.products,
    )
    return text % {"products": effect.products, "live": effect.live, "shops": effect.shops}


@admin.register(CategoryTraits)
class CategoryTraitsAdmin(ServiceAdmin):
    """Defaults for products of which nobody has said anything."""

    form = CategoryTraitsForm
    list_display = ("path", "contains", "note")
    list_select_related = ("category",)
    search_fields = ("category__code", "category__name_en", "category__name_zh", "note")
    autocomplete_fields = ("category",)
    ordering = ("category__path_en",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A default stays with its category."""
        return ("category", "contains") if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Offer to take back what is there; people who may only look see words."""
        if obj is None:
            return ["category", "traits", "note", "confirmed"]
        if not self.has_change_permission(request, obj):
            return ["category", "contains", "note"]
        return ["category", "traits", "note", "withdraw", "confirmed"]

    @admin.display(description=gettext_lazy("category"), ordering="category__path_en")
    def path(self, row: CategoryTraits) -> str:
        """Show the way from the industry down."""
        return row.category.path

    @admin.display(description=gettext_lazy("traits"))
    def contains(self, row: CategoryTraits) -> str:
        """Show the traits in words."""
        return ", ".join(names_of(row.traits)) or "–"

    def save_model(self, request: Any, obj: CategoryTraits, form: ModelForm, change: bool) -> None:
        """Show the effect first; save through the service once it is confirmed."""
        given = form.cleaned_data
        withdrawn = bool(given.get("withdraw"))
        traits = None if withdrawn else given["traits"]
        effect = category_traits_effect(obj.category, traits)
        if effect.products and not given.get("confirmed"):
            raise InvalidInput([("confirmed", effect_text(effect))])
        changed = category_traits_set(
            actor=request.user, category=obj.category, traits=traits, note=given["note"]
        )
        request.traits_withdrawn = withdrawn
        if not withdrawn:
            self.adopt(obj, CategoryTraits.objects.get(category=obj.category))
        text = ngettext("%(n)s product changed.", "%(n)s products changed.", changed)
        messages.info(request, text % {"n": changed})

    def response_change(self, request: Any, obj: CategoryTraits) -> HttpResponse:
        """Go to the list when the default is gone."""
        if getattr(request, "traits_withdrawn", False):
            messages.success(request, _("The default is taken back."))
            return HttpResponseRedirect(reverse("admin:compliance_categorytraits_changelist"))
        return super().response_change(request, obj)
