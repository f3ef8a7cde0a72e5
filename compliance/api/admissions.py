"""Industry admissions over the API (CRT-1, CMP-4)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from compliance.admissions.reading import AdmissionState, admission_states
from compliance.choices import AdmissionBarrier, CertificateType
from portal import platform_time
from portal.api.views import ScopedRequest, ScopedView

STATES = [("admitted", "admitted"), ("missing", "missing"), ("barred", "barred")]


class AdmissionDocumentSerializer(serializers.Serializer):
    """A document an admission needs."""

    type = serializers.ChoiceField(CertificateType.choices, source="document.type")
    admission = serializers.CharField(
        source="document.admission",
        help_text="Code the certificate has to name; empty for licences of a kind of their own.",
    )
    certificate = serializers.IntegerField(
        source="held.pk", allow_null=True, default=None, help_text="The verified one that serves."
    )
    in_review = serializers.IntegerField(
        source="waiting.pk", allow_null=True, default=None, help_text="One that waits for review."
    )


class AdmissionSerializer(serializers.Serializer):
    """Where the shop stands with an admission."""

    code = serializers.CharField(source="rule.code")
    name = serializers.CharField(source="rule.name", help_text="In the caller's language.")
    starts_on = serializers.DateField(source="rule.starts_on")
    state = serializers.ChoiceField(STATES)
    barrier = serializers.ChoiceField(
        AdmissionBarrier.choices, source="standing.barrier", allow_null=True
    )
    ends_on = serializers.DateField(allow_null=True, help_text="When the first document ends.")
    documents = AdmissionDocumentSerializer(many=True)


class AdmissionListSerializer(serializers.Serializer):
    """All admissions there are."""

    results = AdmissionSerializer(many=True)
    next = serializers.URLField(allow_null=True, help_text="Always null.")


class AdmissionListView(ScopedView):
    """`GET /compliance/admissions`."""

    @extend_schema(
        summary="Industry admissions and the shop's documents",
        responses={200: AdmissionListSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return every admission with what the shop has of it."""
        states: list[AdmissionState] = admission_states(request.seller, platform_time.now())
        return Response(AdmissionListSerializer({"results": states, "next": None}).data)
