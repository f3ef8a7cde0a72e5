"""The growth guide over the API: newest or as of a day (GRO-1 … GRO-5)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import (
    extend_schema,
    extend_schema_field,
)
from rest_framework import serializers
from rest_framework.response import Response

from growth.api.shared import AS_OF, TaskSerializer
from growth.choices import Phase, Stage
from growth.guide.changes import change_ahead
from growth.guide.reading import GuideReading, MilestoneReading, guide_reading
from growth.tasks.reading import number_json
from portal.api.bulletins import BulletinChangeSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.nightly.published import read_as_of


class GuideTaskSerializer(TaskSerializer):
    """A task of the guide: also what doing it brings, how and where it is done."""

    gain = serializers.CharField(allow_blank=True)
    guide = serializers.CharField(allow_blank=True)
    url = serializers.CharField(allow_blank=True, help_text="Page where it is done.")


class MilestoneSerializer(serializers.Serializer):
    """A milestone of the first 90 days, in order."""

    key = serializers.ChoiceField(Phase.choices, source="milestone.key")
    title = serializers.CharField(source="milestone.title")
    value = serializers.SerializerMethodField(
        method_name="value_of", help_text="Since opening, through the end of the day; USD for gmv."
    )
    target = serializers.SerializerMethodField(method_name="target_of")
    done = serializers.BooleanField(help_text="The phase ends the day after.")
    current = serializers.BooleanField()
    unlocks = serializers.CharField(source="milestone.unlocks", allow_blank=True)

    @extend_schema_field({"type": ["integer", "string"]})
    def value_of(self, reading: MilestoneReading) -> Any:
        """Return what is reached."""
        return number_json(reading.value)

    @extend_schema_field({"type": ["integer", "string"]})
    def target_of(self, reading: MilestoneReading) -> Any:
        """Return what is to be reached."""
        return number_json(reading.milestone.target)


class GuideLinkSerializer(serializers.Serializer):
    """A recommended course or service."""

    title = serializers.CharField()
    text = serializers.CharField(allow_blank=True)
    url = serializers.CharField()


class GuideSerializer(serializers.Serializer):
    """Where the shop stands; everything is null or empty before the first night."""

    as_of = serializers.DateField(allow_null=True)
    edition = serializers.CharField(allow_null=True, help_text="Version; see `/rulebooks`.")
    stage = serializers.ChoiceField(Stage.choices, allow_null=True)
    phase = serializers.ChoiceField(
        Phase.choices, allow_null=True, help_text="Null outside `novice_90`, and once all are done."
    )
    day = serializers.IntegerField(
        allow_null=True, help_text="1 is the day after opening; null before."
    )
    ends_on = serializers.DateField(
        allow_null=True, help_text="Last day the stage may last (Pacific)."
    )
    tasks = GuideTaskSerializer(many=True, help_text="Of the stage; mature shops have packs.")
    core_tasks = GuideTaskSerializer(many=True)
    core_done_on = serializers.DateField(
        allow_null=True, help_text="First day all core tasks were done together."
    )
    milestones = MilestoneSerializer(many=True)
    courses = GuideLinkSerializer(many=True)
    services = GuideLinkSerializer(many=True)


def guide_answer(reading: GuideReading) -> dict[str, Any]:
    """Return what `GuideSerializer` takes."""
    standing = reading.standing
    return {
        "as_of": reading.as_of,
        "edition": standing.rulebook if standing else None,
        "stage": reading.stage,
        "phase": reading.phase,
        "day": reading.day,
        "ends_on": reading.ends_on,
        "tasks": reading.tasks,
        "core_tasks": reading.core,
        "core_done_on": standing.core_done_on if standing else None,
        "milestones": reading.milestones,
        "courses": reading.courses,
        "services": reading.services,
    }


class GuideOutlookView(ScopedView):
    """`GET /growth/guide/outlook`."""

    @extend_schema(
        summary="The newest stage and tasks under the edition that comes next",
        responses={200: BulletinChangeSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return what an announced edition, or one in force since, makes of the figures (K-17).

        Null when the newest figures are judged by the newest edition.
        """
        change = change_ahead(guide_reading(request.seller))
        return Response(BulletinChangeSerializer({"change": change}).data)


class GuideView(ScopedView):
    """`GET /growth/guide`."""

    @extend_schema(
        summary="Stage, phase and tasks of the growth guide",
        parameters=[AS_OF],
        responses={200: GuideSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the newest published standing at or before a day (GRO-1 … GRO-5)."""
        reading = guide_reading(request.seller, read_as_of(request.query_params.get("as_of")))
        return Response(GuideSerializer(guide_answer(reading)).data)
