"""Pages of what products contain: one by one, and category by category (EPR-2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.choices import EprCategory, TraitSource
from compliance.epr.schema import EprRules
from compliance.models import GatedProduct
from compliance.obligations.lead_times import epr_rules
from compliance.services.trait_answers import products_traits_answer, traits_seen
from compliance.services.traits import shop_traits_confirm
from compliance.traits.forms import TraitsForm
from compliance.traits.questions import mask_asked, names_of, needs_by_country
from compliance.traits.reading import CategoryRow, category_rows
from portal import platform_time
from portal.choices import Action
from portal.country_names import country_name
from portal.errors import Refusal
from portal.http import MemberRequest
from portal.views.base import SellerPage
from portal.views.lists import page_of

PAGE_SIZE = 50


def rules_or_404() -> EprRules:
    """Return the table in force today; before the first one there is nothing to ask."""
    rules = epr_rules(platform_time.now())
    if rules is None:
        raise Http404
    return rules


def needs(rules: EprRules, traits: int) -> list[tuple[str, list[str]]]:
    """Return each country with the names of the numbers that these traits need."""
    return [
        (country_name(country), [str(row.category.label) for row in rows])
        for country, rows in needs_by_country(rules, traits)
    ]


class ProductTraitsPage(SellerPage):
    """The wizard: what one product contains, and what that needs where."""

    write_action = Action.EDIT_PRODUCTS

    def get(self, request: MemberRequest, product_id: str) -> HttpResponse:
        """Ask, with what is known filled in."""
        product, rules = product_or_404(request, product_id), rules_or_404()
        return self._page(request, product, rules, _form(product, rules))

    def post(self, request: MemberRequest, product_id: str) -> HttpResponse:
        """Show what answers need (`try`), or keep them."""
        product, rules = product_or_404(request, product_id), rules_or_404()
        form = TraitsForm(request.POST, rules=rules)
        if "try" in request.POST:
            form = TraitsForm(rules=rules, answers=request.POST)
            if _is_htmx(request):
                context = {"needs": needs(rules, form.ticked()), "complete": form.answered()}
                return render(request, "compliance/_needs.html", context)
            return self._page(request, product, rules, form, seen=request.POST.get("seen", ""))
        if "leave" in request.POST:
            return self._leave(request, product_id)
        if not form.is_valid():
            seen = request.POST.get("seen", "")
            return self._page(request, product, rules, form, seen=seen, status=400)
        try:
            products_traits_answer(
                member=request.member,
                # Bits of categories nobody is asked for stay as they are.
                answers={product_id: form.ticked() | product.traits & ~mask_asked(rules)},
                seen={product_id: request.POST.get("seen", "")},
            )
        except Refusal as refusal:
            for text in [text for _name, text in refusal.fields] or [str(refusal)]:
                form.add_error(None, text)
            product = product_or_404(request, product_id)
            return self._page(request, product, rules, form, status=refusal.http_status)
        messages.success(request, _("The answers are kept: this is what the product needs."))
        return redirect("compliance:traits-product", product_id)

    def _leave(self, request: MemberRequest, product_id: str) -> HttpResponse:
        """Let the category's answer hold again."""
        try:
            products_traits_answer(member=request.member, answers={product_id: None})
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("The answer for its category holds for it again."))
        return redirect("compliance:traits-product", product_id)

    def _page(
        self,
        request: MemberRequest,
        product: GatedProduct,
        rules: EprRules,
        form: TraitsForm,
        *,
        seen: str = "",
        status: int = 200,
    ) -> HttpResponse:
        context = {
            "product": product,
            "form": form,
            "asked": list(form.asked()),
            "needs": needs(rules, form.ticked()),
            "complete": form.answered(),
            "seen": seen or traits_seen(product),
            "contains": names_of(product.traits),
            "assumed": product.source in (TraitSource.CATEGORY, TraitSource.FALLBACK),
            "may_edit": request.member.can(Action.EDIT_PRODUCTS) and product.staff_traits is None,
            "countries": {code: country_name(code) for code in rules.countries},
        }
        return render(request, "compliance/traits_product.html", context, status=status)


def product_or_404(request: MemberRequest, product_id: str) -> GatedProduct:
    """Return a product of the shop with its category; foreign and deleted ones do not exist (K-8)."""
    if "\0" in product_id:
        raise Http404
    products = GatedProduct.objects.filter(seller=request.seller, deleted=False)
    product = products.select_related("category").filter(product_id=product_id).first()
    if product is None:
        raise Http404
    return product


def _form(product: GatedProduct, rules: EprRules) -> TraitsForm:
    """Return the form: what somebody said fills it in, what is only assumed ticks its yeses."""
    if product.source == TraitSource.FALLBACK:
        return TraitsForm(rules=rules, likely=product.traits)
    return TraitsForm(rules=rules, known=product.traits)


def _is_htmx(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))


# --- Category by category -------------------------------------------------------------------------


@dataclass
class RowForm:
    """A category of the bulk page: what is ticked for it, and what that needs."""

    row: CategoryRow
    ticked: int
    needs: list[tuple[str, list[str]]]
    seen: str
    stale: bool = False

    @property
    def name(self) -> str:
        """Name of its boxes."""
        return f"traits-{self.row.category.pk}"

    def boxes(self, categories: list[EprCategory]) -> list[tuple[EprCategory, bool]]:
        """Return each category that is asked for with whether it is ticked."""
        return [(category, bool(self.ticked & category.bit)) for category in categories]


class TraitsPage(SellerPage):
    """The shop's categories with the usual answers, to confirm one by one or all at once."""

    write_action = Action.EDIT_PRODUCTS

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show them, what is to confirm first."""
        rules = rules_or_404()
        page = page_of(request, category_rows(request.seller), size=PAGE_SIZE)
        forms = [
            RowForm(row, row.held.traits, needs(rules, row.held.traits), row.seen)
            for row in page.object_list
        ]
        return self._page(request, rules, page, forms)

    def post(self, request: MemberRequest) -> HttpResponse:
        """Keep the answers of one row (`confirm` names it) or of all rows sent."""
        rules = rules_or_404()
        page = page_of(request, category_rows(request.seller), size=PAGE_SIZE)
        sent = [_sent(request, row, rules) for row in category_rows_sent(request, page)]
        chosen = _chosen(request, sent)
        if not chosen:
            messages.error(request, _("None of these categories is among your products any more."))
            return redirect("compliance:traits")
        if any(form.stale for form in chosen):
            messages.error(
                request,
                _("Somebody has answered meanwhile: nothing was changed. Look at the marked rows."),
            )
            for form in sent:
                form.seen = form.row.seen
            return self._page(request, rules, page, sent, status=409)
        changed = shop_traits_confirm(
            member=request.member,
            answers={form.row.category.pk: form.ticked for form in chosen},
        )
        messages.success(request, _confirmed_text(len(chosen), changed))
        return redirect(f"{request.path}?page={page.number}" if page.number > 1 else request.path)

    def _page(
        self,
        request: MemberRequest,
        rules: EprRules,
        page: Any,
        forms: list[RowForm],
        *,
        status: int = 200,
    ) -> HttpResponse:
        context = {
            "page_obj": page,
            "forms": [(form, form.boxes(rules.categories)) for form in forms],
            "waiting": sum(form.row.relying for form in forms if form.row.to_confirm),
            "may_edit": request.member.can(Action.EDIT_PRODUCTS),
        }
        return render(request, "compliance/traits.html", context, status=status)


def category_rows_sent(request: MemberRequest, page: Any) -> list[CategoryRow]:
    """Return the rows of the page that the form held; foreign ids find nothing."""
    return [row for row in page.object_list if f"seen-{row.category.pk}" in request.POST]


def _sent(request: MemberRequest, row: CategoryRow, rules: EprRules) -> RowForm:
    """Return a row as it was ticked; bits of categories nobody is asked for stay as they are."""
    asked = set(request.POST.getlist(f"traits-{row.category.pk}"))
    ticked = sum(category.bit for category in rules.categories if category.value in asked)
    ticked |= row.held.traits & ~mask_asked(rules)
    seen = request.POST.get(f"seen-{row.category.pk}", "")
    return RowForm(row, ticked, needs(rules, ticked), seen, stale=seen != row.seen)


def _chosen(request: MemberRequest, sent: list[RowForm]) -> list[RowForm]:
    wanted = request.POST.get("confirm", "")
    return [form for form in sent if wanted in ("all", str(form.row.category.pk))]


def _confirmed_text(categories: int, changed: int) -> str:
    text = ngettext("%(n)s category is confirmed", "%(n)s categories are confirmed", categories)
    more = ngettext(
        "%(n)s product takes the answer over", "%(n)s products take the answer over", changed
    )
    first = text % {"n": categories}
    return f"{first}; {more % {'n': changed}}." if changed else f"{first}."
