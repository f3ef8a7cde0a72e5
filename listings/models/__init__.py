"""Models of products, themes and matches."""

from listings.models.matches import MatchTouch, ThemeMatch, ThemeMatchChange
from listings.models.products import Product, ProductRevision, ShippingTemplate
from listings.models.projection import MatchProjection
from listings.models.themes import Theme

__all__ = [
    "MatchProjection",
    "MatchTouch",
    "Product",
    "ProductRevision",
    "ShippingTemplate",
    "Theme",
    "ThemeMatch",
    "ThemeMatchChange",
]
