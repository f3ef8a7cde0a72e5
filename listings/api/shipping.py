"""Shipping templates over the API (LST-1)."""

from __future__ import annotations

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response

from listings.models import ShippingTemplate
from listings.services.shipping import (
    shipping_template_delete,
    shipping_template_save,
)
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action


class ShippingLineSerializer(serializers.Serializer):
    """A freight line and the countries it reaches."""

    code = serializers.CharField(max_length=40)
    countries = serializers.ListField(
        child=serializers.CharField(max_length=2), help_text="ISO country codes of two letters."
    )
    guaranteed = serializers.BooleanField(default=False, help_text="Delivery is guaranteed.")


class ShippingTemplateSerializer(serializers.ModelSerializer):
    """A named list of lines."""

    lines = ShippingLineSerializer(many=True)

    class Meta:
        model = ShippingTemplate
        fields = ["id", "name", "lines"]
        # The service says which names are taken; the shop is not the caller's to give.
        validators: list[object] = []


class ShippingTemplateListView(ScopedView, generics.ListAPIView):
    """The shop's templates."""

    write_action = Action.EDIT_PRODUCTS
    serializer_class = ShippingTemplateSerializer
    cursor_ordering = ("name", "pk")

    def get_queryset(self) -> QuerySet[ShippingTemplate]:
        """Return the shop's own."""
        if getattr(self, "swagger_fake_view", False):
            return ShippingTemplate.objects.none()
        return ShippingTemplate.objects.filter(
            seller=self.request.seller,  # type: ignore[attr-defined]
        )

    @extend_schema(request=ShippingTemplateSerializer, responses={201: ShippingTemplateSerializer})
    def post(self, request: ScopedRequest) -> Response:
        """Make a template; 400 names what is wrong with it."""
        template = _save(request, None)
        return Response(ShippingTemplateSerializer(template).data, status=201)


class ShippingTemplateView(ScopedView):
    """One of the shop's templates."""

    write_action = Action.EDIT_PRODUCTS

    @extend_schema(responses=ShippingTemplateSerializer)
    def get(self, request: ScopedRequest, pk: int) -> Response:
        """Return the template."""
        return Response(ShippingTemplateSerializer(_own(request, pk)).data)

    @extend_schema(request=ShippingTemplateSerializer, responses=ShippingTemplateSerializer)
    def put(self, request: ScopedRequest, pk: int) -> Response:
        """Replace its name and lines."""
        return Response(ShippingTemplateSerializer(_save(request, _own(request, pk))).data)

    @extend_schema(
        responses={
            204: None,
            409: OpenApiResponse(ProblemSerializer, description="`in_use`: products ship with it."),
        }
    )
    def delete(self, request: ScopedRequest, pk: int) -> Response:
        """Delete a template that no product uses."""
        shipping_template_delete(actor=request.member, template=_own(request, pk))
        return Response(status=204)


def _own(request: ScopedRequest, pk: int) -> ShippingTemplate:
    return get_object_or_404(ShippingTemplate.objects.filter(seller=request.seller), pk=pk)


def _save(request: ScopedRequest, template: ShippingTemplate | None) -> ShippingTemplate:
    given = ShippingTemplateSerializer(data=request.data)
    given.is_valid(raise_exception=True)
    return shipping_template_save(
        actor=request.member,
        seller=request.seller,
        name=given.validated_data["name"],
        lines=given.validated_data["lines"],
        template=template,
    )
