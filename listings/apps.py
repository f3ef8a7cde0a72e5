"""Application configuration of `listings`."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ListingsConfig(AppConfig):
    """The `listings` app."""

    name = "listings"
    verbose_name = _("Listings")

    def ready(self) -> None:
        """Offer compliance what it may ask about products."""
        from listings.products import source  # noqa: F401  registers itself
