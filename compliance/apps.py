"""Application configuration of `compliance`."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ComplianceConfig(AppConfig):
    """The `compliance` app."""

    name = "compliance"
    verbose_name = _("Compliance")

    def ready(self) -> None:
        """Follow the category tree: what holds for products comes from the categories above."""
        from compliance.services.traits import categories_moved
        from portal.services.catalogue import watch_tree

        watch_tree(categories_moved)
