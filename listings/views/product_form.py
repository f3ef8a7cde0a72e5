"""The product form: publish new, publish similar, edit, check (LST-1, LST-6, LST-7, LST-21)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from listings.choices import SELLER_TRANSITIONS, ProductStatus
from listings.models import Product, Theme
from listings.products.diffs import FieldChange, Namer, changes_between
from listings.products.forms import ProductForm, content_from
from listings.services.product_actions import similar_data
from listings.services.product_catalogue import Catalogue, Offer
from listings.services.product_data import ProductData
from listings.services.product_rules import clean
from listings.services.products import ORIGIN_FORM, product_id_new, product_save
from listings.services.screening import Hit, digest, needs_judging, screen
from listings.services.theme_prefill import similar_prefill, theme_prefill
from listings.themes.draft_check import CheckResult, check_content
from listings.views.products import own_products, product_or_404
from portal import platform_time
from portal.choices import Action
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.models import Category
from portal.views.base import SellerPage

CATEGORIES_FOUND = 20
_NEW_ID = re.compile(r"p[0-9a-f]{18}")


@dataclass
class FormState:
    """Everything the page shows besides the inputs."""

    product: Product | None = None
    theme: Theme | None = None
    new_id: str = ""
    category: Category | None = None
    offers: list[Offer] = field(default_factory=list)
    found: list[Category] | None = None
    check: CheckResult | None = None
    hits: list[Hit] = field(default_factory=list)
    theirs: list[FieldChange] = field(default_factory=list)
    version: int | None = None

    @property
    def hits_digest(self) -> str:
        """What the box "I have looked at these" stands for."""
        return digest(self.hits)

    @property
    def forbidden(self) -> bool:
        """Whether a hit keeps the product from going live."""
        return any(hit.forbids for hit in self.hits)

    @property
    def may_publish(self) -> bool:
        """Whether saving may also put the product live."""
        return self.product is None or ProductStatus.LIVE in SELLER_TRANSITIONS[self.product.status]


class _FormPage(SellerPage):
    """What a new product's form and an existing one's have in common."""

    read_action = write_action = Action.EDIT_PRODUCTS

    def choose_category(self, state: FormState, code: str) -> Category | None:
        """Put a category and what it offers into the state."""
        catalogue = Catalogue.load([code]) if code and "\0" not in code else Catalogue()
        state.category = catalogue.categories.get(code)
        state.offers = list(catalogue.offers.get(code, {}).values())
        return state.category

    def handle(self, request: MemberRequest, state: FormState) -> HttpResponse:
        """Do what the button says; whatever happens, nothing typed is lost."""
        posted = request.POST
        code = posted.get("category", "")
        if "use_category" in posted:
            code = posted.get("category_found", "") or code
        self.choose_category(state, code)
        form = self.bound(request, state)
        # The Enter key presses the form's first, invisible button; in the search it means "find".
        entered_search = "enter" in posted and posted.get("category_q", "").strip()
        if "find_category" in posted or entered_search:
            state.found = find_categories(posted.get("category_q", ""))
            return self.show(request, form, state)
        if "use_category" in posted or "more_rows" in posted:
            return self.show(request, form, state)
        if "check" in posted:
            state.check = check_content(state.theme, self.draft(form, state).as_content())
            return self.show(request, form, state)
        return self.save(request, form, state)

    def bound(self, request: MemberRequest, state: FormState) -> ProductForm:
        """Return the form with what was typed."""
        data = request.POST.copy()
        data["category"] = state.category.code if state.category else ""
        content = ProductData.from_product(state.product) if state.product else None
        return ProductForm(data, content=content, category=state.category, offers=state.offers)

    def draft(self, form: ProductForm, state: FormState) -> ProductData:
        """Return what was typed as far as it can be read."""
        given, _warnings = form.given()
        base = ProductData.from_product(state.product) if state.product else None
        cleaned = clean(
            given,
            base=base,
            catalogue=Catalogue.load([form.data["category"]]),
            day=platform_time.today(),
        )
        return cleaned.data

    def save(self, request: MemberRequest, form: ProductForm, state: FormState) -> HttpResponse:
        """Save, or show the form again with the reasons at their fields."""
        given, warnings = form.given()
        status = request.POST.get("save", "")
        if status in (ProductStatus.DRAFT, ProductStatus.LIVE):
            given["status"] = status
        problems = form.typing_problems()
        if problems:
            form.show_problems(problems)
            return self.show(request, form, state, status=400)
        if self.must_look_at_hits(request, form, state, given.get("status", "")):
            return self.show(request, form, state, status=409)
        version = request.POST.get("version", "")
        try:
            saved = product_save(
                actor=request.member,
                seller=request.seller,
                data=given,
                product=state.product,
                product_id=state.new_id,
                version=int(version) if version.isdecimal() and len(version) < 10 else None,
                origin=ORIGIN_FORM,
            )
        except InvalidInput as refusal:
            form.show_problems(refusal.fields)
            return self.show(request, form, state, status=400)
        except Refusal as refusal:
            return self.refused(request, form, state, refusal)
        for warning in warnings:
            messages.warning(request, warning)
        messages.success(request, _("Saved."))
        return redirect("listings:product-detail", saved.product_id)

    def must_look_at_hits(
        self, request: MemberRequest, form: ProductForm, state: FormState, status: str
    ) -> bool:
        """Screen what is about to be live; hits are shown before anything is saved (LST-21).

        Saving goes on when these very hits were looked at, and never with one that forbids.
        """
        draft = self.draft(form, state)
        draft.status = status or draft.status
        stored = ProductData.from_product(state.product) if state.product else None
        if not needs_judging(stored, draft):
            return False
        state.hits = screen(draft, category_id=state.category.pk if state.category else 0)
        if not state.hits:
            return False
        return state.forbidden or request.POST.get("hits_seen", "") != state.hits_digest

    def refused(
        self, request: MemberRequest, form: ProductForm, state: FormState, refusal: Refusal
    ) -> HttpResponse:
        """Show what stands against saving: another edit, or the same form sent twice."""
        if refusal.code == "product_id_taken" and state.product is None:
            saved = own_products(request).filter(product_id=state.new_id).first()
            if saved is not None:
                messages.info(request, _("This product was saved already."))
                return redirect("listings:product-detail", saved.product_id)
        if refusal.code == "stale" and state.product is not None:
            stored = ProductData.from_product(state.product).as_content()
            typed = self.draft(form, state).as_content() | {"status": stored["status"]}
            state.theirs = changes_between(typed, stored, Namer([typed, stored]))
            state.version = state.product.version
            form.posted["version"] = str(state.product.version)
        form.show_problems(refusal.fields or [("", str(refusal))])
        return self.show(request, form, state, status=409)

    def show(
        self, request: MemberRequest, form: ProductForm, state: FormState, status: int = 200
    ) -> HttpResponse:
        """Render the page."""
        return render(
            request,
            "listings/product_form.html",
            {
                "form": form,
                "state": state,
                "product": state.product,
                "theme": state.theme,
                "check": state.check,
                "category_q": "" if state.found is None else request.POST.get("category_q", ""),
            },
            status=status,
        )


class ProductNewPage(_FormPage):
    """A new product: empty, from a theme (`?theme=`), or similar to one (`?similar=`)."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the form, prefilled as asked."""
        theme = theme_asked(request)
        state = FormState(theme=theme, new_id=product_id_new())
        content = self._content(request, theme)
        self.choose_category(state, content.category or request.GET.get("category", ""))
        content.owner = request.member.pk
        form = ProductForm(content=content, category=state.category, offers=state.offers)
        return self.show(request, form, state)

    def _content(self, request: MemberRequest, theme: Theme | None) -> ProductData:
        similar = request.GET.get("similar", "")
        if similar:
            product = product_or_404(request, similar)
            if theme is None:
                return similar_data(product, actor=request.member)
            copied = content_from(similar_prefill(theme, product))
            return copied.copy(status=ProductStatus.DRAFT, showcase=False, deleted_at=None)
        return content_from(theme_prefill(theme)) if theme else ProductData()

    def post(self, request: MemberRequest) -> HttpResponse:
        """Save, check, or search a category."""
        new_id = request.POST.get("new_id", "")
        state = FormState(
            theme=theme_asked(request),
            new_id=new_id if _NEW_ID.fullmatch(new_id) else product_id_new(),
        )
        return self.handle(request, state)


class ProductEditPage(_FormPage):
    """An existing product."""

    def get(self, request: MemberRequest, product_id: str) -> HttpResponse:
        """Show the form with what the product says."""
        product = self._product(request, product_id)
        state = FormState(product=product, theme=theme_asked(request))
        self.choose_category(state, product.category.code)
        form = ProductForm(
            content=ProductData.from_product(product),
            category=state.category,
            offers=state.offers,
            version=product.version,
        )
        return self.show(request, form, state)

    def post(self, request: MemberRequest, product_id: str) -> HttpResponse:
        """Save, check, or search a category."""
        product = self._product(request, product_id)
        return self.handle(request, FormState(product=product, theme=theme_asked(request)))

    def _product(self, request: MemberRequest, product_id: str) -> Product:
        product = product_or_404(request, product_id)
        if product.deleted_at is not None:
            raise Http404
        return product


def theme_asked(request: MemberRequest) -> Theme | None:
    """Return the theme of `?theme=`; one that does not exist is 404."""
    asked = request.GET.get("theme", "") or request.POST.get("theme", "")
    if not asked:
        return None
    found = (
        Theme.objects.select_related("category").filter(theme_id=asked)
        if "\0" not in asked
        else None
    )
    theme = found.first() if found is not None else None
    if theme is None:
        raise Http404
    return theme


def find_categories(text: str) -> list[Category]:
    """Return leaves whose path holds every word of the text, in either language, or whose code is it."""
    words = text.replace("\0", " ").split()[:6]
    if not words:
        return []
    condition = Q()
    for word in words:
        condition &= Q(path_en__icontains=word) | Q(path_zh__icontains=word)
    leaves = Category.objects.filter(is_leaf=True).filter(
        condition | Q(code__iexact=text.strip()[:64])
    )
    return list(leaves.order_by("path_en")[:CATEGORIES_FOUND])
