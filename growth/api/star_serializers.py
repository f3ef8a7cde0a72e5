"""Shapes of the star calls, for answers and for the schema."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from growth.api.guide import GuideTaskSerializer
from growth.api.shared import NUMBER
from growth.choices import Power
from growth.stars.reading import StarReading
from growth.stars.rules import IndicatorResult, NextStep, PowerResult, StarResult
from growth.stars.texts import step_text
from growth.tasks.reading import number_json
from portal.metrics import metric_title

POINTS: dict[str, Any] = {"max_digits": 5, "decimal_places": 2}


class StarStepSerializer(serializers.Serializer):
    """The next value that earns more points; of an indicator in proportion, the one that earns all."""

    at = serializers.SerializerMethodField(help_text="In the unit of the value.")
    above = serializers.BooleanField(help_text="The value must be greater than `at`.")
    points = serializers.DecimalField(**POINTS, help_text="Of the indicator, once it is reached.")
    gain = serializers.DecimalField(**POINTS, help_text="Points more than now.")
    needed = serializers.SerializerMethodField(help_text="What is missing, in the same unit.")

    @extend_schema_field(NUMBER)
    def get_at(self, step: NextStep) -> Any:
        """Return the value: a whole number, or a decimal as text."""
        return number_json(step.at)

    @extend_schema_field(NUMBER)
    def get_needed(self, step: NextStep) -> Any:
        """Return what is missing."""
        return number_json(step.needed)


class StarIndicatorSerializer(serializers.Serializer):
    """One indicator of a power."""

    key = serializers.CharField()
    title = serializers.CharField(source="indicator.title")
    metric = serializers.CharField(help_text="See `/metrics`.")
    metric_title = serializers.SerializerMethodField()
    days = serializers.IntegerField(
        allow_null=True, help_text="Days looked at where the industry decides them."
    )
    value = serializers.SerializerMethodField(
        method_name="value_of", help_text="In the metric's unit; null without one."
    )
    points = serializers.DecimalField(**POINTS)
    max = serializers.IntegerField()
    next = StarStepSerializer(allow_null=True)
    advice = serializers.SerializerMethodField(help_text="The next step in words, or empty.")

    @extend_schema_field(NUMBER)
    def value_of(self, result: IndicatorResult) -> Any:
        """Return the value: a whole number, or a decimal as text."""
        return number_json(result.value)

    def get_metric_title(self, result: IndicatorResult) -> str:
        """Return the metric's title."""
        return metric_title(result.metric)

    def get_advice(self, result: IndicatorResult) -> str:
        """Return what the next step takes and brings."""
        return step_text(result, result.next) if result.next else ""


class StarPowerSerializer(serializers.Serializer):
    """One of the four powers, 0–100 with its bonus."""

    key = serializers.ChoiceField(Power.choices)
    points = serializers.DecimalField(**POINTS)
    base = serializers.DecimalField(**POINTS, help_text="Without the bonus.")
    bonus = serializers.IntegerField()
    star = serializers.IntegerField()
    to_next = serializers.DecimalField(
        **POINTS, allow_null=True, help_text="Points to its next star; null at the highest."
    )
    holds_down = serializers.SerializerMethodField(help_text="The shop's star is this power's.")
    indicators = StarIndicatorSerializer(many=True)

    def get_holds_down(self, power: PowerResult) -> bool:
        """Tell whether a better star takes more of this power."""
        return power.star == self.context["star"]


class StarLocalServiceSerializer(serializers.Serializer):
    """Bonus for local after-sales service; null for industries without it."""

    amount = serializers.SerializerMethodField(help_text="USD in `days`.")
    days = serializers.IntegerField()
    trade_star = serializers.IntegerField(help_text="Stars of trade power before the bonus.")
    points = serializers.IntegerField(help_text="What it adds now.")
    from_amount = serializers.SerializerMethodField(
        help_text="USD from which trade powers of `trade_star` stars gain; null: never."
    )
    possible = serializers.SerializerMethodField(help_text="Points they gain then.")

    @extend_schema_field(NUMBER)
    def get_amount(self, local: Any) -> Any:
        """Return what counts."""
        return number_json(local.amount)

    @extend_schema_field(NUMBER)
    def get_from_amount(self, local: Any) -> Any:
        """Return where the bonus begins."""
        return number_json(local.row.amount if local.row else None)

    def get_possible(self, local: Any) -> int:
        """Return what the bonus is."""
        return local.row.points if local.row else 0


class StarAssessmentSerializer(serializers.Serializer):
    """The star of a month, fixed on its 5th."""

    month = serializers.DateField(format="%Y-%m")
    as_of = serializers.DateField()
    fixed_at = serializers.DateTimeField()
    rulebook = serializers.CharField()
    star = serializers.IntegerField()
    awaits_core_tasks = serializers.BooleanField(help_text="Core tasks were open: the star is 0.")
    applied = serializers.BooleanField(help_text="It became the shop's assessed star.")
    trade = serializers.DecimalField(**POINTS)
    product = serializers.DecimalField(**POINTS)
    marketing = serializers.DecimalField(**POINTS)
    guarantee = serializers.DecimalField(**POINTS)


class StarSerializer(serializers.Serializer):
    """Predicted stars with their explanation; everything is null or empty before the first night."""

    as_of = serializers.DateField(allow_null=True)
    rulebook = serializers.CharField(allow_null=True, help_text="Version; see `/rulebooks`.")
    star = serializers.IntegerField(allow_null=True, help_text="Predicted: the lowest power's.")
    assessed_star = serializers.IntegerField(help_text="The shop's assessed star as of that day.")
    from_upstream = serializers.BooleanField(
        help_text="The marketplace names the assessed star itself."
    )
    powers = serializers.SerializerMethodField()
    local_service = StarLocalServiceSerializer(allow_null=True)
    thresholds = serializers.ListField(
        child=serializers.IntegerField(), help_text="Points from which 1, 2, … stars begin."
    )
    assessed = StarAssessmentSerializer(allow_null=True, help_text="The newest assessment.")
    awaits_core_tasks = serializers.BooleanField(
        help_text="Assessed stars stay 0 until all core tasks have been done together."
    )
    core_tasks = GuideTaskSerializer(many=True, help_text="Of a shop whose star waits for them.")

    @extend_schema_field(StarPowerSerializer(many=True))
    def get_powers(self, answer: dict[str, Any]) -> Any:
        """Return the four powers."""
        return StarPowerSerializer(
            answer["power_results"], many=True, context={"star": answer["star"]}
        ).data


def star_answer(reading: StarReading) -> dict[str, Any]:
    """Return what `StarSerializer` takes."""
    result: StarResult | None = reading.result
    return {
        "as_of": reading.as_of,
        "rulebook": reading.rulebook.version if reading.rulebook else None,
        "star": result.star if result else None,
        "assessed_star": reading.assessed_star,
        "from_upstream": reading.from_upstream,
        "power_results": result.powers if result else (),
        "local_service": result.local_service if result else None,
        "thresholds": reading.rules.thresholds if reading.rules else [],
        "assessed": reading.assessed,
        "awaits_core_tasks": reading.awaits_core_tasks,
        "core_tasks": reading.core,
    }


class PredictedStarsSerializer(serializers.Serializer):
    """Predicted stars as of one published day."""

    as_of = serializers.DateField()
    rulebook = serializers.CharField()
    star = serializers.IntegerField()
    trade = serializers.DecimalField(**POINTS)
    product = serializers.DecimalField(**POINTS)
    marketing = serializers.DecimalField(**POINTS)
    guarantee = serializers.DecimalField(**POINTS)


class StarHistorySerializer(serializers.Serializer):
    """Predicted stars by day and the assessments, the newest first."""

    as_of = serializers.DateField(allow_null=True)
    results = PredictedStarsSerializer(many=True)
    assessed = StarAssessmentSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Always null: there is one page.")
