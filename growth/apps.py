"""Application configuration of `growth`."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GrowthConfig(AppConfig):
    """The `growth` app."""

    name = "growth"
    verbose_name = _("Growth")
