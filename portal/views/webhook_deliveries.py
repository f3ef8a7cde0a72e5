"""The log of a webhook endpoint: what was sent, what came of it, and sending it again (API-1)."""

from __future__ import annotations

import json
import uuid

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal import platform_time
from portal.errors import Refusal
from portal.http import MemberRequest
from portal.models import WebhookDelivery, WebhookEndpoint
from portal.services.webhook_events import (
    deliveries_replay_failed,
    delivery_of,
    delivery_replay,
    webhook_test,
)
from portal.views.lists import page_of
from portal.views.webhooks import WebhookBase, confirm_page
from portal.webhook_forms import DeliveryFilter, ReplayForm, deliveries_shown
from portal.webhooks.events import WEBHOOK_EVENTS


class WebhookPage(WebhookBase):
    """One endpoint: its settings, what can be done with it, and its log."""

    def get(
        self, request: MemberRequest, uid: uuid.UUID, form: ReplayForm | None = None
    ) -> HttpResponse:
        """Show them; `?state=`, `?type=`, `?since=` and `?until=` narrow the log."""
        endpoint = self.find(uid)
        found = DeliveryFilter(request.GET, deliveries_shown(endpoint.deliveries.all()))
        page = page_of(request, found.qs)
        for delivery in page.object_list:
            delivery.label = WEBHOOK_EVENTS[delivery.event.type].label
        week_ago = platform_time.days_later(platform_time.now(), -7)
        return render(
            request,
            "portal/webhook.html",
            {
                "endpoint": endpoint,
                "kinds": [WEBHOOK_EVENTS[one] for one in endpoint.event_types],
                "page_obj": page,
                "filter": found,
                "filtered": any(found.data.get(name) for name in found.filters),
                "replay_form": form
                or ReplayForm(initial={"since": platform_time.day_of(week_ago)}),
            },
            status=400 if form else 200,
        )


class WebhookTest(WebhookBase):
    """An event to try an endpoint out."""

    http_method_names = ["post"]

    def post(self, request: MemberRequest, uid: uuid.UUID) -> HttpResponse:
        """Send it; its delivery tells what came of it."""
        endpoint = self.find(uid)
        try:
            delivery = webhook_test(member=request.member, endpoint=endpoint)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return redirect("portal:webhook", uid)
        messages.success(request, _("A test event is on its way. Reload to see what came of it."))
        return redirect("portal:webhook-delivery", uid, delivery.event.external_id)


class WebhookReplay(WebhookBase):
    """Sending again what failed since a day."""

    def get(self, request: MemberRequest, uid: uuid.UUID) -> HttpResponse:
        """Ask, with the day chosen on the endpoint's page."""
        endpoint = self.find(uid)
        form = ReplayForm(request.GET)
        if not form.is_valid():
            return WebhookPage().get(request, uid, form)
        since = form.cleaned_data["since"]
        return confirm_page(
            request,
            endpoint,
            heading=_("Replay what failed?"),
            message=_(
                "Every event that occurred since then and could not be delivered is sent again."
            ),
            cost=_("Your system may get an event twice: it knows it by its id."),
            confirm_label=_("Replay"),
            fields=[("since", since.isoformat())],
        )

    def post(self, request: MemberRequest, uid: uuid.UUID) -> HttpResponse:
        """Send them again."""
        endpoint = self.find(uid)
        form = ReplayForm(request.POST)
        if not form.is_valid():
            return WebhookPage().get(request, uid, form)
        since = platform_time.start_of(form.cleaned_data["since"])
        try:
            count = deliveries_replay_failed(member=request.member, endpoint=endpoint, since=since)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            text = ngettext("%(n)s event is sent again.", "%(n)s events are sent again.", count)
            messages.success(request, text % {"n": count})
        return redirect("portal:webhook", uid)


class DeliveryBase(WebhookBase):
    """What pages of a delivery share."""

    def find_delivery(self, uid: uuid.UUID, event: str) -> WebhookDelivery:
        """Return what became of an event at an endpoint of this shop, or answer 404 (K-8)."""
        delivery = delivery_of(uid, event)
        if delivery is None:
            raise Http404
        return delivery


class DeliveryPage(DeliveryBase):
    """One delivery: what came of it, and what was sent."""

    def get(self, request: MemberRequest, uid: uuid.UUID, event: str) -> HttpResponse:
        """Show it."""
        delivery = self.find_delivery(uid, event)
        endpoint: WebhookEndpoint = delivery.endpoint
        payload = json.dumps(delivery.event.payload(), indent=2, ensure_ascii=False)
        return render(
            request,
            "portal/webhook_delivery.html",
            {
                "delivery": delivery,
                "endpoint": endpoint,
                "label": WEBHOOK_EVENTS[delivery.event.type].label,
                "payload": payload,
                "may_replay": endpoint.is_active and delivery.due_at is None,
                "endpoint_url": reverse("portal:webhook", args=[uid]),
            },
        )


class DeliveryReplay(DeliveryBase):
    """Sending one event again."""

    http_method_names = ["post"]

    def post(self, request: MemberRequest, uid: uuid.UUID, event: str) -> HttpResponse:
        """Send it."""
        try:
            delivery_replay(member=request.member, delivery=self.find_delivery(uid, event))
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("The event is sent again."))
        return redirect("portal:webhook-delivery", uid, event)
