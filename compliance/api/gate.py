"""The trade gate for upstream systems, and requirements for sellers (EPR-1, EPR-11)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.gate_serializers import (
    MAX_PAIRS,
    EprRequirementSerializer,
    RequirementsPageSerializer,
    TradeGateAnswerSerializer,
    TradeGateRequestSerializer,
    answer_row,
    cover_row,
)
from compliance.gate import gate_many, requirements_of
from compliance.models import GatedProduct
from portal.api.keyset import KeysetPagination
from portal.api.problems import ProblemSerializer, TooLarge
from portal.api.views import ScopedRequest, ScopedView, StaffView
from portal.errors import InvalidInput
from portal.ingest.cells import is_text
from portal.platform_time import InvalidInstant, parse_instant

YEARS = range(2000, 2101)
"""Years an instant may lie in: wide enough for any question, narrow enough for the calendar."""


class TradeGateView(StaffView):
    """`POST /trade-gate`."""

    staff_permission = "compliance.ask_gate"

    @extend_schema(
        summary="May these products be sold to these countries?",
        request=TradeGateRequestSerializer,
        responses={
            200: TradeGateAnswerSerializer(many=True),
            413: OpenApiResponse(ProblemSerializer, "Too many pairs for one call."),
        },
    )
    def post(self, request: Request) -> Response:
        """Answer each pair, in the order asked (EPR-11).

        A pair that is blocked now, or was in the past, is kept in the list of blocked trades; what is
        asked about the future is not. A pair that names no known product or country is blocked with
        that reason; only what is no pair at all refuses the call.
        """
        pairs, at = _question(request.data)
        return Response([answer_row(answer) for answer in gate_many(pairs, at)])


def _question(data: Any) -> tuple[list[tuple[str, str]], datetime | None]:
    """Return pairs and instant; raise `InvalidInput` naming each pair that is none."""
    if not isinstance(data, dict):
        raise InvalidInput([("", _("The body must be an object with the list `pairs`."))])
    pairs, at = data.get("pairs"), data.get("at")
    if not isinstance(pairs, list):
        raise InvalidInput([("pairs", _("A list of pairs of product id and country is needed."))])
    if len(pairs) > MAX_PAIRS:
        raise TooLarge(_("At most %(most)d pairs fit in one call.") % {"most": MAX_PAIRS})
    problems = [
        (f"pairs[{place}]", problem)
        for place, pair in enumerate(pairs)
        if (problem := _pair_problem(pair))
    ]
    if problems:
        raise InvalidInput(problems)
    return [(product_id, country) for product_id, country in pairs], _instant(at)


def _pair_problem(pair: Any) -> str:
    """Return what is wrong with a pair, or nothing."""
    if (
        not isinstance(pair, list)
        or len(pair) != 2
        or not all(isinstance(one, str) and is_text(one) for one in pair)
    ):
        return _("A pair is a list of product id and country.")
    return ""


def _instant(raw: Any) -> datetime | None:
    if raw is None:
        return None
    try:
        at = parse_instant(raw) if isinstance(raw, str) else None
    except InvalidInstant as error:
        raise InvalidInput([("at", str(error))]) from error
    if at is None or at.year not in YEARS:
        raise InvalidInput([("at", _("This is not an instant like 2022-12-27T00:00:00-08:00."))])
    return at


PRODUCT_ID = OpenApiParameter(
    "product_id", str, description="One product: the answer is its list alone."
)


class RequirementList(ScopedView):
    """`GET /compliance/requirements`."""

    keyset = ("pk",)

    @extend_schema(
        summary="What countries ask of the shop's products, and what covers it",
        parameters=[
            PRODUCT_ID,
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses=PolymorphicProxySerializer(
            component_name="Requirements",
            serializers=[EprRequirementSerializer(many=True), RequirementsPageSerializer],
            resource_type_field_name=None,
            many=False,
        ),
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the lines of one product, or pages of all products that are not in the bin (EPR-1)."""
        products = GatedProduct.objects.filter(seller=request.seller)
        product_id = request.query_params.get("product_id")
        if product_id is not None:
            product = products.filter(product_id=product_id).first()
            if product is None:
                raise Http404
            lines = requirements_of([product])[product.pk]
            return Response([cover_row(line) for line in lines])
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(products.filter(deleted=False), request, self)
        found = requirements_of(page)
        rows = [
            {
                "product_id": product.product_id,
                "requirements": [cover_row(line) for line in found[product.pk]],
            }
            for product in page
        ]
        return Response({"results": rows, "next": paginator.get_next_link()})
