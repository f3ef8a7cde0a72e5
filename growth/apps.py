"""Application configuration of `growth`."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GrowthConfig(AppConfig):
    """The `growth` app."""

    name = "growth"
    verbose_name = _("Growth")

    def ready(self) -> None:
        """Offer what audiences may ask about growth, and listen to what becomes of shops."""
        from growth.guide import audience as guide_audience  # noqa: F401  registers itself
        from growth.services import packs  # noqa: F401  registers its listener
