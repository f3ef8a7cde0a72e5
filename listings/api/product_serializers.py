"""Shapes of the product calls, for answers and for the schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from listings.choices import EprTrait, PriceMode, ProductKind, ProductStatus, VideoQuality
from listings.models import Product
from listings.services.product_data import MAX_TIERS, MAX_TITLE
from listings.services.screening import screen_products
from portal.api.partial import EveryFieldOptional


class HitSerializer(serializers.Serializer):
    """A term that compliance knows, found in the product."""

    term = serializers.CharField()
    hazard = serializers.CharField()
    field = serializers.CharField()
    advice = serializers.CharField()
    rule_class = serializers.CharField(help_text="Code of the class.")
    effect = serializers.CharField(help_text="`forbid` keeps a product from going live.")
    effect_name = serializers.CharField()
    place = serializers.CharField(help_text="Name of the place; `field` is its code.")
    excerpt = serializers.CharField(help_text="The words around it, as written.")
    forbids = serializers.BooleanField()


class SkuSerializer(serializers.Serializer):
    """One specification with its price (USD) and stock."""

    name = serializers.CharField(max_length=120)
    price = serializers.DecimalField(12, 2)
    stock = serializers.IntegerField(allow_null=True, required=False)


class ContentSerializer(serializers.Serializer):
    """What a product says. Prices are USD decimal strings, tiers are `[quantity, price]`."""

    category = serializers.CharField(max_length=64, help_text="Code of a leaf.")
    title = serializers.CharField(max_length=MAX_TITLE)
    kind = serializers.ChoiceField(ProductKind.choices)
    status = serializers.ChoiceField(ProductStatus.choices, required=False)
    keywords = serializers.ListField(child=serializers.CharField(), required=False)
    brand = serializers.CharField(required=False, allow_blank=True, max_length=80)
    description = serializers.CharField(required=False, allow_blank=True)
    price_mode = serializers.ChoiceField(PriceMode.choices, required=False)
    price_min = serializers.DecimalField(12, 2, required=False, allow_null=True)
    price_max = serializers.DecimalField(12, 2, required=False, allow_null=True)
    tiers = serializers.ListField(
        child=serializers.ListField(child=serializers.JSONField(), min_length=2, max_length=2),
        required=False,
        max_length=MAX_TIERS,
    )
    skus = SkuSerializer(many=True, required=False)
    moq = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    unit = serializers.CharField(required=False, allow_blank=True, max_length=40)
    attributes = serializers.DictField(
        required=False, help_text="System attribute code → value or list of values."
    )
    custom_attributes = serializers.DictField(
        required=False, help_text="The shop's own names → text; never counts for a theme."
    )
    target_countries = serializers.ListField(child=serializers.CharField(), required=False)
    services = serializers.ListField(child=serializers.CharField(), required=False)
    epr_traits = serializers.ListField(
        child=serializers.ChoiceField(EprTrait.choices),
        required=False,
        allow_null=True,
        help_text="Null means the category's default.",
    )
    cas = serializers.CharField(required=False, allow_blank=True, max_length=14)
    images = serializers.ListField(child=serializers.CharField(), required=False)
    video = serializers.ChoiceField(VideoQuality.choices, required=False)
    dispatch_days = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    shipping_template = serializers.CharField(
        required=False, allow_null=True, help_text="Name of one of the shop's templates."
    )
    showcase = serializers.BooleanField(required=False)
    owner = serializers.CharField(
        required=False, allow_null=True, help_text="Username of a member of the shop."
    )


class ProductCreateSerializer(ContentSerializer):
    """A new product; without `product_id` one is made."""

    product_id = serializers.CharField(required=False, max_length=64)


class ProductChangeSerializer(EveryFieldOptional, ContentSerializer):
    """Fields to change; the others stay. `version` refuses the change of a stale copy."""

    version = serializers.IntegerField(min_value=1)


class ProductSerializer(ContentSerializer):
    """A product as it is now."""

    product_id = serializers.CharField()
    category_path = serializers.CharField()
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    deleted_at = serializers.DateTimeField(allow_null=True)
    screening = HitSerializer(many=True)


class ProductPageSerializer(serializers.Serializer):
    """A page of products."""

    results = ProductSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    count = serializers.IntegerField()


class RevisionSerializer(serializers.Serializer):
    """What a product said from an instant on."""

    at = serializers.DateTimeField()
    by = serializers.CharField()
    origin = serializers.CharField()
    content = serializers.JSONField()


class RevisionPageSerializer(serializers.Serializer):
    """A page of revisions, newest first."""

    results = RevisionSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class BulkChangeSerializer(serializers.Serializer):
    """What to change; whatever is left out stays."""

    status = serializers.ChoiceField(ProductStatus.choices, required=False)
    services_add = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, max_length=63
    )
    services_remove = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, max_length=63
    )
    countries_add = serializers.ListField(
        child=serializers.CharField(max_length=2), required=False, max_length=260
    )
    countries_remove = serializers.ListField(
        child=serializers.CharField(max_length=2), required=False, max_length=260
    )
    price_percent = serializers.DecimalField(6, 2, required=False, allow_null=True)
    attribute = serializers.CharField(required=False, max_length=64)
    values = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=50
    )
    owner = serializers.CharField(required=False, max_length=150)


class BulkRequestSerializer(serializers.Serializer):
    """Products by id and the change; `dry_run` only says what would happen."""

    product_ids = serializers.ListField(
        child=serializers.CharField(max_length=64), min_length=1, max_length=10_000
    )
    change = BulkChangeSerializer()
    dry_run = serializers.BooleanField(default=False)


class BulkRejectionSerializer(serializers.Serializer):
    """A product that stays as it is, and why."""

    product_id = serializers.CharField()
    field = serializers.CharField()
    message = serializers.CharField()


class BulkAnswerSerializer(serializers.Serializer):
    """What became of the products."""

    updated = serializers.ListField(child=serializers.CharField())
    unchanged = serializers.ListField(child=serializers.CharField())
    rejected = BulkRejectionSerializer(many=True)


_PLAIN = (
    "product_id", "title", "kind", "status", "keywords", "brand", "description", "price_mode",
    "tiers", "skus", "moq", "unit", "attributes", "custom_attributes", "target_countries",
    "services", "epr_traits", "cas", "images", "video", "dispatch_days", "showcase", "version",
)  # fmt: skip


def product_rows(products: Sequence[Product]) -> list[dict[str, Any]]:
    """Return products as the API answers them; select category, owner's user and template along."""
    hits = screen_products(products)
    return [
        product_row(product) | {"screening": [hit.as_dict() for hit in found]}
        for product, found in zip(products, hits, strict=True)
    ]


def product_row(product: Product) -> dict[str, Any]:
    """Return one product without its screening."""
    row = {name: getattr(product, name) for name in _PLAIN}
    return row | {
        "category": product.category.code,
        "category_path": product.category.path,
        "price_min": _money(product.price_min),
        "price_max": _money(product.price_max),
        "owner": product.owner.user.get_username() if product.owner else None,
        "shipping_template": product.shipping_template.name if product.shipping_template else None,
        "created_at": _instant(product.created_at),
        "changed_at": _instant(product.changed_at),
        "deleted_at": _instant(product.deleted_at),
    }


def _money(value: Any) -> str | None:
    return None if value is None else f"{value:.2f}"


def _instant(value: Any) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")
