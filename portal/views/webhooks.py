"""The shop's webhook endpoints: list, form, secret, and ending them; the owner's alone (API-1, K-7)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.choices import Action, DeliveryState
from portal.errors import Refusal
from portal.http import MemberRequest
from portal.models import WebhookEndpoint
from portal.services.webhooks import (
    MAX_ENDPOINTS,
    webhook_change,
    webhook_create,
    webhook_delete,
    webhook_input,
    webhook_pause,
    webhook_resume,
    webhook_rotate,
)
from portal.views.base import SellerPage
from portal.webhook_forms import WebhookForm
from portal.webhooks.events import webhook_kinds
from portal.webhooks.signing import secret_text

SHOW_SECRET = "webhook_secret"  # noqa: S105  key of the session, not a secret
"""Names the endpoint whose secret this session may look at, once."""


class WebhookBase(SellerPage):
    """What pages of webhooks share: for those who manage them, and a stranger's does not exist."""

    read_action = write_action = Action.MANAGE_WEBHOOKS

    def find(self, uid: uuid.UUID) -> WebhookEndpoint:
        """Return an endpoint of this shop or answer 404 (K-8)."""
        endpoint = (
            WebhookEndpoint.objects.select_related("seller")
            .prefetch_related("subscriptions")
            .filter(uid=uid)
            .first()
        )
        if endpoint is None:
            raise Http404
        return endpoint


class WebhooksPage(WebhookBase):
    """The shop's endpoints."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show them with what waits and what failed."""
        endpoints = list(
            WebhookEndpoint.objects.prefetch_related("subscriptions")
            .annotate(
                waiting=Count("deliveries", filter=Q(deliveries__state=DeliveryState.PENDING)),
                failed=Count("deliveries", filter=Q(deliveries__state=DeliveryState.FAILED)),
            )
            .order_by("pk")
        )
        return render(
            request,
            "portal/webhooks.html",
            {
                "endpoints": endpoints,
                "kinds": webhook_kinds(),
                "full": len(endpoints) >= MAX_ENDPOINTS,
                "most": MAX_ENDPOINTS,
            },
        )


class WebhookNew(WebhookBase):
    """Adding an endpoint."""

    def get(self, request: MemberRequest, form: WebhookForm | None = None) -> HttpResponse:
        """Show the form."""
        return _form_page(
            request,
            form or WebhookForm(initial={"events": [kind.type for kind in webhook_kinds()]}),
            heading=_("Add a webhook"),
            back=reverse("portal:webhooks"),
            refused=form is not None,
        )

    def post(self, request: MemberRequest) -> HttpResponse:
        """Add it and show its secret, once."""
        form = WebhookForm(request.POST)
        if form.is_valid():
            try:
                endpoint, _secret = webhook_create(
                    member=request.member, wanted=webhook_input(**form.cleaned_data)
                )
            except Refusal as refusal:
                show_in_form(form, refusal)
            else:
                messages.success(request, _("The webhook was added."))
                return _to_secret(request, endpoint)
        return self.get(request, form)


class WebhookEdit(WebhookBase):
    """Changing an endpoint."""

    def get(
        self, request: MemberRequest, uid: uuid.UUID, form: WebhookForm | None = None
    ) -> HttpResponse:
        """Show the form."""
        endpoint = self.find(uid)
        now = {
            "url": endpoint.url,
            "description": endpoint.description,
            "events": endpoint.event_types,
        }
        return _form_page(
            request,
            form or WebhookForm(initial=now),
            heading=_("Change the webhook"),
            back=_address(endpoint),
            refused=form is not None,
            endpoint=endpoint,
        )

    def post(self, request: MemberRequest, uid: uuid.UUID) -> HttpResponse:
        """Change it."""
        endpoint = self.find(uid)
        form = WebhookForm(request.POST)
        if form.is_valid():
            try:
                webhook_change(
                    member=request.member,
                    endpoint=endpoint,
                    wanted=webhook_input(**form.cleaned_data),
                )
            except Refusal as refusal:
                show_in_form(form, refusal)
            else:
                messages.success(request, _("The webhook was changed."))
                return redirect(_address(endpoint))
        return self.get(request, uid, form)


class WebhookSecret(WebhookBase):
    """A new secret, shown once to the session that made it."""

    def get(self, request: MemberRequest, uid: uuid.UUID) -> HttpResponse:
        """Show it the first time; afterwards say that it is not shown again."""
        endpoint = self.find(uid)
        may = request.session.pop(SHOW_SECRET, None) == str(uid)
        secret = secret_text(endpoint.secret_salt) if may else ""
        answer = render(
            request, "portal/webhook_secret.html", {"endpoint": endpoint, "secret": secret}
        )
        answer["Cache-Control"] = "no-store"
        return answer


def _to_secret(request: MemberRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    request.session[SHOW_SECRET] = str(endpoint.uid)
    return redirect("portal:webhook-secret", endpoint.uid)


def _form_page(
    request: MemberRequest, form: WebhookForm, *, refused: bool, **context: Any
) -> HttpResponse:
    return render(
        request,
        "portal/webhook_form.html",
        {"form": form, "kinds": webhook_kinds(), **context},
        status=400 if refused else 200,
    )


def show_in_form(form: forms.Form, refusal: Refusal) -> None:
    """Say in a form why a service refused: at the fields it names, else above all of them."""
    for name, text in refusal.fields or [("", str(refusal))]:
        form.add_error(name if name in form.fields else None, text)


def _address(endpoint: WebhookEndpoint) -> str:
    return reverse("portal:webhook", args=[endpoint.uid])


# --- What is asked first ------------------------------------------------------------------------


def confirm_page(request: MemberRequest, endpoint: WebhookEndpoint, **context: Any) -> HttpResponse:
    """Ask before something is done to an endpoint (UI-4)."""
    back = _address(endpoint)
    frame = {"cancel_url": back, "parent_url": back, "parent_label": _("Webhook")}
    return render(request, "portal/confirm.html", {**frame, **context})


class WebhookRotate(WebhookBase):
    """A new secret."""

    def get(self, request: MemberRequest, uid: uuid.UUID) -> HttpResponse:
        """Ask."""
        endpoint = self.find(uid)
        cost = _("The secret of now counts for another 24 hours: every event is signed with both.")
        if endpoint.secret_overlaps:
            cost = _("You changed it within a day: the secret before that stops counting at once.")
        return confirm_page(
            request,
            endpoint,
            heading=_("Make a new secret?"),
            message=_("It is shown once. Put it into your system at %(url)s.")
            % {"url": endpoint.url},
            cost=cost,
            confirm_label=_("Make a new secret"),
        )

    def post(self, request: MemberRequest, uid: uuid.UUID) -> HttpResponse:
        """Make it and show it, once."""
        endpoint, _secret = webhook_rotate(member=request.member, endpoint=self.find(uid))
        return _to_secret(request, endpoint)


class WebhookStep(WebhookBase):
    """A step that a service takes, with what is said of it."""

    def run(
        self,
        request: MemberRequest,
        endpoint: WebhookEndpoint,
        service: Callable[..., Any],
        done: str,
    ) -> HttpResponse:
        """Call the service, say what came of it and return to the endpoint."""
        try:
            service(member=request.member, endpoint=endpoint)
        except Refusal as refusal:
            messages.error(
                request, "\n".join(text for _field, text in refusal.fields) or str(refusal)
            )
        else:
            messages.success(request, done)
        return redirect(_address(endpoint))


class WebhookPause(WebhookStep):
    """Sending nothing for now."""

    def get(self, request: MemberRequest, uid: uuid.UUID) -> HttpResponse:
        """Ask."""
        endpoint = self.find(uid)
        return confirm_page(
            request,
            endpoint,
            heading=_("Pause this webhook?"),
            message=_("Nothing is sent to %(url)s until you activate it again.")
            % {"url": endpoint.url},
            cost=_("What happens meanwhile is not told later; what waits already stays."),
            confirm_label=_("Pause"),
        )

    def post(self, request: MemberRequest, uid: uuid.UUID) -> HttpResponse:
        """Pause it."""
        return self.run(request, self.find(uid), webhook_pause, _("The webhook is paused."))


class WebhookResume(WebhookStep):
    """Sending again."""

    http_method_names = ["post"]

    def post(self, request: MemberRequest, uid: uuid.UUID) -> HttpResponse:
        """Activate it."""
        return self.run(request, self.find(uid), webhook_resume, _("The webhook is active."))


class WebhookDelete(WebhookBase):
    """Removing an endpoint."""

    def get(self, request: MemberRequest, uid: uuid.UUID) -> HttpResponse:
        """Ask."""
        endpoint = self.find(uid)
        return confirm_page(
            request,
            endpoint,
            heading=_("Remove this webhook?"),
            message=_("Nothing more is sent to %(url)s.") % {"url": endpoint.url},
            cost=_("Its secret and its log are deleted. This cannot be undone."),
            confirm_label=_("Remove"),
            danger=True,
        )

    def post(self, request: MemberRequest, uid: uuid.UUID) -> HttpResponse:
        """Remove it."""
        webhook_delete(member=request.member, endpoint=self.find(uid))
        messages.success(request, _("The webhook was removed."))
        return redirect("portal:webhooks")
