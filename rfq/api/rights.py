"""Balances and the ledger of rights over the API (RFQ-9)."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response

from portal import platform_time
from portal.api.keyset import KeysetPagination
from portal.api.views import ScopedRequest, ScopedView
from rfq.models import RightEntry
from rfq.rights.statement import LedgerFilter, statement, what_is
from rfq.services.rights import balances_of


class BalancesSerializer(serializers.Serializer):
    """Rights left by kind; null is unlimited."""

    quote = serializers.IntegerField(allow_null=True, help_text="Quote rights.")
    gold = serializers.IntegerField(allow_null=True, help_text="Gold-opportunity rights.")
    fast_lane = serializers.IntegerField(allow_null=True, help_text="Fast-lane passes.")
    pin = serializers.IntegerField(allow_null=True, help_text="Pin rights.")


class BalancesView(ScopedView):
    """`GET /rfq/balances`."""

    @extend_schema(summary="Rights that are left", responses=BalancesSerializer)
    def get(self, request: ScopedRequest) -> Response:
        """Return what the shop may still use; null is unlimited (RFQ-9)."""
        return Response(balances_of(seller=request.seller).as_dict())


class LedgerSerializer(serializers.ModelSerializer):
    """A grant (+), a use (−) or a refund (+); the live rows of a kind sum to its balance."""

    amount = serializers.IntegerField(
        source="delta", allow_null=True, help_text="Null: a grant without limit."
    )
    source = serializers.CharField(  # type: ignore[assignment]  # the field's name is the contract's
        help_text="Where the grant that was drawn from came from."
    )
    quote = serializers.IntegerField(
        source="quote_id", allow_null=True, help_text="Id of the quote it was used on."
    )
    rfq = serializers.CharField(
        source="quote.rfq.rfq_id", default=None, allow_null=True, help_text="RFQ id."
    )
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="First instant at which the row no longer counts."
    )
    what = serializers.SerializerMethodField()

    class Meta:
        model = RightEntry
        fields = ["at", "kind", "amount", "source", "quote", "rfq", "expires_at", "what"]
        read_only_fields = fields

    def get_what(self, entry: RightEntry) -> str:
        """Return `grant`, `use` or `refund`."""
        return what_is(entry)


class LedgerList(ScopedView, generics.ListAPIView):
    """The shop's ledger of rights, newest first; `since` and `until` are Pacific days."""

    serializer_class = LedgerSerializer
    filterset_class = LedgerFilter
    pagination_class = KeysetPagination
    keyset = ("-at", "-pk")

    def get_queryset(self) -> QuerySet[RightEntry]:
        """Return the rows in scope that the platform's clock has seen (K-5)."""
        if getattr(self, "swagger_fake_view", False):
            return RightEntry.objects.none()
        return statement(platform_time.now())
