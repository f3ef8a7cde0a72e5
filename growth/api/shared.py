"""What the parts of the API of growth share: days, numbers, tasks with what is reached (GRO-5)."""

from __future__ import annotations

from datetime import date
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers

from growth.choices import Operator
from growth.tasks.reading import TaskProgress, number_json, target_json

AS_OF = OpenApiParameter(
    "as_of",
    date,
    description="The newest published day at or before this one; default: the newest.",
)
NUMBER = {"type": ["integer", "string", "null"]}
"""A whole number, or a decimal as text; null while there is none."""


class TaskSerializer(serializers.Serializer):
    """A task with what the shop has reached."""

    key = serializers.CharField()
    title = serializers.CharField()
    value = serializers.SerializerMethodField(
        method_name="value_of",
        help_text="What the night counted; null while nobody has said anything.",
    )
    target = serializers.SerializerMethodField(
        method_name="target_of", help_text="A list for `in`."
    )
    op = serializers.ChoiceField(Operator.choices)
    done = serializers.BooleanField()

    @extend_schema_field(NUMBER)
    def value_of(self, task: TaskProgress) -> Any:
        """Return the value: a whole number, or a decimal as text."""
        return number_json(task.value)

    @extend_schema_field({"type": ["integer", "string", "array"], "items": {}})
    def target_of(self, task: TaskProgress) -> Any:
        """Return the target, or the targets."""
        return target_json(task.target)
