"""Pages of products: list, one product, its form, history, recycle bin (LST-1, LST-2)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from listings.choices import SELLER_TRANSITIONS, SERVICES, ProductKind, ProductStatus
from listings.models import Product, ProductRevision
from listings.products.diffs import Namer, changes_between, history_of
from listings.products.forms import country_choices
from listings.products.queries import ORDERING_LABELS, read_filters
from listings.services import product_actions as actions
from listings.services.product_data import ProductData
from listings.services.products import REJECTED
from portal.choices import Action
from portal.country_names import country_name
from portal.errors import Refusal
from portal.http import MemberRequest
from portal.models import Member
from portal.product_panels import product_panels_for
from portal.views.base import SellerPage
from portal.views.lists import Counted, page_of

PAGE_SIZE = 50
REVISIONS_SHOWN = 20
_LIST_DEFERRED = (
    "description", "skus", "custom_attributes", "attributes", "keywords", "images", "epr_traits",
    "tiers",
)  # fmt: skip


def own_products(request: MemberRequest) -> Any:
    """Return the shop's products."""
    return Product.objects.filter(seller=request.seller)


def product_or_404(request: MemberRequest, product_id: str) -> Product:
    """Return one of the shop's products with its category; foreign ones do not exist (K-8)."""
    products = own_products(request).select_related(
        "category", "owner__user", "shipping_template", "seller"
    )
    product = products.filter(product_id=product_id).first() if "\0" not in product_id else None
    if product is None:
        raise Http404
    return product


@lru_cache(maxsize=8)
def country_options(language: str) -> SafeString:
    """Return the options of the country filter in a language; written once per process (P-3)."""
    return format_html_join("", '<option value="{}">{}</option>', country_choices())


class ProductsPage(SellerPage):
    """The list, by status, with search, filters and bulk actions (LST-2)."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show a page of the list."""
        filters = read_filters(request.GET)
        filters.deleted = False
        products = own_products(request)
        counts = filters.count_by_status(products)
        rows = filters.apply(products).order_by(*filters.keyset)
        rows = rows.select_related("category", "owner__user").defer(*_LIST_DEFERRED)
        page = page_of(request, Counted(rows, _counted(filters.status, counts)), size=PAGE_SIZE)
        return render(
            request,
            "listings/product_list.html",
            {
                "page_obj": page,
                "filters": filters,
                "country_name": country_name(filters.country) if filters.country else "",
                "country_options": country_options(get_language() or ""),
                "tabs": [
                    ("", _("All"), sum(counts.values())),
                    *(
                        (status, ProductStatus(status).label, number)
                        for status, number in counts.items()
                    ),
                ],
                "kinds": ProductKind.choices,
                "services": SERVICES.items(),
                "members": Member.objects.filter(is_active=True).select_related("user"),
                "orderings": ORDERING_LABELS.items(),
                "may_edit": request.member.can(Action.EDIT_PRODUCTS),
                "binned": products.filter(deleted_at__isnull=False).count(),
            },
        )


def _counted(status: str, counts: dict[str, int]) -> int:
    return counts[status] if status else sum(counts.values())


class ProductPage(SellerPage):
    """One product, read only, with what may be done with it."""

    def get(self, request: MemberRequest, product_id: str) -> HttpResponse:
        """Show what the product says now."""
        product = product_or_404(request, product_id)
        content = ProductData.from_product(product).as_content()
        facts = changes_between(None, content, Namer([content]))
        hidden = {"title", "status", "deleted_at"}
        may_edit = request.member.can(Action.EDIT_PRODUCTS) and product.deleted_at is None
        allowed = SELLER_TRANSITIONS[product.status] if may_edit else set()
        return render(
            request,
            "listings/product_detail.html",
            {
                "product": product,
                "facts": [fact for fact in facts if fact.name not in hidden],
                "may_edit": may_edit,
                "may_restore": bool(product.deleted_at)
                and request.member.can(Action.EDIT_PRODUCTS),
                "may_publish": ProductStatus.LIVE in allowed,
                "may_take_off": ProductStatus.OFF_SHELF in allowed,
                "panels": product_panels_for(
                    seller=request.seller, member=request.member, product_id=product.product_id
                ),
            },
        )


class ProductHistoryPage(SellerPage):
    """What changed when, by whom, field by field."""

    def get(self, request: MemberRequest, product_id: str) -> HttpResponse:
        """Show a page of revisions, newest first."""
        product = product_or_404(request, product_id)
        revisions = ProductRevision.objects.filter(product=product).order_by("-at", "-pk")
        page = page_of(request, revisions, size=REVISIONS_SHOWN)
        first = page.start_index() - 1
        shown = list(revisions[first : first + REVISIONS_SHOWN + 1])
        return render(
            request,
            "listings/product_history.html",
            {
                "product": product,
                "page_obj": page,
                "revisions": history_of(shown, REVISIONS_SHOWN),
            },
        )


class _ProductAction(SellerPage):
    """A POST on one product that leads back to it."""

    read_action = write_action = Action.EDIT_PRODUCTS
    http_method_names = ["post"]
    done = ""

    def post(self, request: MemberRequest, product_id: str) -> HttpResponse:
        """Do it, or say why not."""
        product = product_or_404(request, product_id)
        try:
            saved = self.act(request.member, product)
        except Refusal as refusal:
            texts = [text for _name, text in refusal.fields] or [str(refusal)]
            messages.error(request, " ".join(texts))
            saved = product
        else:
            messages.success(request, self.done)
        return redirect("listings:product-detail", saved.product_id)

    def act(self, actor: Member, product: Product) -> Product:
        """Call the service."""
        raise NotImplementedError


class ProductPublish(_ProductAction):
    """Put a product live."""

    def act(self, actor: Member, product: Product) -> Product:
        """Publish."""
        self.done = _("The product is live.")
        return actions.product_publish(actor=actor, product=product)


class ProductTakeOffShelf(_ProductAction):
    """Take a product off the shelf."""

    def act(self, actor: Member, product: Product) -> Product:
        """Take it off."""
        self.done = _("The product is off the shelf.")
        return actions.product_take_off_shelf(actor=actor, product=product)


class ProductDuplicate(_ProductAction):
    """Make a draft copy."""

    def act(self, actor: Member, product: Product) -> Product:
        """Copy."""
        self.done = _("This is the copy, a draft.")
        return actions.product_duplicate(actor=actor, product=product)


class ProductRestore(_ProductAction):
    """Take a product out of the recycle bin."""

    def act(self, actor: Member, product: Product) -> Product:
        """Restore."""
        self.done = _("The product is back, off the shelf if it was live.")
        return actions.product_restore(actor=actor, product=product)


class ProductDelete(SellerPage):
    """Put one product or several into the recycle bin, after a confirmation."""

    read_action = write_action = Action.EDIT_PRODUCTS

    def get(self, request: MemberRequest, product_id: str) -> HttpResponse:
        """Ask."""
        product = product_or_404(request, product_id)
        return confirm_delete(request, [product])

    def post(self, request: MemberRequest, product_id: str) -> HttpResponse:
        """Delete."""
        product = product_or_404(request, product_id)
        actions.product_delete(actor=request.member, product=product)
        messages.success(request, _("The product is in the recycle bin."))
        return redirect("listings:products")


def confirm_delete(request: MemberRequest, products: list[Product]) -> HttpResponse:
    """Ask before products go into the recycle bin, saying what that means."""
    shown = [product.title for product in products[:10]]
    if len(products) > len(shown):
        shown.append(_("and %(count)d more") % {"count": len(products) - len(shown)})
    context: dict[str, Any] = {
        "heading": _("Move to the recycle bin"),
        "message": _("Buyers no longer see these products, and they leave every matched list:"),
        "items": shown,
        "cost": _(
            "They can be restored for %(days)d days; after that they are gone with their history."
        )
        % {"days": actions.BIN_DAYS},
        "confirm_label": _("Move to the recycle bin"),
        "danger": True,
        "cancel_url": reverse("listings:products"),
        "fields": [],
    }
    if len(products) != 1:
        context["action_url"] = reverse("listings:product-bulk-delete")
        context["fields"] = [("ids", product.product_id) for product in products]
        context["fields"].append(("confirmed", "1"))
    return render(request, "portal/confirm.html", context)


class ProductBulkDelete(SellerPage):
    """Put the ticked products into the recycle bin."""

    read_action = write_action = Action.EDIT_PRODUCTS
    http_method_names = ["post"]

    def post(self, request: MemberRequest) -> HttpResponse:
        """Ask, then delete."""
        products = ticked(request)
        if not products:
            messages.error(request, _("Tick at least one product."))
            return redirect("listings:products")
        if not request.POST.get("confirmed"):
            return confirm_delete(request, products)
        results = actions.products_delete(
            actor=request.member, seller=request.seller, products=products
        )
        done = sum(result.state != REJECTED for result in results)
        messages.success(request, _("%(count)d products are in the recycle bin.") % {"count": done})
        return redirect("listings:products")


def ticked(request: MemberRequest) -> list[Product]:
    """Return the shop's products among the ticked ids; foreign ids find nothing."""
    ids = [one for one in request.POST.getlist("ids")[:500] if "\0" not in one]
    products = own_products(request).filter(product_id__in=ids, deleted_at__isnull=True)
    return list(products.select_related("seller").order_by("pk"))


class RecycleBinPage(SellerPage):
    """What was deleted in the last 30 days."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the bin, what is purged next first."""
        rows = own_products(request).filter(deleted_at__isnull=False)
        rows = rows.select_related("category").defer(*_LIST_DEFERRED)
        return render(
            request,
            "listings/product_bin.html",
            {
                "page_obj": page_of(request, rows.order_by("deleted_at", "pk"), size=PAGE_SIZE),
                "days": actions.BIN_DAYS,
                "may_edit": request.member.can(Action.EDIT_PRODUCTS),
            },
        )

    write_action = Action.EDIT_PRODUCTS

    def post(self, request: MemberRequest) -> HttpResponse:
        """Restore the ticked products."""
        ids = [one for one in request.POST.getlist("ids")[:500] if "\0" not in one]
        rows = own_products(request).filter(product_id__in=ids, deleted_at__isnull=False)
        products = list(rows.select_related("seller").order_by("pk"))
        if products:
            actions.products_restore(actor=request.member, seller=request.seller, products=products)
        messages.success(request, _("%(count)d products are back.") % {"count": len(products)})
        return redirect("listings:product-bin")
