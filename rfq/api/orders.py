"""Orders that came from RFQ over the API, and naming their quote (RFQ-17)."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from portal import platform_time
from portal.api.facts import BuyerSerializer
from portal.api.keyset import PAGING, KeysetPagination
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action, OrderChannel
from portal.errors import InvalidInput
from portal.services.buyers import buyer_badges
from rfq.models import Quote
from rfq.orders.reading import REASONS, SHOWN, LinkedOrder, order_rows, rfq_orders, shown
from rfq.services.links import order_link


class RfqOrderSerializer(serializers.Serializer):
    """An order of a buyer the shop has quoted; amounts in USD."""

    order_id = serializers.CharField(source="order.order_id")
    buyer = BuyerSerializer(source="order.buyer")
    channel = serializers.ChoiceField(OrderChannel.choices, source="order.channel")
    created_at = serializers.DateTimeField(source="order.created_at")
    amount = serializers.DecimalField(source="order.amount", max_digits=14, decimal_places=2)
    paid_at = serializers.DateTimeField(allow_null=True)
    received = serializers.DecimalField(max_digits=14, decimal_places=2, allow_null=True)
    quote = serializers.IntegerField(source="quote.pk", default=None, allow_null=True)
    rfq_id = serializers.CharField(source="quote.rfq.rfq_id", default=None, allow_null=True)
    named = serializers.BooleanField(help_text="The shop has said which quote it belongs to.")
    counts = serializers.BooleanField(help_text="It is RFQ trade.")
    in_challenge = serializers.BooleanField(help_text="It counts for the GMV challenge too.")
    reason = serializers.ChoiceField(
        list(REASONS), source="reason_code", allow_null=True, help_text="Why it does not count."
    )


class RfqOrderPageSerializer(serializers.Serializer):
    """A page of orders."""

    results = RfqOrderSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class LinkSerializer(serializers.Serializer):
    """The quote an order belongs to."""

    quote = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="Id of a quote.")


def _answers(request: ScopedRequest, rows: list[LinkedOrder]) -> Any:
    """Return the rows as they are sent; two queries for the badges."""
    badges = buyer_badges(seller=request.seller, buyers=[row.order.buyer for row in rows])
    return RfqOrderSerializer(rows, many=True, context={"badges": badges}).data


class RfqOrderListView(ScopedView):
    """`GET /rfq/orders`."""

    keyset = ("-created_at", "-pk")

    @extend_schema(
        summary="Orders of buyers the shop has quoted",
        parameters=[
            OpenApiParameter("show", str, enum=SHOWN, description="Default: all."),
            *PAGING,
        ],
        responses={200: RfqOrderPageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the orders, newest first, with the quote each belongs to and whether it counts."""
        which, now = request.query_params.get("show", "all"), platform_time.now()
        if which not in SHOWN:
            raise InvalidInput([("show", _("Choose one of: %(all)s.") % {"all": ", ".join(SHOWN)})])
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(shown(rfq_orders(now), which, now), request, self)
        results = _answers(request, order_rows(page, now))
        return Response({"results": results, "next": paginator.get_next_link()})


class OrderLinkView(ScopedView):
    """`POST /rfq/orders/{order_id}/link`."""

    write_action = Action.QUOTE

    @extend_schema(
        summary="Say which quote an order belongs to",
        request=LinkSerializer,
        responses={
            200: RfqOrderSerializer,
            409: OpenApiResponse(ProblemSerializer, description="`quote_does_not_fit`."),
        },
    )
    def post(self, request: ScopedRequest, order_id: str) -> Response:
        """Link the order to one of the shop's quotes to its buyer; again replaces the link."""
        given = LinkSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        now = platform_time.now()
        orders = rfq_orders(now).filter(order_id=order_id)
        order = orders.first()
        quote = Quote.objects.filter(pk=given.validated_data["quote"]).first()
        if order is None or quote is None:
            raise Http404
        order_link(member=request.member, order=order, quote=quote)
        return Response(_answers(request, order_rows(orders, now))[0])
