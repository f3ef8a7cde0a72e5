"""Statuses and fixed vocabularies of products and themes; nothing else."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.choices import TradeKind

ProductKind = TradeKind


class ProductStatus(models.TextChoices):
    """Life of a product (LST-1)."""

    DRAFT = "draft", _("Draft")
    IN_REVIEW = "in_review", _("In review")
    LIVE = "live", _("Live")
    OFF_SHELF = "off_shelf", _("Off shelf")
    REMOVED = "removed", _("Removed by staff")


SELLER_TRANSITIONS: dict[str, set[str]] = {
    ProductStatus.DRAFT: {ProductStatus.LIVE},
    ProductStatus.IN_REVIEW: {ProductStatus.DRAFT},
    ProductStatus.LIVE: {ProductStatus.OFF_SHELF},
    ProductStatus.OFF_SHELF: {ProductStatus.LIVE, ProductStatus.DRAFT},
    ProductStatus.REMOVED: set(),
}
"""What a seller may do; staff and upstream may set any status."""


class PriceMode(models.TextChoices):
    """How a product is priced (LST-1)."""

    TIERS = "tiers", _("By quantity")
    SKU = "sku", _("By specification")
    FOB = "fob", _("FOB range")


class VideoQuality(models.TextChoices):
    """What the product's video is worth."""

    NONE = "none", _("No video")
    LOW = "low", _("Low quality")
    GOOD = "good", _("Good")


class KeywordMode(models.TextChoices):
    """Whether one or every keyword of a theme has to be in the title (LST-3)."""

    ANY = "any", _("Any of them")
    ALL = "all", _("All of them")


class EprTrait(models.TextChoices):
    """Traits that decide which EPR categories a product needs (EPR-2)."""

    PACKAGING = "packaging", _("Packaging")
    ELECTRICAL = "electrical", _("Electrical")
    BATTERY = "battery", _("Battery")
    FURNITURE = "furniture", _("Furniture")
    TYRE = "tyre", _("Tyre")
    TEXTILE = "textile", _("Textile")
    PAPER = "paper", _("Printed paper")
    # No country asks for these yet; a table of compliance that does needs nothing here (EPR-1).
    PAINT = "paint", _("Paint and solvents")
    VEHICLE = "vehicle", _("Vehicles")
    BOAT = "boat", _("Boats")
    MEDICINE = "medicine", _("Unused medicines")
    MEDICAL = "medical", _("Medical devices")
    TOY = "toy", _("Toys")
    LEISURE = "leisure", _("Sports and leisure goods")
    GARDEN = "garden", _("DIY and garden tools")


SERVICES = {
    "sample": _("Sample service"),
    "customization": pgettext_lazy("service", "Customization"),
    "overseas_after_sales": _("Overseas after-sales"),
    "dispatch_7d": _("Dispatch within 7 days"),
    "linked_certificate": _("Linked certificate"),
    "traceability": _("Traceability"),
    "production_view": _("Production on view"),
    "video": _("Product video"),
}
"""Services with a name of their own; other codes are accepted and shown as they are."""
