"""Shapes of the score calls, for answers and for the schema."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.choices import Membership
from rfq.score.rules import FactorResult, Score
from rfq.score.simulation import (
    MONEY_PLACES,
    MOST_DAYS,
    MOST_GMV,
    MOST_QUOTES,
    MOST_STARS,
    RATE_PLACES,
)
from rfq.score.words import next_text

FACTOR_KEYS = ("login_days", "quotes", "response_rate", "reply_rate", "gmv")
COUNTED = {"login_days", "quotes"}
_KINDS = [{"type": "integer"}, {"type": "string", "format": "decimal"}]
AMOUNT = {"oneOf": _KINDS}
AMOUNT_OR_NULL = {"oneOf": [*_KINDS, {"type": "null"}]}


def amount(key: str, value: Decimal | None) -> int | str | None:
    """Write a value of a factor: counts as whole numbers, rates and USD as decimal strings."""
    if value is None:
        return None
    if key in COUNTED and value == int(value):
        return int(value)
    return f"{value:.{MONEY_PLACES}f}"


class NextStepSerializer(serializers.Serializer):
    """The next threshold: from `at` on the factor earns `points`."""

    at = serializers.SerializerMethodField(help_text="In the unit of the factor's value.")
    above = serializers.BooleanField(help_text="The value must be greater than `at`.")
    points = serializers.IntegerField(help_text="Of the factor, once it is reached.")
    gain = serializers.IntegerField(help_text="Points more than now.")
    needed = serializers.SerializerMethodField(
        help_text="Login days, quotes, quotes in time, replies or USD; null: no number is enough."
    )

    @extend_schema_field(AMOUNT)
    def get_at(self, step: Any) -> int | str | None:
        """Return the threshold."""
        return amount(self.context["key"], step.at)

    @extend_schema_field(AMOUNT_OR_NULL)
    def get_needed(self, step: Any) -> int | str | None:
        """Return what is missing."""
        if step.needed is None:
            return None
        return step.needed if isinstance(step.needed, int) else f"{step.needed:.{MONEY_PLACES}f}"


class TierRowSerializer(serializers.Serializer):
    """A line of a factor's table."""

    at = serializers.DecimalField(max_digits=14, decimal_places=2)
    above = serializers.BooleanField()
    points = serializers.IntegerField()
    current = serializers.BooleanField()


class FactorSerializer(serializers.Serializer):
    """One factor of the score."""

    key = serializers.ChoiceField(choices=FACTOR_KEYS)
    value = serializers.SerializerMethodField(
        method_name="value_of",
        help_text="Days, quotes, percent (0–100) or USD; null when points were given.",
    )
    points = serializers.IntegerField()
    max = serializers.IntegerField()
    ranked = serializers.BooleanField(help_text="Compared with sellers of the same industry.")
    part = serializers.IntegerField(
        source="figures.part", allow_null=True, help_text="Count above a rate."
    )
    whole = serializers.IntegerField(
        source="figures.whole", allow_null=True, help_text="Count below a rate."
    )
    threshold = serializers.DecimalField(
        source="figures.threshold",
        max_digits=14,
        decimal_places=4,
        normalize_output=True,
        allow_null=True,
        help_text="Where the best tenth of the industry begins; null below five peers.",
    )
    tiers = TierRowSerializer(many=True)
    next = serializers.SerializerMethodField()
    advice = serializers.SerializerMethodField(help_text="The next step in words, or empty.")

    @extend_schema_field(AMOUNT_OR_NULL)
    def value_of(self, result: FactorResult) -> int | str | None:
        """Return the value, rounded down to two decimals."""
        return amount(result.key, result.shown)

    @extend_schema_field(NextStepSerializer(allow_null=True))
    def get_next(self, result: FactorResult) -> Any:
        """Return the next threshold, or null at the end of the table."""
        if result.next is None:
            return None
        return NextStepSerializer(result.next, context={"key": result.key}).data

    def get_advice(self, result: FactorResult) -> str:
        """Return what closes the gap."""
        return next_text(result)


class RewardsSerializer(serializers.Serializer):
    """Rights a score brings in the month after; null is unlimited."""

    quote = serializers.IntegerField(allow_null=True)
    gold = serializers.IntegerField(allow_null=True)
    fast_lane = serializers.IntegerField(allow_null=True)
    pin = serializers.IntegerField(allow_null=True)
    early_access = serializers.BooleanField()


class ScoreSerializer(serializers.Serializer):
    """A score with its explanation; everything is null or empty before the first night."""

    as_of = serializers.DateField(allow_null=True)
    rulebook = serializers.CharField(allow_null=True, help_text="Version; see `/rulebooks`.")
    total = serializers.IntegerField(allow_null=True)
    bonus = serializers.IntegerField(allow_null=True, help_text="Of verified sellers.")
    bonus_forfeited = serializers.BooleanField(allow_null=True)
    assessed = serializers.IntegerField(
        allow_null=True, help_text="Newest score of a month's last day that is fixed."
    )
    assessed_as_of = serializers.DateField(allow_null=True)
    factors = FactorSerializer(many=True)
    rewards = RewardsSerializer(allow_null=True)
    marketing_bonus = serializers.IntegerField(allow_null=True)


def score_answer(score: Score | None) -> dict[str, Any]:
    """Return what a score contributes to `ScoreSerializer`."""
    return {
        "total": score.total if score else None,
        "bonus": score.bonus if score else None,
        "bonus_forfeited": score.bonus_forfeited if score else None,
        "factors": score.factors if score else (),
        "rewards": score.rewards if score else None,
        "marketing_bonus": score.marketing_bonus if score else None,
    }


class AssessmentSerializer(serializers.Serializer):
    """The score of a month's last day; its rights hold in the month after, null is unlimited."""

    as_of = serializers.DateField()
    fixed_at = serializers.DateTimeField()
    rulebook = serializers.CharField()
    total = serializers.IntegerField()
    quotes = serializers.IntegerField()
    gmv = serializers.DecimalField(max_digits=14, decimal_places=2)
    rewards = serializers.SerializerMethodField()
    marketing_bonus = serializers.IntegerField()

    @extend_schema_field(RewardsSerializer)
    def get_rewards(self, assessment: Any) -> Any:
        """Return the rights of the month after."""
        return {**assessment.rights(), "early_access": assessment.early_access}


class PredictedSerializer(serializers.Serializer):
    """The predicted score as of one published day."""

    as_of = serializers.DateField()
    rulebook = serializers.CharField()
    total = serializers.IntegerField()


class ScoreHistorySerializer(serializers.Serializer):
    """Predicted scores by day and the assessed ones, the newest first."""

    as_of = serializers.DateField(allow_null=True)
    results = PredictedSerializer(many=True)
    assessed = AssessmentSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Always null: there is one page.")


class SimulationSerializer(serializers.Serializer):
    """What to try out; only for the schema, `rfq.score.simulation` reads it."""

    rulebook = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="Version; empty or missing: the one in force today.",
    )
    membership = serializers.ChoiceField(
        required=False, choices=Membership.choices, help_text="Default: the shop's own."
    )
    assessed_star = serializers.IntegerField(
        required=False, min_value=0, max_value=MOST_STARS, help_text="Default: the shop's own."
    )
    login_days = serializers.IntegerField(required=False, min_value=0, max_value=MOST_DAYS)
    quotes = serializers.IntegerField(
        required=False, min_value=0, help_text="Points, up to the rulebook's maximum."
    )
    response_rate = serializers.IntegerField(
        required=False, min_value=0, help_text="Points, up to the rulebook's maximum."
    )
    reply_rate = serializers.DecimalField(
        required=False,
        max_digits=7,
        decimal_places=RATE_PLACES,
        min_value=Decimal(0),
        max_value=Decimal(100),
        help_text="Percent.",
    )
    gmv = serializers.DecimalField(
        required=False,
        max_digits=12,
        decimal_places=MONEY_PLACES,
        min_value=Decimal(0),
        max_value=MOST_GMV,
        help_text="USD received in 90 days.",
    )
    bonus_forfeited = serializers.BooleanField(required=False)
    quotes_last_month = serializers.IntegerField(required=False, min_value=0, max_value=MOST_QUOTES)
    free_used_percent = serializers.DecimalField(
        required=False,
        max_digits=7,
        decimal_places=RATE_PLACES,
        min_value=Decimal(0),
        max_value=Decimal(100),
    )

    def get_fields(self) -> dict[str, Any]:
        """Let null mean the default of each."""
        fields: dict[str, Any] = super().get_fields()
        for one in fields.values():
            one.allow_null = True
        return fields
