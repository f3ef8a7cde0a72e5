"""Application configuration of the kernel."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PortalConfig(AppConfig):
    """The `portal` app: sellers, facts, rulebooks, nights, notices."""

    name = "portal"
    verbose_name = _("Portal")
