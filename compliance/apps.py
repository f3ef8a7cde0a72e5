"""Application configuration of `compliance`."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ComplianceConfig(AppConfig):
    """The `compliance` app."""

    name = "compliance"
    verbose_name = _("Compliance")
