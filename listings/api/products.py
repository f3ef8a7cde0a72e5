"""Products over the API (LST-1, LST-2). A foreign id answers like one that does not exist."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.response import Response

from listings.api.product_serializers import (
    BulkAnswerSerializer,
    BulkRequestSerializer,
    ProductChangeSerializer,
    ProductCreateSerializer,
    ProductPageSerializer,
    ProductSerializer,
    RevisionPageSerializer,
    product_rows,
)
from listings.choices import ProductKind, ProductStatus
from listings.models import Product, ProductRevision, ShippingTemplate
from listings.products.diffs import Namer
from listings.products.queries import ORDERINGS, read_filters
from listings.services import product_actions as actions
from listings.services.product_bulk import BulkChange, products_bulk_edit
from listings.services.product_columns import ProductId
from listings.services.products import ORIGIN_API, REJECTED, UPDATED, product_save
from portal.api.keyset import PAGING, KeysetPagination
from portal.api.problems import ProblemSerializer
from portal.api.versions import IF_MATCH, etag, version_of
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action
from portal.errors import InvalidInput
from portal.ingest.columns import CellError, Code
from portal.models import Member

REFUSED = OpenApiResponse(
    ProblemSerializer,
    description="`stale`, `wrong_status`, `in_recycle_bin` or `product_id_taken`; "
    " nothing was changed.",
)
_EXTERNAL_ID = Code("product_id")
NEVER_GIVEN = frozenset({"product_id", "version", "seller"})


def products_of(request: ScopedRequest) -> Any:
    """Return the shop's products with what an answer shows of other tables."""
    return Product.objects.filter(seller=request.seller).select_related(
        "category", "owner__user", "shipping_template", "seller"
    )


def product_or_404(request: ScopedRequest, product_id: str) -> Product:
    """Return one of the shop's products, in the recycle bin or not."""
    try:
        wanted = _EXTERNAL_ID.clean(product_id)
    except CellError:
        raise Http404 from None
    product = products_of(request).filter(product_id=wanted).first()
    if product is None:
        raise Http404
    return product


def answer(request: ScopedRequest, product: Product, status: int = 200) -> Response:
    """Answer with a product as it is stored now."""
    stored = products_of(request).get(pk=product.pk)
    return Response(product_rows([stored])[0], status=status, headers=etag(stored.version))


def body_of(request: ScopedRequest) -> dict[str, Any]:
    """Return the JSON object that was sent."""
    if not isinstance(request.data, dict):
        raise InvalidInput([("", _("Send a JSON object."))])
    return dict(request.data)


def given_fields(request: ScopedRequest, body: dict[str, Any]) -> dict[str, Any]:
    """Return the raw fields of a product, people and templates replaced by their ids."""
    if body.get("seller") not in (None, request.seller.member_id):
        raise InvalidInput([("seller", _("You act for another shop."))])
    given = {name: value for name, value in body.items() if name not in NEVER_GIVEN}
    if given.get("owner"):
        given["owner"] = member_id(given["owner"])
    if given.get("shipping_template"):
        found = None
        name = given["shipping_template"]
        if isinstance(name, str) and name.isprintable():
            found = ShippingTemplate.objects.filter(name=name).first()
        if found is None:
            raise InvalidInput([("shipping_template", _("There is no such template."))])
        given["shipping_template"] = found.pk
    return given


def member_id(username: Any) -> int:
    """Return the id of a member of the shop in scope."""
    found = None
    if isinstance(username, str) and username.isprintable():
        found = Member.objects.filter(user__username=username, is_active=True).first()
    if found is None:
        raise InvalidInput([("owner", _("There is no such member."))])
    return found.pk


class ProductListView(ScopedView):
    """`GET` and `POST /listings/products`."""

    write_action = Action.EDIT_PRODUCTS

    @extend_schema(
        summary="The shop's products",
        parameters=[
            OpenApiParameter("q", str, description="In the title, or the product id."),
            OpenApiParameter("status", str, enum=ProductStatus.values),
            OpenApiParameter("kind", str, enum=ProductKind.values),
            OpenApiParameter("category", str, description="Code; the whole subtree counts."),
            OpenApiParameter("country", str, description="Among the target countries."),
            OpenApiParameter("service", str, description="Code of a service offered."),
            OpenApiParameter("price_from", str, description="USD; ranges that reach it."),
            OpenApiParameter("price_to", str, description="USD; ranges that reach it."),
            OpenApiParameter("changed_since", str, description="ISO 8601 with offset."),
            OpenApiParameter("deleted", bool, description="Those in the recycle bin instead."),
            OpenApiParameter("ordering", str, enum=list(ORDERINGS)),
            *PAGING,
        ],
        responses={200: ProductPageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return a page of products (LST-2)."""
        filters = read_filters(request.query_params)
        if filters.errors:
            raise InvalidInput(filters.errors)
        products = filters.apply(products_of(request))
        self.keyset = filters.keyset
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(products, request, self)
        return Response(
            {
                "results": product_rows(page),
                "next": paginator.get_next_link(),
                "count": products.order_by().count(),
            }
        )

    @extend_schema(
        summary="Create a product",
        request=ProductCreateSerializer,
        responses={201: ProductSerializer, 409: REFUSED},
    )
    def post(self, request: ScopedRequest) -> Response:
        """Create a product; sending the same id twice answers 409 the second time (LST-1)."""
        body = body_of(request)
        product_id = ""
        if body.get("product_id") is not None:
            try:
                product_id = ProductId("product_id").clean(body["product_id"])
            except CellError as error:
                raise InvalidInput([("product_id", str(error))]) from None
        product = product_save(
            actor=request.member,
            seller=request.seller,
            data=given_fields(request, body),
            product_id=product_id,
            origin=ORIGIN_API,
        )
        return answer(request, product, 201)


class ProductDetailView(ScopedView):
    """`GET`, `PATCH` and `DELETE /listings/products/{product_id}`."""

    write_action = Action.EDIT_PRODUCTS

    @extend_schema(summary="One product", responses={200: ProductSerializer})
    def get(self, request: ScopedRequest, product_id: str) -> Response:
        """Return the product, in the recycle bin or not."""
        return answer(request, product_or_404(request, product_id))

    @extend_schema(
        summary="Change fields of a product",
        parameters=[IF_MATCH],
        request=ProductChangeSerializer,
        responses={200: ProductSerializer, 409: REFUSED},
    )
    def patch(self, request: ScopedRequest, product_id: str) -> Response:
        """Change the fields sent; with a version, only if nobody changed the product since."""
        product = product_or_404(request, product_id)
        body = body_of(request)
        if body.get("product_id", product.product_id) != product.product_id:
            raise InvalidInput([("product_id", _("An id cannot be changed."))])
        version = version_of(request, body)
        saved = product_save(
            actor=request.member,
            seller=request.seller,
            data=given_fields(request, body),
            product=product,
            version=version,
            origin=ORIGIN_API,
        )
        return answer(request, saved)

    @extend_schema(summary="Put a product into the recycle bin", responses={204: None})
    def delete(self, request: ScopedRequest, product_id: str) -> Response:
        """Put the product into the recycle bin for 30 days (LST-2)."""
        product = product_or_404(request, product_id)
        actions.product_delete(actor=request.member, product=product, origin=ORIGIN_API)
        return Response(status=204)


class _ActionView(ScopedView):
    """A `POST` on one product without a body."""

    write_action = Action.EDIT_PRODUCTS


class ProductRestoreView(_ActionView):
    """`POST /listings/products/{product_id}/restore`."""

    @extend_schema(
        summary="Take a product out of the recycle bin",
        request=None,
        responses={200: ProductSerializer, 409: REFUSED},
    )
    def post(self, request: ScopedRequest, product_id: str) -> Response:
        """Restore the product; what was live comes back off the shelf."""
        product = product_or_404(request, product_id)
        return answer(
            request,
            actions.product_restore(actor=request.member, product=product, origin=ORIGIN_API),
        )


class ProductPublishView(_ActionView):
    """`POST /listings/products/{product_id}/publish`."""

    @extend_schema(
        summary="Put a product live",
        request=None,
        responses={200: ProductSerializer, 409: REFUSED},
    )
    def post(self, request: ScopedRequest, product_id: str) -> Response:
        """Publish a draft or an off-shelf product; a live one stays as it is."""
        product = product_or_404(request, product_id)
        return answer(
            request,
            actions.product_publish(actor=request.member, product=product, origin=ORIGIN_API),
        )


class ProductOffShelfView(_ActionView):
    """`POST /listings/products/{product_id}/off-shelf`."""

    @extend_schema(
        summary="Take a product off the shelf",
        request=None,
        responses={200: ProductSerializer, 409: REFUSED},
    )
    def post(self, request: ScopedRequest, product_id: str) -> Response:
        """Take a live product off the shelf; one that is off it stays as it is."""
        product = product_or_404(request, product_id)
        return answer(
            request,
            actions.product_take_off_shelf(
                actor=request.member, product=product, origin=ORIGIN_API
            ),
        )


class ProductDuplicateView(_ActionView):
    """`POST /listings/products/{product_id}/duplicate`."""

    @extend_schema(
        summary="Publish similar: a draft copy",
        request=None,
        responses={201: ProductSerializer, 409: REFUSED},
    )
    def post(self, request: ScopedRequest, product_id: str) -> Response:
        """Make a draft with the same content under a new id."""
        product = product_or_404(request, product_id)
        copy = actions.product_duplicate(actor=request.member, product=product, origin=ORIGIN_API)
        return answer(request, copy, 201)


class ProductRevisionView(ScopedView):
    """`GET /listings/products/{product_id}/revisions`."""

    keyset = ("-at", "-pk")

    @extend_schema(
        summary="What a product said since when",
        parameters=PAGING,
        responses={200: RevisionPageSerializer},
    )
    def get(self, request: ScopedRequest, product_id: str) -> Response:
        """Return the revisions, newest first."""
        product = product_or_404(request, product_id)
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(
            ProductRevision.objects.filter(product=product), request, self
        )
        namer = Namer(one.content for one in page)
        rows = [
            {
                "at": one.at,
                "by": one.by,
                "origin": one.origin,
                "content": namer.content(one.content),
            }
            for one in page
        ]
        return Response({"results": rows, "next": paginator.get_next_link()})


class ProductBulkView(ScopedView):
    """`POST /listings/products/bulk`."""

    write_action = Action.EDIT_PRODUCTS

    @extend_schema(
        summary="The same change to many products",
        request=BulkRequestSerializer,
        responses={200: BulkAnswerSerializer, 409: REFUSED},
    )
    def post(self, request: ScopedRequest) -> Response:
        """Change the products that allow it and say which do not (LST-2)."""
        asked = BulkRequestSerializer(data=body_of(request))
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        ids = list(dict.fromkeys(data["product_ids"]))
        products = Product.objects.filter(seller=request.seller, product_id__in=ids)
        results = products_bulk_edit(
            actor=request.member,
            seller=request.seller,
            products=products,
            change=self._change(data["change"]),
            dry_run=data["dry_run"],
        )
        known = {result.row.product_id for result in results}
        rejected = [
            {"product_id": one, "field": "product_id", "message": _("There is no such product.")}
            for one in ids
            if one not in known
        ]
        rejected += [
            {"product_id": result.row.product_id, "field": name, "message": text}
            for result in results
            if result.state == REJECTED
            for name, text in result.problems
        ]
        states: dict[str, list[str]] = {"updated": [], "unchanged": []}
        for result in results:
            if result.state != REJECTED:
                name = "updated" if result.state == UPDATED else "unchanged"
                states[name].append(result.row.product_id)
        return Response({**states, "rejected": rejected})

    def _change(self, data: dict[str, Any]) -> BulkChange:
        attribute = data.pop("attribute", None)
        values = data.pop("values", [])
        owner = data.pop("owner", None)
        return BulkChange(
            **data,
            attribute=(attribute, values) if attribute else None,
            owner=member_id(owner) if owner else None,
        )
