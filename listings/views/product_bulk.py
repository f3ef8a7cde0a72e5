"""Bulk edit in three steps without JavaScript: choose, look at what changes, apply (LST-2)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from listings.choices import SERVICES, ProductStatus
from listings.models import Product
from listings.products.diffs import FieldChange, Namer, changes_between
from listings.products.queries import read_filters
from listings.services.product_bulk import (
    MAX_PERCENT,
    MAX_PRODUCTS,
    MIN_PERCENT,
    BulkChange,
    digest,
    products_bulk_edit,
)
from listings.services.product_catalogue import Catalogue
from listings.services.products import REJECTED, UPDATED, Result
from listings.views.products import own_products
from portal.choices import Action
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.models import Member
from portal.views.base import SellerPage

SHOWN = 50


class BulkForm(forms.Form):
    """What to change; whatever is left empty stays."""

    status = forms.ChoiceField(
        label=gettext_lazy("Status"),
        required=False,
        choices=[
            ("", gettext_lazy("Leave as it is")),
            (ProductStatus.LIVE, gettext_lazy("Publish")),
            (ProductStatus.OFF_SHELF, gettext_lazy("Take off the shelf")),
        ],
    )
    services_add = forms.MultipleChoiceField(
        label=gettext_lazy("Add services"),
        required=False,
        choices=list(SERVICES.items()),
        widget=forms.CheckboxSelectMultiple,
    )
    services_remove = forms.MultipleChoiceField(
        label=gettext_lazy("Remove services"),
        required=False,
        choices=list(SERVICES.items()),
        widget=forms.CheckboxSelectMultiple,
    )
    countries_add = forms.CharField(
        label=gettext_lazy("Add target countries"),
        required=False,
        help_text=gettext_lazy("Codes such as US DE, separated by spaces."),
    )
    countries_remove = forms.CharField(
        label=gettext_lazy("Remove target countries"), required=False
    )
    price_percent = forms.DecimalField(
        label=gettext_lazy("Change prices by percent"),
        required=False,
        min_value=MIN_PERCENT,
        max_value=MAX_PERCENT,
        max_digits=6,
        decimal_places=2,
        help_text=gettext_lazy("−10 lowers every price by 10 %, rounded to cents."),
    )
    attribute = forms.ChoiceField(label=gettext_lazy("Set a system attribute"), required=False)
    attribute_values = forms.CharField(
        label=gettext_lazy("To the value"),
        required=False,
        help_text=gettext_lazy("Several values separated by |; empty removes the attribute."),
    )
    owner = forms.ChoiceField(label=gettext_lazy("Responsible"), required=False)

    def __init__(self, *args: Any, attributes: Any = (), members: Any = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("attribute", attributes), ("owner", members)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
            field.choices = [("", _("Leave as it is")), *choices]

    def change(self) -> BulkChange:
        """Return the change; call after `is_valid`."""
        data = self.cleaned_data
        values = [one.strip() for one in data["attribute_values"].split("|") if one.strip()]
        return BulkChange(
            status=data["status"],
            services_add=data["services_add"],
            services_remove=data["services_remove"],
            countries_add=_codes(data["countries_add"]),
            countries_remove=_codes(data["countries_remove"]),
            price_percent=data["price_percent"],
            attribute=(data["attribute"], values) if data["attribute"] else None,
            owner=int(data["owner"]) if data["owner"] else None,
        )


def _codes(text: str) -> list[str]:
    return text.replace(",", " ").replace("，", " ").split()


@dataclass
class PreviewRow:
    """One product of the preview."""

    product: Product
    changes: list[FieldChange]
    problems: list[str]


class ProductBulkPage(SellerPage):
    """Changes many products: ticked ones, or all that a filter finds."""

    read_action = write_action = Action.EDIT_PRODUCTS

    def get(self, request: MemberRequest) -> HttpResponse:
        """Bulk edits start from the list."""
        return redirect("listings:products")

    def post(self, request: MemberRequest) -> HttpResponse:
        """Take one step."""
        selection = Selection(request)
        products = selection.products()
        if not products:
            messages.error(request, _("Tick at least one product."))
            return redirect("listings:products")
        if len(products) > MAX_PRODUCTS:
            messages.error(
                request,
                _("At most %(most)d products can be changed at once.") % {"most": MAX_PRODUCTS},
            )
            return redirect("listings:products")
        step = request.POST.get("step", "")
        form = self._form(request.POST if step else None, products)
        if step not in ("preview", "apply") or not form.is_valid():
            return self._choose(request, selection, products, form)
        try:
            results = products_bulk_edit(
                actor=request.member,
                seller=request.seller,
                products=products,
                change=form.change(),
                dry_run=step == "preview",
                seen=request.POST.get("seen", "") or "-" if step == "apply" else "",
            )
        except InvalidInput as refusal:
            for name, text in refusal.fields:
                form.add_error(name if name in form.fields else None, text)
            return self._choose(request, selection, products, form)
        except Refusal as refusal:
            messages.warning(request, str(refusal))
            return self._choose(request, selection, products, form)
        if step == "preview":
            return self._preview(request, selection, products, form, results)
        return self._applied(request, results)

    def _form(self, data: QueryDict | None, products: list[Product]) -> BulkForm:
        members = Member.objects.filter(is_active=True).select_related("user")
        return BulkForm(
            data,
            attributes=_common_attributes(products),
            members=[(str(one.pk), one.user.get_username()) for one in members],
        )

    def _choose(
        self, request: MemberRequest, selection: Selection, products: list[Product], form: BulkForm
    ) -> HttpResponse:
        return render(
            request,
            "listings/product_bulk.html",
            {"form": form, "count": len(products), "hidden": selection.hidden()},
            status=400 if form.errors else 200,
        )

    def _preview(
        self,
        request: MemberRequest,
        selection: Selection,
        products: list[Product],
        form: BulkForm,
        results: list[Result],
    ) -> HttpResponse:
        counts = Counter(result.state for result in results)
        changed = [result for result in results if result.state == UPDATED]
        refused = [result for result in results if result.state == REJECTED]
        typed = [
            (name, value)
            for name in form.fields
            for value in (request.POST.getlist(name) if name in request.POST else [])
        ]
        return render(
            request,
            "listings/product_bulk_preview.html",
            {
                "changed": _preview_rows(changed[:SHOWN]),
                "refused": _preview_rows(refused[:SHOWN]),
                "updated": counts[UPDATED],
                "rejected": counts[REJECTED],
                "unchanged": len(results) - counts[UPDATED] - counts[REJECTED],
                "hidden": [*selection.hidden(), *typed, ("seen", digest(products))],
            },
        )

    def _applied(self, request: MemberRequest, results: list[Result]) -> HttpResponse:
        counts = Counter(result.state for result in results)
        messages.success(request, _("%(count)d products changed.") % {"count": counts[UPDATED]})
        refused = [result for result in results if result.state == REJECTED]
        if not refused:
            return redirect("listings:products")
        return render(
            request,
            "listings/product_bulk_preview.html",
            {
                "applied": True,
                "refused": _preview_rows(refused[:SHOWN]),
                "rejected": len(refused),
                "updated": counts[UPDATED],
                "unchanged": len(results) - counts[UPDATED] - len(refused),
            },
        )


class Selection:
    """Which products the form is about: ids, or everything a filter of the list finds."""

    def __init__(self, request: MemberRequest) -> None:
        self.request = request
        self.all = bool(request.POST.get("all"))
        self.filter = request.POST.get("filter", "")[:2000]
        self.ids = [one for one in request.POST.getlist("ids")[:500] if "\0" not in one]

    def products(self) -> list[Product]:
        """Return the products with their categories, at most one more than may be changed."""
        rows = own_products(self.request).select_related("category").order_by("pk")
        if self.all:
            filters = read_filters(QueryDict(self.filter))
            filters.deleted = False
            return list(filters.apply(rows)[: MAX_PRODUCTS + 1])
        return list(rows.filter(product_id__in=self.ids, deleted_at__isnull=True))

    def hidden(self) -> list[tuple[str, str]]:
        """Return the inputs that carry the selection to the next step."""
        if self.all:
            return [("all", "1"), ("filter", self.filter)]
        return [("ids", one) for one in self.ids]


def _common_attributes(products: list[Product]) -> list[tuple[str, str]]:
    """Return the system attributes that every category of the products offers, by name."""
    categories = {product.category_id for product in products}
    codes = {product.category.code for product in products}
    if len(categories) > 50:
        return []
    offers = Catalogue.load(codes).offers
    common = set.intersection(*(set(one) for one in offers.values())) if offers else set()
    any_offer = next(iter(offers.values()), {})
    return sorted(((code, any_offer[code].name) for code in common), key=lambda pair: pair[1])


def _preview_rows(results: list[Result]) -> list[PreviewRow]:
    contents = [
        data.as_content() for result in results for data in (result.before, result.after) if data
    ]
    namer = Namer(contents)
    rows = []
    for result in results:
        assert result.product is not None  # noqa: S101 - bulk rows are of stored products
        changes = (
            changes_between(result.before.as_content(), result.after.as_content(), namer)
            if result.before and result.after
            else []
        )
        rows.append(PreviewRow(result.product, changes, [text for _name, text in result.problems]))
    return rows
