"""Registration services and the shop's requests over the API (EPR-10)."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from compliance.choices import EprCategory
from compliance.models import ServiceRequest
from compliance.obligations.lead_times import lead_times_of
from compliance.services.service_requests import (
    MAX_TEXT,
    service_request_cancel,
    service_request_make,
    service_rules,
    services_from,
)
from portal import platform_time
from portal.api.keyset import PAGING, KeysetPagination
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action, RequestStatus


class ServiceOfferSerializer(serializers.Serializer):
    """A registration service."""

    code = serializers.CharField()
    country = serializers.CharField()
    category = serializers.ChoiceField(EprCategory.choices)
    name = serializers.CharField(help_text="In the caller's language, like the texts below.")
    contains = serializers.CharField()
    recycling = serializers.CharField(help_text="What the minimum fee covers; may be empty.")
    price_cny = serializers.DecimalField(max_digits=10, decimal_places=2)
    minimum_fee_eur = serializers.DecimalField(
        max_digits=10,
        decimal_places=2,
        allow_null=True,
        help_text="Minimum recycling fee the price includes.",
    )
    addition = serializers.BooleanField(help_text="For a registration the shop has already.")
    withdrawn_on = serializers.DateField(
        allow_null=True, help_text="From this day on it can no longer be asked for."
    )
    needed = serializers.BooleanField(help_text="The shop lacks this number for live products.")


class ServiceOfferListSerializer(serializers.Serializer):
    """What is offered today."""

    results = ServiceOfferSerializer(many=True)
    next = serializers.URLField(allow_null=True, help_text="Always null.")
    note = serializers.CharField(help_text="What to know about prices; empty without offers.")
    starts_on = serializers.DateField(
        allow_null=True, help_text="While nothing is offered yet: from when."
    )


class ServiceRequestSerializer(serializers.Serializer):
    """A request of the shop and staff's answer."""

    id = serializers.IntegerField(source="pk")
    offer = serializers.CharField()
    title = serializers.CharField()
    price_cny = serializers.DecimalField(max_digits=10, decimal_places=2)
    note = serializers.CharField()
    status = serializers.ChoiceField(RequestStatus.choices)
    asked_at = serializers.DateTimeField()
    answer = serializers.CharField(help_text="Empty while staff have not answered.")
    answered_at = serializers.DateTimeField(allow_null=True)


class ServiceRequestPageSerializer(serializers.Serializer):
    """A page of requests."""

    results = ServiceRequestSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class ServiceAskSerializer(serializers.Serializer):
    """What is asked for."""

    offer = serializers.CharField(help_text="Code of an offer.")
    note = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=MAX_TEXT, help_text="For staff."
    )


class ServiceListView(ScopedView):
    """`GET /compliance/services`."""

    @extend_schema(
        summary="Registration services with their prices",
        responses={200: ServiceOfferListSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return what can be asked for today, in the order of the price table."""
        now = platform_time.now()
        today = platform_time.day_of(now)
        rules = service_rules(today)
        answer: dict[str, Any] = {"results": [], "next": None, "note": "", "starts_on": None}
        if rules is None:
            answer["starts_on"] = services_from(today)
            return Response(ServiceOfferListSerializer(answer).data)
        lacking = {
            (one.requirement.country, one.requirement.category)
            for one in lead_times_of(request.seller, now)
        }
        answer["note"] = rules.note
        names = [str(name) for name in ServiceOfferSerializer().fields if name != "needed"]
        answer["results"] = [
            {name: getattr(offer, name) for name in names}
            | {"needed": not offer.addition and (offer.country, offer.category) in lacking}
            for offer in rules.offers
            if offer.offered_on(today)
        ]
        return Response(ServiceOfferListSerializer(answer).data)


class ServiceRequestListView(ScopedView):
    """`GET` and `POST /compliance/service-requests`."""

    write_action = Action.ENROL
    keyset = ("-asked_at", "-pk")

    @extend_schema(
        summary="The shop's requests for registration services",
        parameters=PAGING,
        responses={200: ServiceRequestPageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return a page of requests, newest first."""
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(ServiceRequest.objects.all(), request, self)
        results = ServiceRequestSerializer(page, many=True).data
        return Response({"results": results, "next": paginator.get_next_link()})

    @extend_schema(
        summary="Ask staff for a registration service",
        request=ServiceAskSerializer,
        responses={
            201: ServiceRequestSerializer,
            409: OpenApiResponse(
                ProblemSerializer, description="`not_offered`, `already_requested`."
            ),
        },
    )
    def post(self, request: ScopedRequest) -> Response:
        """Ask; offer and price are copied as they are now (EPR-10)."""
        sent = ServiceAskSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        made = service_request_make(member=request.member, **sent.validated_data)
        return Response(ServiceRequestSerializer(made).data, status=201)


class ServiceRequestCancelView(ScopedView):
    """`POST /compliance/service-requests/{id}/cancel`."""

    write_action = Action.ENROL

    @extend_schema(
        summary="Take back a request that staff have not begun with",
        request=None,
        responses={
            200: ServiceRequestSerializer,
            409: OpenApiResponse(ProblemSerializer, description="`not_open`."),
        },
    )
    def post(self, request: ScopedRequest, pk: int) -> Response:
        """Take it back."""
        asked = ServiceRequest.objects.filter(pk=pk).first()
        if asked is None:
            raise Http404
        asked = service_request_cancel(member=request.member, request=asked)
        return Response(ServiceRequestSerializer(asked).data)
