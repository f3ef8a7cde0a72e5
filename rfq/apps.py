"""Application configuration of `rfq`."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RfqConfig(AppConfig):
    """The `rfq` app."""

    name = "rfq"
    verbose_name = _("RFQ")
