"""`/shop` and `/files`: what the platform keeps of the caller's shop (EPR-6)."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.response import Response

from portal.api.views import ScopedRequest, ScopedView
from portal.models import Seller
from portal.services.file_content import FileType
from portal.services.files import file_for
from portal.views.files import file_response


class ShopProfileSerializer(serializers.ModelSerializer):
    """What upstream says of a shop; a page of the portal shows the same."""

    name = serializers.CharField(help_text="In the caller's language.")
    industry = serializers.CharField(source="industry.code", help_text="Code of the category.")
    main_category = serializers.CharField(source="main_category.code", help_text="Code.")

    class Meta:
        model = Seller
        fields = [
            "member_id", "name", "name_en", "name_zh", "status", "membership", "company_type",
            "province", "city", "industry", "main_category", "service_starts_on",
            "service_ends_on", "paid_on", "opened_on", "assessed_star", "predicted_star",
        ]  # fmt: skip
        read_only_fields = fields


class ShopProfile(ScopedView):
    """The shop the caller acts for."""

    @extend_schema(operation_id="shop", responses=ShopProfileSerializer)
    def get(self, request: ScopedRequest) -> Response:
        """Return its profile; upstream keeps it, so there is nothing to change."""
        return Response(ShopProfileSerializer(request.seller).data)


class AsItIs(BaseContentNegotiation):
    """The file decides what it is; only errors are rendered."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        """Return the only parser."""
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        """Return the renderer of errors, whatever is accepted."""
        return renderers[0], renderers[0].media_type


class FileDownload(ScopedView):
    """A private file of the shop."""

    content_negotiation_class = AsItIs

    @extend_schema(
        operation_id="files_retrieve",
        parameters=[
            OpenApiParameter(
                "token", str, OpenApiParameter.PATH, description="The end of a file's `url`."
            )
        ],
        responses={(200, kind.value): OpenApiTypes.BINARY for kind in FileType},
    )
    def get(self, request: ScopedRequest, token: str) -> FileResponse:
        """Return the file; one of another shop does not exist (K-8)."""
        file = file_for(user=request.user, token=token)
        if file is None or file.seller_id != request.seller.pk:
            raise Http404
        return file_response(file)
