"""EPR over the API: overview, impact, traits, blocked trades (EPR-2, EPR-11, EPR-12)."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.response import Response

from compliance.api.epr_serializers import (
    CategoryAnswersSerializer,
    CategoryTraitsPageSerializer,
    CertificateImpactSerializer,
    CoverProductPageSerializer,
    CoverProductSerializer,
    GateBlockPageSerializer,
    GateBlockSerializer,
    ImpactSerializer,
    OverviewSerializer,
    ProductAnswersSerializer,
    TraitsChangedSerializer,
    category_row,
    certificate_impact_row,
    impact_row,
    overview_row,
    product_row,
)
from compliance.choices import CoverState, EprCategory, TraitSource
from compliance.epr.block_list import chosen_blocks
from compliance.epr.impact import certificate_impact, shop_impact
from compliance.epr.product_list import ProductList
from compliance.epr.shop_overview import ShopFacts, shop_overview
from compliance.rules import BITS, mask_of
from compliance.services.trait_answers import MAX_PRODUCTS, products_traits_answer
from compliance.services.traits import shop_traits_confirm
from compliance.traits.reading import category_rows
from portal import platform_time
from portal.api.keyset import PAGING, KeysetPagination
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action
from portal.errors import InvalidInput
from portal.ingest.columns import CellError, Country
from portal.models import Category

_COUNTRY = Country("country", optional=True)
COUNTRY = OpenApiParameter("country", str, description="ISO 3166-1 alpha-2.")


class OverviewView(ScopedView):
    """`GET /compliance/overview`."""

    @extend_schema(
        summary="Numbers the shop's live products need and have", responses=OverviewSerializer
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the matrix of EPR categories and countries, counted now (EPR-11)."""
        return Response(OverviewSerializer(overview_row(shop_overview(request.seller))).data)


class CoverProductList(ScopedView):
    """`GET /compliance/products`."""

    keyset = ("product_id",)

    @extend_schema(
        summary="Live products by what they need and have",
        parameters=[
            COUNTRY,
            OpenApiParameter("category", str, enum=EprCategory.values),
            OpenApiParameter(
                "state", str, enum=CoverState.values, description="With country and category."
            ),
            OpenApiParameter("source", str, enum=TraitSource.values),
            OpenApiParameter("in", str, description="Code of the product category."),
            OpenApiParameter("q", str, description="In the title, or the product id."),
            OpenApiParameter(
                "stopping", str, enum=["1"], description="With a country: what stops selling there."
            ),
            *PAGING,
        ],
        responses=CoverProductPageSerializer,
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return products by id (EPR-11)."""
        found = ProductList(request.seller, request.query_params, platform_time.now())
        _refuse_unknown(found)
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(found.rows, request, self)
        rows = CoverProductSerializer([product_row(one) for one in page], many=True).data
        return Response({"results": rows, "next": paginator.get_next_link()})


def _refuse_unknown(found: ProductList) -> None:
    """Raise `InvalidInput` for what a page of the portal passes over: filters that are none."""
    given = found.params
    problems = [
        (name, _("Choose one of: %(choices)s") % {"choices": ", ".join(choices)})
        for name, choices in found.choices.items()
        if given.get(name) and given[name] not in choices
    ]
    if given.get("stopping") not in (None, "", "1"):
        problems.append(("stopping", _("Write 1, or leave it out.")))
    if not problems and found.state and found.requirement is None:
        problems.append(("state", _("Name a country and a category with it.")))
    if not problems and found.stopping and not found.country:
        problems.append(("stopping", _("Name a country with it.")))
    if problems:
        raise InvalidInput(problems)


class ImpactView(ScopedView):
    """`GET /compliance/impact`."""

    @extend_schema(summary="What stops selling where and when", responses=ImpactSerializer)
    def get(self, request: ScopedRequest) -> Response:
        """Return the instants to come at which products stop selling, if nothing is done (EPR-12)."""
        now = platform_time.now()
        impact = shop_impact(ShopFacts.load(request.seller, now), now)
        return Response(ImpactSerializer(impact_row(impact)).data)


class CertificateImpactView(ScopedView):
    """`GET /compliance/certificates/{id}/impact`."""

    @extend_schema(
        summary="What stops selling if a certificate ends", responses=CertificateImpactSerializer
    )
    def get(self, request: ScopedRequest, pk: int) -> Response:
        """Return how many live products have no other number; drafts carry nothing: 404 (EPR-12)."""
        now = platform_time.now()
        facts = ShopFacts.load(request.seller, now)
        registration = facts.coverage.registration(pk)
        if registration is None:
            raise Http404
        impact = certificate_impact(facts, registration, now)
        return Response(CertificateImpactSerializer(certificate_impact_row(impact)).data)


class TraitsList(ScopedView):
    """`GET /compliance/traits`."""

    @extend_schema(
        summary="What the shop's products contain, by category",
        responses=CategoryTraitsPageSerializer,
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the categories of the shop's products, what is to confirm first (EPR-2)."""
        rows = [category_row(row) for row in category_rows(request.seller)]
        return Response(CategoryTraitsPageSerializer({"results": rows, "next": None}).data)


class TraitsCategoriesView(ScopedView):
    """`POST /compliance/traits/categories`."""

    write_action = Action.EDIT_PRODUCTS

    @extend_schema(
        summary="Confirm what products of categories contain",
        request=CategoryAnswersSerializer,
        responses={200: TraitsChangedSerializer},
    )
    def post(self, request: ScopedRequest) -> Response:
        """Keep the answers: they hold for all products there that say nothing themselves (EPR-2)."""
        answers = _answers(request.data)
        found = dict(Category.objects.filter(code__in=answers).values_list("code", "pk"))
        unknown = [code for code in answers if code not in found]
        if unknown:
            raise InvalidInput(
                [(f"answers.{code}", _("There is no such category.")) for code in unknown]
            )
        changed = shop_traits_confirm(
            member=request.member,
            answers={found[code]: traits for code, traits in answers.items()},
        )
        return Response({"changed": changed})


class TraitsProductsView(ScopedView):
    """`POST /compliance/traits/products`."""

    write_action = Action.EDIT_PRODUCTS

    @extend_schema(
        summary="Say what products contain",
        request=ProductAnswersSerializer,
        responses={
            200: TraitsChangedSerializer,
            409: OpenApiResponse(ProblemSerializer, description="`set_by_staff`."),
        },
    )
    def post(self, request: ScopedRequest) -> Response:
        """Write the traits into the products; null leaves one to its category again (EPR-2)."""
        answers = _answers(request.data)
        changed = products_traits_answer(member=request.member, answers=answers)
        return Response({"changed": changed})


def _answers(data: Any) -> dict[str, int | None]:
    """Return key → mask of a body's `answers`; raise `InvalidInput` naming each that is wrong."""
    answers = data.get("answers") if isinstance(data, dict) else None
    if not isinstance(answers, dict) or not answers:
        raise InvalidInput([("answers", _("Send an object of answers."))])
    if len(answers) > MAX_PRODUCTS:
        message = _("At most %(most)d answers at once.") % {"most": MAX_PRODUCTS}
        raise InvalidInput([("answers", message)])
    problems = [
        (f"answers.{key}", _("Send a list of EPR categories such as packaging."))
        for key, codes in answers.items()
        if not (key.isprintable() and (codes is None or _are_codes(codes)))
    ]
    if problems:
        raise InvalidInput(problems)
    return {key: None if codes is None else mask_of(codes) for key, codes in answers.items()}


def _are_codes(codes: Any) -> bool:
    return isinstance(codes, list) and all(isinstance(one, str) and one in BITS for one in codes)


class GateBlockList(ScopedView):
    """`GET /compliance/gate-blocks`."""

    keyset = ("-last_at", "-pk")

    @extend_schema(
        summary="Trades the gate blocked",
        parameters=[OpenApiParameter("product", str, description="Product id."), COUNTRY, *PAGING],
        responses=GateBlockPageSerializer,
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the blocked trades of the shop, the newest first (EPR-11)."""
        paginator = KeysetPagination()
        try:
            _COUNTRY.clean(request.query_params.get("country"))
        except CellError as error:
            raise InvalidInput([("country", str(error))]) from None
        blocks = chosen_blocks(request.seller, request.query_params)
        page = paginator.paginate_queryset(blocks, request, self)
        rows = GateBlockSerializer(page, many=True).data
        return Response({"results": rows, "next": paginator.get_next_link()})
