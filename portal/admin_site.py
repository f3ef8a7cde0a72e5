"""The staff site: Django admin behind the portal's own sign-in."""

from django.contrib import admin
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class PortalAdminSite(admin.AdminSite):
    """Stock admin with our names; signing in happens on the portal's page, with MFA (K-9)."""

    site_header = _("Marketplace operations")
    site_title = _("Operations")
    index_title = _("What waits for you")


class PortalAdminConfig(AdminConfig):
    """Make `admin.site` a `PortalAdminSite`."""

    default_site = "portal.admin_site.PortalAdminSite"
