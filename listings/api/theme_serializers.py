"""Shapes of the theme calls, for answers and for the schema."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from listings.choices import ProductKind
from listings.models import Theme

STATES = ("upcoming", "in_force", "ended")


class ThemeSerializer(serializers.ModelSerializer):
    """A theme with the shop's own counts; texts are in the caller's language."""

    title = serializers.CharField(read_only=True)
    reason = serializers.CharField(read_only=True)
    category = serializers.CharField(source="category.code", read_only=True)
    category_path = serializers.CharField(source="category.path", read_only=True)
    national = serializers.BooleanField(source="is_national", read_only=True)
    state = serializers.SerializerMethodField()
    own = serializers.SerializerMethodField(help_text="In a category of the shop's own.")
    matched = serializers.SerializerMethodField(help_text="Own matched products as of `as_of`.")
    similar = serializers.SerializerMethodField(
        help_text="Own products in the category that are not in the matched list."
    )

    class Meta:
        model = Theme
        fields = [
            "theme_id", "title", "title_en", "title_zh", "reason", "picture", "category",
            "category_path", "keywords", "keyword_mode", "kind", "attributes", "services",
            "countries", "national", "price_min", "price_max", "starts_on", "ends_on", "state",
            "traffic_gain", "conversion_gain", "trade_gain", "own", "matched", "similar",
        ]  # fmt: skip

    def get_state(self, theme: Theme) -> str:
        """Where the day lies against the window: `upcoming`, `in_force` or `ended`."""
        return theme.state_on(self.context["today"])

    def get_own(self, theme: Theme) -> bool:
        """Tell whether the theme is in an own category."""
        return bool(theme.own)  # type: ignore[attr-defined]

    def get_matched(self, theme: Theme) -> int:
        """Return the number of own matched products."""
        return self.context["counts"][theme.pk].matched

    def get_similar(self, theme: Theme) -> int:
        """Return the number of own similar products."""
        return self.context["counts"][theme.pk].similar


class ThemePageSerializer(serializers.Serializer):
    """A page of themes: `count` over all pages, counts of products as of `as_of`."""

    results = ThemeSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    count = serializers.IntegerField()
    as_of = serializers.DateField(allow_null=True)


class RequirementSerializer(serializers.Serializer):
    """One requirement; `key` is one of `category keywords kind attribute:<code> services price
    countries status window`.
    """

    key = serializers.CharField()
    met = serializers.BooleanField()
    reason = serializers.CharField()


class SimilarSerializer(serializers.Serializer):
    """A product that comes near the theme, with what it fails now."""

    product_id = serializers.CharField(source="product.product_id")
    title = serializers.CharField(source="product.title")
    status = serializers.CharField(source="product.status")
    failing = serializers.SerializerMethodField()
    requirements = RequirementSerializer(many=True)

    def get_failing(self, similar: Any) -> int:
        """Return the number of requirements not met; 0 counts from the next nights on."""
        return len(similar.failing)


class SimilarPageSerializer(serializers.Serializer):
    """The nearest products; `next` is always null: at most 20 are shown."""

    as_of = serializers.DateField(allow_null=True)
    results = SimilarSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class DraftSerializer(serializers.Serializer):
    """A product that need not exist; every field may be left out.

    Lists may be JSON lists or texts separated by `|`; prices numbers or decimal texts. A draft
    without a status is judged as if it were published. Fields that no theme asks about are let be.
    """

    category = serializers.CharField(required=False)
    title = serializers.CharField(required=False)
    kind = serializers.ChoiceField(ProductKind.choices, required=False)
    status = serializers.CharField(required=False)
    price_min = serializers.CharField(required=False)
    price_max = serializers.CharField(required=False)
    tiers = serializers.JSONField(required=False, help_text="[[quantity, price], …]")
    attributes = serializers.JSONField(required=False, help_text="{code: value or [values]}")
    custom_attributes = serializers.JSONField(required=False)
    target_countries = serializers.ListField(child=serializers.CharField(), required=False)
    services = serializers.ListField(child=serializers.CharField(), required=False)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A draft",
            value={
                "theme_id": "121324",
                "product": {
                    "category": "trampolines",
                    "title": "Indoor trampoline 10FT",
                    "attributes": {"size": "10FT"},
                    "target_countries": ["US"],
                },
            },
        ),
        OpenApiExample("A product of the shop", value={"theme_id": "121324", "product_id": "p-1"}),
    ]
)
class CheckRequestSerializer(serializers.Serializer):
    """What to check: either `product` or `product_id`."""

    theme_id = serializers.CharField()
    product = DraftSerializer(required=False)
    product_id = serializers.CharField(required=False)


class SuggestionSerializer(serializers.Serializer):
    """Another theme the product meets (`missing` empty) or misses by one requirement."""

    theme_id = serializers.CharField(source="theme.theme_id")
    title = serializers.CharField(source="theme.title")
    matches = serializers.BooleanField()
    missing = RequirementSerializer(many=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Nearly",
            value={
                "matches": False,
                "requirements": [
                    {
                        "key": "category",
                        "met": True,
                        "reason": "The category belongs to Trampolines",
                    },
                    {
                        "key": "attribute:size",
                        "met": False,
                        "reason": "Size is a custom value: pick a system value",
                    },
                    {"key": "status", "met": True, "reason": "Counts once published"},
                    {"key": "window", "met": True, "reason": "The theme is open without an end"},
                ],
                "suggestions": [],
            },
            response_only=True,
        )
    ]
)
class CheckSerializer(serializers.Serializer):
    """Every requirement of the theme, and other themes within reach."""

    matches = serializers.BooleanField()
    requirements = RequirementSerializer(many=True)
    suggestions = SuggestionSerializer(many=True)


class MatchSerializer(serializers.Serializer):
    """A product in a theme's matched list, without interruption since the as-of day `since`."""

    theme_id = serializers.CharField(source="theme_code")
    product_id = serializers.CharField(source="product_code")
    since = serializers.DateField(source="valid_from")


class MatchPageSerializer(serializers.Serializer):
    """The matched list as of a day. `total` and `national` count rows, `products` and
    `national_products` each product once.
    """

    as_of = serializers.DateField(allow_null=True)
    total = serializers.IntegerField()
    national = serializers.IntegerField()
    products = serializers.IntegerField()
    national_products = serializers.IntegerField()
    results = MatchSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class MatchEventSerializer(serializers.Serializer):
    """A product entered or left a theme's matched list."""

    day = serializers.DateField()
    event = serializers.ChoiceField(["entered", "left"], source="kind")
    theme_id = serializers.CharField(source="theme.theme_id")
    product_id = serializers.CharField(source="product.product_id")
    reasons = serializers.ListField(child=serializers.CharField())


class MatchHistorySerializer(serializers.Serializer):
    """Events up to `as_of`, newest first."""

    as_of = serializers.DateField(allow_null=True)
    results = MatchEventSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class BenefitSerializer(serializers.Serializer):
    """What matched products get; `live_on` null: live before these rules took effect."""

    key = serializers.CharField(source="benefit.key")
    group = serializers.CharField(source="benefit.group")
    name = serializers.CharField()
    channels = serializers.ListField(child=serializers.CharField(), source="benefit.channels")
    ordinary = serializers.BooleanField(source="benefit.ordinary")
    national = serializers.BooleanField(source="benefit.national")
    state = serializers.ChoiceField(["live", "upcoming", "ended"])
    live_on = serializers.DateField(source="benefit.live_on", allow_null=True)
    ends_on = serializers.DateField(source="benefit.ends_on", allow_null=True)
    expected = serializers.BooleanField(source="benefit.expected")


class ConditionSerializer(serializers.Serializer):
    """A condition of a promotion; `met` null: the portal has no figure for it."""

    kind = serializers.CharField()
    text = serializers.CharField()
    met = serializers.BooleanField(allow_null=True)
    number = serializers.IntegerField(allow_null=True)


class PromotionSerializer(serializers.Serializer):
    """A promotion and its conditions for the shop."""

    benefit = serializers.CharField(source="row.benefit.key")
    name = serializers.CharField()
    state = serializers.CharField(source="row.state")
    conditions = ConditionSerializer(many=True)


class BenefitsSerializer(serializers.Serializer):
    """The benefits table on a Pacific day, under a rulebook (null: none is in force)."""

    day = serializers.DateField()
    rulebook = serializers.CharField(allow_null=True)
    results = BenefitSerializer(many=True)
    promotions = PromotionSerializer(many=True)
    next = serializers.URLField(allow_null=True)
