"""The market over the API: RFQs, unsolicited offers, saved searches (RFQ-2, RFQ-3)."""

from __future__ import annotations

from urllib.parse import parse_qsl

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from portal import platform_time
from portal.api.idempotency import IdempotentMixin
from portal.api.keyset import DEFAULT_SIZE, PAGING, KeysetPagination
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action
from portal.errors import InvalidInput
from portal.ingest.columns import CellError, Code
from rfq.api.market_serializers import (
    OfferRequestSerializer,
    OfferSerializer,
    RfqDetailSerializer,
    RfqPageSerializer,
    SearchChangeSerializer,
    SearchPageSerializer,
    SearchSerializer,
    detail_row,
    rfq_row,
)
from rfq.choices import Grade
from rfq.market.params import MATCHES, ORDERINGS, RECOMMENDED, WITHIN, MarketQuery
from rfq.market.queries import market_page, read_market_query
from rfq.market.rows import market_rows
from rfq.models import Rfq, SavedSearch, UnsolicitedOffer
from rfq.services.offers import offer_submit, offers_until
from rfq.services.searches import search_change, search_delete, search_save, searches_of

OFFER_REFUSED = OpenApiResponse(
    ProblemSerializer,
    description="`not_pro`, `invited`, `already_offered`, `offers_closed`, `closed` or"
    " `seller_restricted`; nothing was kept.",
)
SEARCH_REFUSED = OpenApiResponse(
    ProblemSerializer, description="`name_taken` or `search_limit`; nothing was changed."
)
_RFQ_ID = Code("rfq_id")


def _rfq_or_404(rfq_id: str) -> Rfq:
    try:
        wanted = _RFQ_ID.clean(rfq_id)
    except CellError:
        raise Http404 from None
    rfqs = Rfq.objects.select_related("buyer", "category")
    rfq = rfqs.filter(rfq_id=wanted, posted_at__lte=platform_time.now()).first()
    if rfq is None:
        raise Http404
    return rfq


class RfqListView(ScopedView):
    """`GET /rfq/rfqs`."""

    @extend_schema(
        summary="The market, as the shop sees it now",
        parameters=[
            OpenApiParameter("q", str, description="Words of title and details."),
            OpenApiParameter("match", str, enum=list(MATCHES), description="All words, or any."),
            OpenApiParameter("category", str, description="Code; the whole subtree counts."),
            OpenApiParameter("country", str, description="ISO country of the buyer."),
            OpenApiParameter("grade", str, enum=Grade.values),
            OpenApiParameter("posted_within", str, enum=list(WITHIN)),
            OpenApiParameter("badge", bool, description="Buyers the shop sees a badge of."),
            OpenApiParameter("can_quote", bool, description="Only what the shop can quote now."),
            OpenApiParameter("own", bool, description="Only the shop's own categories."),
            OpenApiParameter(
                "ordering",
                str,
                enum=[*ORDERINGS, RECOMMENDED],
                description="`recommended`: own categories, newest first. Default: newest.",
            ),
            *PAGING,
        ],
        responses={200: RfqPageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return a page of open RFQs with places left, what is refused and why (RFQ-2)."""
        query = read_market_query(request.query_params)
        if query.errors:
            raise InvalidInput(list(query.errors.items()))
        now = platform_time.now()
        page = market_page(
            query,
            request.seller,
            now,
            cursor=request.query_params.get("cursor", ""),
            size=KeysetPagination().get_page_size(request) or DEFAULT_SIZE,
        )
        rows = market_rows(page.rfqs, request.seller, now, user=request.user)
        url = request.build_absolute_uri()
        cursor = page.next_cursor
        answer = {
            "results": [rfq_row(row) for row in rows],
            "next": replace_query_param(url, "cursor", cursor) if cursor else None,
        }
        return Response(RfqPageSerializer(answer).data)


class RfqDetailView(ScopedView):
    """`GET /rfq/rfqs/{rfq_id}`."""

    @extend_schema(summary="One RFQ, open or not", responses=RfqDetailSerializer)
    def get(self, request: ScopedRequest, rfq_id: str) -> Response:
        """Return an RFQ in full, with the shop's own state and offer (RFQ-2, RFQ-3)."""
        rfq = _rfq_or_404(rfq_id)
        [row] = market_rows([rfq], request.seller, platform_time.now(), user=request.user)
        offer = UnsolicitedOffer.objects.filter(rfq=rfq).first()
        return Response(RfqDetailSerializer(detail_row(row, offer, offers_until(rfq))).data)


class OfferView(IdempotentMixin, ScopedView):
    """`POST /rfq/rfqs/{rfq_id}/offers`."""

    write_action = Action.QUOTE

    @extend_schema(
        summary="Offer on an RFQ Pro without invitation",
        request=OfferRequestSerializer,
        responses={201: OfferSerializer, 409: OFFER_REFUSED},
    )
    def post(self, request: ScopedRequest, rfq_id: str) -> Response:
        """Make the shop's one offer, within 24 hours of posting; staff evaluate it (RFQ-3)."""
        rfq = _rfq_or_404(rfq_id)
        given = OfferRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)

        def act() -> tuple[int, object]:
            offer = offer_submit(member=request.member, rfq=rfq, **given.validated_data)
            return 201, OfferSerializer(offer).data

        return self.answer_once(request, act)


# --- Saved searches -----------------------------------------------------------------------------


def _search_or_404(request: ScopedRequest, pk: int) -> SavedSearch:
    search = searches_of(request.member).filter(pk=pk).first()
    if search is None:
        raise Http404
    return search


class SearchListView(ScopedView):
    """`GET` and `POST /rfq/searches`: every member has searches of its own."""

    @extend_schema(summary="The caller's saved searches", responses=SearchPageSerializer)
    def get(self, request: ScopedRequest) -> Response:
        """Return them by name; there are few, so it is always one page."""
        answer = {"results": searches_of(request.member), "next": None}
        return Response(SearchPageSerializer(answer).data)

    @extend_schema(
        summary="Save a search",
        request=SearchSerializer,
        responses={201: SearchSerializer, 409: SEARCH_REFUSED},
    )
    def post(self, request: ScopedRequest) -> Response:
        """Keep a search; with `alert` its new RFQs are told (RFQ-2)."""
        given = SearchSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        search = search_save(
            member=request.member,
            name=given.validated_data["name"],
            query=_query(given.validated_data["query"]),
            alert=given.validated_data["alert"],
        )
        return Response(SearchSerializer(search).data, status=201)


class SearchView(ScopedView):
    """`PATCH` and `DELETE /rfq/searches/{id}`."""

    @extend_schema(
        summary="Rename a search, or turn its alerts on or off",
        request=SearchChangeSerializer,
        responses={200: SearchSerializer, 409: SEARCH_REFUSED},
    )
    def patch(self, request: ScopedRequest, pk: int) -> Response:
        """Change what was sent; alerts that are turned on begin now."""
        search = _search_or_404(request, pk)
        given = SearchChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        changed = search_change(member=request.member, search=search, **given.validated_data)
        return Response(SearchSerializer(changed).data)

    @extend_schema(summary="Delete a search", responses={204: None})
    def delete(self, request: ScopedRequest, pk: int) -> Response:
        """Forget it."""
        search_delete(member=request.member, search=_search_or_404(request, pk))
        return Response(status=204)


def _query(text: str) -> MarketQuery:
    query = read_market_query(dict(parse_qsl(text.lstrip("?"))))
    if query.errors:
        raise InvalidInput([("query", f"{name}: {why}") for name, why in query.errors.items()])
    return query
