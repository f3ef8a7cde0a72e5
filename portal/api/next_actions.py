"""`/next-actions`: what to do next, as the home page ranks it (UI-2)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from portal import platform_time
from portal.api.views import ScopedRequest, ScopedView
from portal.next_actions import next_actions_for
from portal.nightly.published import published_days
from portal.nightly.registry import registry
from portal.read_once import reading_once


class NextActionSerializer(serializers.Serializer):
    """One thing worth doing; at least one of `gain` and `loses` is not empty."""

    title = serializers.CharField()
    gain = serializers.CharField()
    loses = serializers.CharField()
    due = serializers.DateTimeField(allow_null=True, help_text="After it, it is too late.")
    url = serializers.CharField(help_text="Path of the portal's page where it is done.")


class NextActionPageSerializer(serializers.Serializer):
    """The whole list, most pressing first."""

    results = NextActionSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Always null: the list is short.")


class NextActionList(ScopedView):
    """What brings or saves the shop most, by when."""

    @extend_schema(responses=NextActionPageSerializer)
    def get(self, request: ScopedRequest) -> Response:
        """Return the caller's actions in their language; texts depend on the role."""
        with reading_once():
            published_days(registry.jobs)  # what the modules look up one by one
            found = next_actions_for(request.seller, request.member, platform_time.today())
        return Response({"results": NextActionSerializer(found, many=True).data, "next": None})
