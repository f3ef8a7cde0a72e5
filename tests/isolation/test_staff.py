"""What staff pages must not tell, whatever they are asked (K-9, Q-6)."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import RequestFactory

from portal.admin.base import PortalAdmin, hidden_fields
from portal.models import Member, WebhookEndpoint
from tests import factories
from tests.isolation.walk import browser
from tests.portal.webhook_world import endpoint_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("K-9", "Q-6"), pytest.mark.once]

SECRET = {
    "CalendarFeed": {"token_hash"},
    "WebhookEndpoint": {"secret_salt", "previous_salt"},
    "User": {"password"},
}
"""Columns whose values nobody may find out by narrowing a list."""


def test_no_list_is_narrowed_by_what_it_does_not_show(rf: RequestFactory) -> None:
    request = rf.get("/admin/")
    request.user = factories.user_create("root", is_staff=True, is_superuser=True)
    refused = 0
    for model_admin in admin.site._registry.values():
        if not isinstance(model_admin, PortalAdmin):
            continue
        secret = SECRET.get(model_admin.opts.object_name or "", set())
        for name in hidden_fields(model_admin) | secret:
            for lookup in (name, f"{name}__startswith", f"{name}__regex", f"{name}__gt"):
                assert not model_admin.lookup_allowed(lookup, "a", request), (
                    f"{model_admin} {lookup}"
                )
                refused += 1
    assert refused >= 16


def test_a_reviewer_cannot_guess_a_secret_letter_by_letter(owner: Member) -> None:
    reviewer = factories.user_create("reviewer", is_staff=True)
    reviewer.groups.add(Group.objects.get(name="reviewer"))
    endpoint = endpoint_create(owner.seller)
    client, path = browser(reviewer), "/admin/portal/webhookendpoint/"
    salt = WebhookEndpoint._base_manager.get(pk=endpoint.pk).secret_salt
    for start in (salt[:1], "~"):
        assert client.get(path, {"secret_salt__startswith": start}).status_code == 400
    assert client.get(path, {"status": "active"}).status_code == 200
