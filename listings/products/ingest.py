"""The ingest kind `products` (09-contract): facts about products, by instant (K-15, LST-1)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from listings.choices import EprTrait, ProductKind, ProductStatus, VideoQuality
from listings.services.product_columns import Images, ProductId
from listings.services.product_data import MAX_IMAGES, MAX_KEYWORDS, MAX_TITLE
from listings.services.product_rules import cleaned_alike
from listings.services.products import (
    CREATED,
    ORIGIN_INGEST,
    REJECTED,
    UPDATED,
    ProductRow,
    products_write,
)
from portal.ingest.columns import (
    Choice,
    Code,
    Instant,
    Int,
    Json,
    Money,
    Ref,
    Text,
    TextList,
)
from portal.ingest.kinds import IngestKind, Outcome, Row, register
from portal.models import Seller

NOT_CONTENT = ("product_id", "seller", "changed_at")


@register
class ProductKindRows(IngestKind):
    """Products as upstream knows them; `changed_at` says since when the row holds.

    A row without it holds since ever when the product was never seen before, else from now on. The
    same product may occur with several instants in one file.
    """

    name = "products"
    label = gettext_lazy("products")
    key = ("changed_at", "product_id")
    columns = (
        ProductId("product_id", example="1600312"),
        Ref("seller", model=Seller, by="member_id", example="cn1001"),
        Code("category", example="e-bike-kits"),
        Text("title", max_length=MAX_TITLE, example="48V 500W e-bike conversion kit"),
        TextList(
            "keywords", optional=True, max_items=MAX_KEYWORDS, item_length=120, example="kit|48v"
        ),
        Text("brand", optional=True, max_length=80, example="Volta"),
        Choice("kind", choices=ProductKind.values, example="rts"),
        Choice("status", choices=ProductStatus.values, example="live"),
        Money("price_min", optional=True, max_digits=12, example="180.00"),
        Money("price_max", optional=True, max_digits=12, example="199.50"),
        Json("tiers", shape=list, optional=True, example='[[10, "199.50"], [100, "180.00"]]'),
        Int("moq", optional=True, least=1, example="10"),
        Text("unit", optional=True, max_length=40, example="set"),
        Json("attributes", optional=True, example='{"voltage": "48V"}'),
        Json("custom_attributes", optional=True, example='{"Cable length": "2 m"}'),
        TextList("target_countries", optional=True, max_items=260, item_length=60, example="US|DE"),
        TextList(
            "services", optional=True, max_items=63, item_length=60, example="sample|customization"
        ),
        TextList(
            "epr_traits", optional=True, choices=EprTrait.values, default=None, example="packaging"
        ),
        Text("cas", optional=True, max_length=14),
        Images("images", optional=True, max_items=MAX_IMAGES, item_length=500, example="6"),
        Choice("video", optional=True, choices=VideoQuality.values, default=VideoQuality.NONE),
        Int("dispatch_days", optional=True, most=365, example="7"),
        Instant("changed_at", optional=True, example="2022-07-19T18:00:00-07:00"),
    )

    _cleaned = cleaned_alike(columns)

    def apply(self, rows: list[Row]) -> Outcome:
        """Write a chunk through the product service."""
        results = products_write(
            [
                ProductRow(
                    product_id=row["product_id"],
                    seller_id=row["seller"],
                    given={
                        name: value for name, value in row.values.items() if name not in NOT_CONTENT
                    },
                    cleaned=self._cleaned,
                    changed_at=row.get("changed_at"),
                    by=self.actor.get_username() if self.actor else "",
                    number=index,
                )
                for index, row in enumerate(rows)
            ],
            origin=ORIGIN_INGEST,
        )
        outcome = Outcome()
        for result in results:
            if result.state == REJECTED:
                row = rows[result.row.number]
                outcome.rejections += [row.reject(name, text) for name, text in result.problems]
            elif result.state == CREATED:
                outcome.created += 1
            elif result.state == UPDATED:
                outcome.updated += 1
            else:
                outcome.unchanged += 1
        return outcome
