"""The narrow rows that matching reads, instead of products."""

from __future__ import annotations

from django.db import models

from listings.fields import BigIntArrayField
from listings.models.products import Product
from portal.models import Category, Seller


class MatchProjection(models.Model):
    """What themes ask about a product, from one instant to the next.

    Half-open in time: holds as of day D when `valid_from < end_of(D) <= valid_to`, `valid_to` being
    the next change or null. Prices are US cents. `value_ids` and `token_ids` are hashes of
    "attribute has value" and of title words (`listings.matching.text`); `*_sig` fold them to 63 bits,
    a cheap test before the lists are compared. Written by `listings.services.projection` alone.
    """

    product = models.ForeignKey(Product, models.CASCADE, related_name="projections")
    seller = models.ForeignKey(Seller, models.CASCADE, related_name="+", db_index=False)
    category = models.ForeignKey(Category, models.PROTECT, related_name="+", db_index=False)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)
    live = models.BooleanField()
    kind = models.CharField(max_length=14)
    price_min = models.BigIntegerField(null=True)
    price_max = models.BigIntegerField(null=True)
    services = models.BigIntegerField(default=0)
    countries_0 = models.BigIntegerField(default=0)
    countries_1 = models.BigIntegerField(default=0)
    countries_2 = models.BigIntegerField(default=0)
    countries_3 = models.BigIntegerField(default=0)
    value_sig = models.BigIntegerField(default=0)
    token_sig = models.BigIntegerField(default=0)
    value_ids = BigIntArrayField(default=list)
    token_ids = BigIntArrayField(default=list)
    title_norm = models.TextField(default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "valid_from"], name="projection_start_once"),
            models.UniqueConstraint(
                fields=["product"],
                condition=models.Q(valid_to__isnull=True),
                name="projection_one_current",
            ),
        ]
        indexes = [
            models.Index(fields=["category", "product"], name="projection_category"),
            models.Index(fields=["seller", "category"], name="projection_seller"),
            models.Index(fields=["valid_from"], name="projection_from"),
        ]
