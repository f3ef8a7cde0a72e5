"""The staff site: Django admin behind the portal's own sign-in, with the queues on its front page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.apps import AdminConfig
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, resolve_url
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _gettext
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Queue:
    """Work that waits for people who hold `permission`: how much (one query), and where."""

    label: Promise
    count: Callable[[], int]
    url_name: str
    query: str
    permission: str

    @property
    def url(self) -> str:
        """Address of the filtered list."""
        return f"{reverse(self.url_name)}{self.query}"


class PortalAdminSite(admin.AdminSite):
    """Stock admin with our names; signing in happens on the portal's page, with MFA (K-9)."""

    site_header = _("Marketplace operations")
    site_title = _("Operations")
    index_title = _("What waits for you")
    enable_nav_sidebar = True

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.queues: list[Queue] = []

    def register_queue(self, queue: Queue) -> None:
        """Show a queue on the front page to those who can work on it."""
        self.queues.append(queue)

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show what waits, then everything else."""
        mine = [
            {"label": queue.label, "count": queue.count(), "url": queue.url}
            for queue in self.queues
            if request.user.has_perm(queue.permission)
        ]
        return super().index(request, {"queues": mine, **(extra_context or {})})

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send people to the portal's sign-in page; tell those who are not staff."""
        wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
        if not url_has_allowed_host_and_scheme(
            wanted, {request.get_host()}, require_https=request.is_secure()
        ):
            wanted = reverse("admin:index")
        if not request.user.is_authenticated:
            # Its module needs the app registry, which is not ready when this one is imported.
            from django.contrib.auth.views import redirect_to_login

            return redirect_to_login(wanted, resolve_url("account_login"))
        if not self.has_permission(request):
            raise PermissionDenied(_gettext("This part is for platform staff."))
        return HttpResponseRedirect(wanted)

    def logout(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Sign out and go to the portal's sign-in page."""
        super().logout(request, extra_context)
        return redirect("account_login")


def register_queue(queue: Queue) -> None:
    """Show a queue on the front page of the staff site."""
    cast(PortalAdminSite, admin.site).register_queue(queue)


class PortalAdminConfig(AdminConfig):
    """Make `admin.site` a `PortalAdminSite`."""

    default_site = "portal.admin_site.PortalAdminSite"
