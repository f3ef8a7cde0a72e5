"""Webhooks of shops: to look at, and to stop one that does harm (API-1)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.admin.base import SELLER_SEARCH, ReadOnlyAdmin, pretty_json
from portal.choices import WebhookStatus
from portal.errors import Refusal
from portal.models import WebhookDelivery, WebhookEndpoint
from portal.services.webhooks import STAFF_PERMISSION, webhook_disable, webhook_enable


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    """Read-only but for stopping one, and letting it go on."""

    list_display = ("url", "seller", "status", "disabled_reason", "failures", "failing_since")
    list_filter = ("status", "disabled_reason")
    list_select_related = ("seller",)
    search_fields = (*SELLER_SEARCH, "url")
    fields = readonly_fields = (
        "uid",
        "seller",
        "url",
        "description",
        "events",
        "status",
        "disabled_reason",
        "disabled_at",
        "created_at",
        "failures",
        "failing_since",
        "resting_until",
    )
    own_pages = {"disable": "<int:pk>/disable/", "enable": "<int:pk>/enable/"}
    change_form_template = "admin/portal/webhookendpoint/change_form.html"

    @admin.display(description=gettext_lazy("events"))
    def events(self, endpoint: WebhookEndpoint) -> str:
        """What it is told of."""
        return ", ".join(endpoint.event_types)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Offer what can be done with it."""
        endpoint: WebhookEndpoint | None = kwargs.get("obj")
        if endpoint is not None and request.user.has_perm(STAFF_PERMISSION):
            context["may_disable"] = endpoint.status != WebhookStatus.DISABLED
            context["may_enable"] = endpoint.status == WebhookStatus.DISABLED
        return super().render_change_form(request, context, *args, **kwargs)

    def disable_view(self, request: Any, pk: int) -> HttpResponse:
        """Say what stops, then stop it on a confirmed POST."""
        endpoint = self._found(request, pk)
        if request.method == "POST":
            return self._run(request, endpoint, webhook_disable, _("The webhook is disabled."))
        title = _("Disable this webhook?")
        return self.page(request, "disable", title, endpoint=endpoint, back=self._address(pk))

    def enable_view(self, request: Any, pk: int) -> HttpResponse:
        """Let it go on; POST only."""
        endpoint = self._found(request, pk)
        if request.method != "POST":
            raise PermissionDenied
        return self._run(request, endpoint, webhook_enable, _("The webhook is active."))

    def _found(self, request: HttpRequest, pk: int) -> WebhookEndpoint:
        if not request.user.has_perm(STAFF_PERMISSION):
            raise PermissionDenied
        found = WebhookEndpoint.objects.select_related("seller").filter(pk=pk).first()
        if found is None:
            raise Http404
        return found

    def _run(
        self, request: Any, endpoint: WebhookEndpoint, service: Any, done: str
    ) -> HttpResponseRedirect:
        try:
            service(actor=request.user, endpoint=endpoint)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, done)
        return HttpResponseRedirect(self._address(endpoint.pk))

    def _address(self, pk: int) -> str:
        return reverse("admin:portal_webhookendpoint_change", args=[pk])


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """What was sent where, and what came of it."""

    list_display = (
        "event_type",
        "seller",
        "endpoint",
        "state",
        "attempts",
        "status",
        "error",
        "due_at",
    )
    list_filter = ("state", "error", "event__type")
    list_select_related = ("event__seller", "endpoint")
    search_fields = (
        "=event__seller__member_id",
        "event__seller__name_en",
        "event__seller__name_zh",
        "endpoint__url",
        "=event__key",
    )
    fields = readonly_fields = (
        "event_id_shown",
        "seller",
        "endpoint",
        "state",
        "attempts",
        "replays",
        "attempted_at",
        "due_at",
        "delivered_at",
        "status",
        "error",
        "excerpt",
        "milliseconds",
        "payload",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        """Read events, shops and endpoints along with the rows."""
        rows: QuerySet[WebhookDelivery] = super().get_queryset(request)
        return rows.select_related("event__seller", "endpoint")

    @admin.display(description=gettext_lazy("event"), ordering="event__type")
    def event_type(self, delivery: WebhookDelivery) -> str:
        """What happened."""
        return delivery.event.type

    @admin.display(description=gettext_lazy("seller"))
    def seller(self, delivery: WebhookDelivery) -> str:
        """Whose it is."""
        return str(delivery.event.seller)

    @admin.display(description=gettext_lazy("id of the event"))
    def event_id_shown(self, delivery: WebhookDelivery) -> str:
        """What the receiver knows it by."""
        return delivery.event.external_id

    @admin.display(description=gettext_lazy("what is sent"))
    def payload(self, delivery: WebhookDelivery) -> SafeString:
        """The payload."""
        return pretty_json(delivery.event.payload())
