"""Quotes over the API (RFQ-6 … RFQ-8, RFQ-11, RFQ-12). Foreign ids answer like unknown ones."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, QueryDict
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from portal import platform_time
from portal.api.idempotency import IdempotentMixin
from portal.api.keyset import PAGING, KeysetPagination
from portal.api.parsers import PortalJSONParser
from portal.api.problems import ProblemSerializer
from portal.api.versions import IF_MATCH, etag, version_of
from portal.api.views import ScopedRequest, ScopedView, StaffView
from portal.choices import Action
from portal.errors import InvalidInput
from portal.ingest.columns import Bool, CellError, Code
from portal.services.buyers import with_badge
from portal.services.files import files_or_nothing
from rfq.api.quote_files import form_fields, uploads_keep, uploads_of
from rfq.api.quote_serializers import (
    BuyerListSerializer,
    PinnedSerializer,
    QuotePageSerializer,
    QuoteSerializer,
    ReviseFormSerializer,
    ReviseSerializer,
    SubmissionSerializer,
    SubmitFormSerializer,
    SubmitSerializer,
    instant_text,
    quote_rows,
    submission_row,
)
from rfq.choices import QuoteStatus
from rfq.models import Quote, Rfq
from rfq.quotes.buyer_view import quotes_shown
from rfq.quotes.queries import ANY_BADGE, QuoteFilter, own_quotes
from rfq.quotes.terms import QuoteTerms, terms_from
from rfq.services.pins import quote_pin
from rfq.services.quotes import quote_revise, quote_submit, quote_withdraw

SUBMIT_REFUSED = OpenApiResponse(
    ProblemSerializer,
    description="`seller_restricted`, `closed`, `already_quoted`, `not_invited`,"
    " `early_access_only`, `gold_not_allowed`, `no_quote_right`, `no_gold_right` or `no_fast_lane`;"
    " nothing was used.",
)
PIN_REFUSED = OpenApiResponse(
    ProblemSerializer,
    description="`pins_taken`, `no_pin_right`, `already_pinned`, `quote_rejected`, `closed` or"
    " `seller_restricted`; no right was used.",
)
CHANGE_REFUSED = OpenApiResponse(
    ProblemSerializer,
    description="`stale`, `quote_rejected`, `quote_accepted`, `quote_withdrawn`, `closed` or"
    " `seller_restricted`; nothing was changed.",
)
NOT_STORED = OpenApiResponse(
    ProblemSerializer,
    description="`file_not_stored` or `file_not_scanned`: nothing was kept; try later.",
)
JSON, FORM = "application/json", "multipart/form-data"
_RFQ_ID = Code("rfq_id")
_PIN = Bool("pin", optional=True)


def rfq_or_404(rfq_id: str) -> Rfq:
    """Return an RFQ that is posted, whatever its status."""
    try:
        wanted = _RFQ_ID.clean(rfq_id)
    except CellError:
        raise Http404 from None
    rfq = Rfq.objects.filter(rfq_id=wanted, posted_at__lte=platform_time.now()).first()
    if rfq is None:
        raise Http404
    return rfq


def quotes_of(request: ScopedRequest) -> QuerySet[Quote]:
    """Return the shop's quotes with what an answer shows of other tables."""
    quotes = own_quotes(request.seller, platform_time.now())
    return quotes.select_related("rfq", "buyer")


def quote_or_404(request: ScopedRequest, pk: int) -> Quote:
    """Return one of the shop's quotes."""
    quote = quotes_of(request).filter(pk=pk).first()
    if quote is None:
        raise Http404
    return quote


def answer(request: ScopedRequest, quote: Quote) -> Response:
    """Answer with a quote as it is stored now."""
    stored = quotes_of(request).get(pk=quote.pk)
    return Response(quote_rows(request.seller, [stored])[0], headers=etag(stored.version))


def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object or the form that was sent, without its files."""
    if isinstance(request.data, QueryDict):
        return form_fields(request.data)
    if not isinstance(request.data, dict):
        raise InvalidInput([("", _("Send a JSON object."))])
    return dict(request.data)


class QuoteSubmitView(IdempotentMixin, ScopedView):
    """`POST /rfq/rfqs/{rfq_id}/quotes`."""

    write_action = Action.QUOTE
    parser_classes = [PortalJSONParser, MultiPartParser]

    @extend_schema(
        summary="Quote an RFQ",
        request={JSON: SubmitSerializer, FORM: SubmitFormSerializer},
        responses={201: SubmissionSerializer, 409: SUBMIT_REFUSED, 503: NOT_STORED},
    )
    def post(self, request: ScopedRequest, rfq_id: str) -> Response:
        """Submit a quote: it uses one quote right, on gold a gold right, in a full RFQ a pass (RFQ-7)."""
        rfq = rfq_or_404(rfq_id)
        terms, pin = _submission(body_of(request))
        uploads = uploads_of(request) or []

        def act() -> tuple[int, Any]:
            files = uploads_keep(request, uploads)
            made = quote_submit(member=request.member, rfq=rfq, terms=terms, pin=pin, files=files)
            return 201, submission_row(made)

        with files_or_nothing():
            return self.answer_once(request, act)


def _submission(body: dict[str, Any]) -> tuple[QuoteTerms, bool]:
    """Return terms and whether to pin, or raise `InvalidInput` with all that is wrong."""
    problems: list[tuple[str, str]] = []
    pin = False
    try:
        pin = _PIN.clean(body.pop("pin", None))
    except CellError as error:
        problems.append(("pin", str(error)))
    try:
        terms = terms_from(body)
    except InvalidInput as error:
        raise InvalidInput([*error.fields, *problems]) from None
    if problems:
        raise InvalidInput(problems)
    return terms, pin


class QuoteListView(ScopedView):
    """`GET /rfq/quotes`."""

    keyset = ("-submitted_at", "-pk")

    @extend_schema(
        summary="The shop's quotes",
        parameters=[
            OpenApiParameter("status", str, enum=QuoteStatus.values),
            OpenApiParameter(
                "badge", str, description="The badge the buyer is shown with, or `any`."
            ),
            OpenApiParameter("rfq", str, description="RFQ id."),
            OpenApiParameter("q", str, description="In the RFQ's id or title."),
            OpenApiParameter("since", str, description="First Pacific day of submission."),
            OpenApiParameter("until", str, description="Last Pacific day of submission."),
            *PAGING,
        ],
        responses={200: QuotePageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return a page of quotes, newest first (RFQ-12)."""
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(_asked(request), request, self)
        return Response(
            {"results": quote_rows(request.seller, page), "next": paginator.get_next_link()}
        )


def _asked(request: ScopedRequest) -> QuerySet[Quote]:
    """Return the shop's quotes as the parameters narrow them, or raise `InvalidInput`."""
    params = request.query_params.dict()
    # `L1+` that nobody encoded has come as `L1` and a space. A badge the shop is never shown is
    # not an error: no quote has it.
    badge = params.pop("badge", "").replace(" ", "+")
    asked = QuoteFilter(params, quotes_of(request), seller=request.seller)
    if not asked.is_valid():
        raise InvalidInput(
            [(name, str(text)) for name, texts in asked.errors.items() for text in texts]
        )
    quotes = asked.qs
    if badge:
        wanted = "" if badge == ANY_BADGE else badge
        quotes = quotes.filter(with_badge(asked.shown, day=platform_time.today(), badge=wanted))
    if rfq_id := params.get("rfq"):
        quotes = quotes.filter(rfq__rfq_id=rfq_id)
    return quotes


class QuoteDetailView(ScopedView):
    """`GET` and `PATCH /rfq/quotes/{id}`."""

    write_action = Action.QUOTE
    parser_classes = [PortalJSONParser, MultiPartParser]

    @extend_schema(summary="One quote", responses={200: QuoteSerializer})
    def get(self, request: ScopedRequest, pk: int) -> Response:
        """Return the quote."""
        return answer(request, quote_or_404(request, pk))

    @extend_schema(
        summary="Revise a quote",
        parameters=[IF_MATCH],
        request={JSON: ReviseSerializer, FORM: ReviseFormSerializer},
        responses={200: QuoteSerializer, 409: CHANGE_REFUSED, 503: NOT_STORED},
    )
    def patch(self, request: ScopedRequest, pk: int) -> Response:
        """Change the terms sent; with a version, only if nobody changed the quote since (RFQ-6).

        Files of a form take the place of those the quote had.
        """
        quote = quote_or_404(request, pk)
        body = body_of(request)
        version = version_of(request, body)
        body.pop("version", None)
        terms, uploads = terms_from(body, base=QuoteTerms.of(quote)), uploads_of(request)
        with files_or_nothing(), transaction.atomic():
            revised = quote_revise(
                member=request.member,
                quote=quote,
                terms=terms,
                version=quote.version if version is None else version,
                files=None if uploads is None else uploads_keep(request, uploads),
            )
        return answer(request, revised)


class QuoteWithdrawView(ScopedView):
    """`POST /rfq/quotes/{id}/withdraw`."""

    write_action = Action.QUOTE

    @extend_schema(
        summary="Withdraw a quote",
        request=None,
        responses={200: QuoteSerializer, 409: CHANGE_REFUSED},
    )
    def post(self, request: ScopedRequest, pk: int) -> Response:
        """Withdraw the quote: its seat and its pin become free, its rights stay used (RFQ-6)."""
        quote = quote_or_404(request, pk)
        return answer(request, quote_withdraw(member=request.member, quote=quote))


class QuotePinView(IdempotentMixin, ScopedView):
    """`POST /rfq/quotes/{id}/pin`."""

    write_action = Action.QUOTE

    @extend_schema(
        summary="Pin a quote", request=None, responses={200: PinnedSerializer, 409: PIN_REFUSED}
    )
    def post(self, request: ScopedRequest, pk: int) -> Response:
        """Pin the quote to the first free of the RFQ's three places, for one pin right (RFQ-11)."""
        quote = quote_or_404(request, pk)

        def act() -> tuple[int, Any]:
            pinned = quote_pin(member=request.member, quote=quote)
            return 200, {"slot": pinned.slot, "left": pinned.left.as_dict()}

        return self.answer_once(request, act)


class BuyerListView(StaffView):
    """`GET /rfq/rfqs/{rfq_id}/buyer-list`."""

    staff_permission = "rfq.view_quote"

    @extend_schema(
        summary="Quotes on an RFQ in the order its buyer sees them",
        responses={200: BuyerListSerializer},
    )
    def get(self, request: Request, rfq_id: str) -> Response:
        """Return the live quotes: pinned ones in the order of pinning, then by submission (RFQ-11)."""
        shown = quotes_shown(rfq_or_404(rfq_id), platform_time.now()).select_related("seller")
        rows = [
            {
                "id": quote.pk,
                "seller": quote.seller.member_id,
                "slot": quote.slot,
                "status": quote.status,
                "submitted_at": instant_text(quote.submitted_at),
            }
            for quote in shown
        ]
        return Response({"results": rows, "next": None})
