"""The staff site: Django admin behind the portal's own sign-in, with the queues on its front page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.apps import AdminConfig
from django.contrib.admin.utils import quote
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import Aggregate, Count, Min, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, resolve_url
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _gettext
from django.utils.translation import gettext_lazy as _

from portal import platform_time

LAST_DEEDS = 10


@dataclass(frozen=True)
class Queue:
    """Work that waits for people who hold `permission`: how much, since when, and where."""

    label: Promise
    rows: Callable[[], QuerySet[Any]]
    url_name: str
    query: str
    permission: str
    since: str = ""
    """Field of the day or instant since when a row waits."""
    late: bool = False
    """Whether nothing should ever be in it."""

    @property
    def url(self) -> str:
        """Address of the filtered list."""
        return f"{reverse(self.url_name)}{self.query}"

    def read(self) -> dict[str, Any]:
        """Count what waits and find since when, in one query."""
        wanted: dict[str, Aggregate] = {
            "count": Count("pk"),
            **({"since": Min(self.since)} if self.since else {}),
        }
        found = self.rows().order_by().aggregate(**wanted)
        since = found.get("since")
        return {
            "label": self.label,
            "url": self.url,
            "count": found["count"],
            "since": since,
            "to_the_minute": isinstance(since, datetime),
            "late": self.late and found["count"] > 0,
        }


@dataclass(frozen=True)
class Deed:
    """What somebody did last: to which object, of which kind, and where it is."""

    name: str
    kind: str
    action: str
    instant: datetime
    url: str


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

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add the platform's Pacific time, for the shortcuts of date fields."""
        now = platform_time.to_pacific(platform_time.now())
        return {**super().each_context(request), "platform_now": f"{now:%Y-%m-%dT%H:%M:%S}"}

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show what waits, late work first and empty queues last, then everything else."""
        mine = [queue.read() for queue in self.queues if request.user.has_perm(queue.permission)]
        mine.sort(key=lambda queue: (not queue["late"], not queue["count"]))
        own = {"queues": mine, "deeds": self.last_deeds(request.user)}
        return super().index(request, {**own, **(extra_context or {})})

    def last_deeds(self, user: Any) -> list[Deed]:
        """Return what somebody did last, as the audit trail has it (K-19)."""
        entries = apps.get_model("auditlog", "LogEntry").objects.select_related("content_type")
        newest = entries.filter(actor=user).order_by("-timestamp", "-pk")[:LAST_DEEDS]
        return [self._deed(entry, user) for entry in newest]

    def _deed(self, entry: Any, user: Any) -> Deed:
        """Name a deed by what it was done to, and lead there where somebody may look."""
        model = entry.content_type.model_class()
        url = ""
        if model in self._registry:
            known = f"{model._meta.app_label}.view_{model._meta.model_name}"
            if user.has_perm(known):
                route = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
                url = reverse(route, args=[quote(entry.object_pk)])
        return Deed(
            name=entry.object_repr,
            kind=entry.content_type.name,
            action=entry.additional_data.get("action", ""),
            instant=entry.timestamp,
            url=url,
        )

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
