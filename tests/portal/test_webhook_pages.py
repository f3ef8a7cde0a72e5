"""Webhooks in a browser and over the API: the owner's alone, secrets shown once (API-1, K-7, K-8)."""

from __future__ import annotations

import re
import socket
import uuid
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from portal.choices import DeliveryState, WebhookDisabled, WebhookStatus
from portal.models import Member, Seller, User, WebhookEndpoint
from portal.scoping import unscoped
from portal.services.webhooks import webhook_disable
from portal.webhooks import addresses, transport
from portal.webhooks.signing import secret_text
from portal.webhooks.transport import Outcome
from tests.portal.webhook_world import deliveries, endpoint_create, happened

pytestmark = [pytest.mark.rule("API-1", "K-7", "K-8"), pytest.mark.django_db]

URL = "https://erp.example.com/hooks"
API = "/api/v1/webhooks"
EVENTS = ["quote.replied", "score.assessed"]


@pytest.fixture(autouse=True)
def internet(monkeypatch: pytest.MonkeyPatch) -> None:
    """One public name; whatever is sent is taken."""

    def getaddrinfo(host: str, port: int, *_args: Any, **_options: Any) -> list[Any]:
        found = {"erp.example.com": "93.184.215.14", "inside.example.com": "10.0.0.1"}.get(host)
        if found is None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(0, 0, 0, "", (found, port))]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(
        transport, "post", lambda *_args, **_options: Outcome(status=200, excerpt="<i>ok</i>")
    )


def endpoints() -> list[WebhookEndpoint]:
    with unscoped():
        return list(WebhookEndpoint.objects.prefetch_related("subscriptions").order_by("pk"))


def audited() -> list[LogEntry]:
    rows = LogEntry.objects.filter(additional_data__action__startswith="webhook.")
    return list(rows.order_by("pk"))


def page(endpoint: WebhookEndpoint, name: str = "webhook", *more: Any) -> str:
    return reverse(f"portal:{name}", args=[endpoint.uid, *more])


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


# --- Pages --------------------------------------------------------------------------------------


def test_the_owner_adds_one_and_sees_its_secret_once(owner_client: Client) -> None:
    empty = owner_client.get(reverse("portal:webhooks"))
    assert "No webhooks yet" in text_of(empty)
    form = {"url": f" {URL} ", "events": EVENTS, "description": "ERP"}
    added = owner_client.post(reverse("portal:webhook-new"), form)
    (endpoint,) = endpoints()
    assert (endpoint.url, endpoint.event_types, endpoint.description) == (URL, EVENTS, "ERP")
    assert added["Location"] == page(endpoint, "webhook-secret")
    secret = secret_text(endpoint.secret_salt)
    shown = owner_client.get(added["Location"])
    assert secret in shown.content.decode()
    assert shown["Cache-Control"] == "no-store"
    again = owner_client.get(added["Location"])
    assert secret not in again.content.decode()
    assert "this one was" in text_of(again)
    listed = owner_client.get(reverse("portal:webhooks"))
    assert URL in text_of(listed)
    for response in (listed, owner_client.get(page(endpoint))):
        assert secret not in response.content.decode()
        assert endpoint.secret_salt not in response.content.decode()


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"url": "http://erp.example.com/"}, "url", "has to begin with https://"),
        ({"url": "https://inside.example.com/"}, "url", "is not on the public internet"),
        ({"url": "https://nowhere.example.com/"}, "url", "is not known"),
        ({"url": ""}, "url", "This field is required"),
        ({"events": []}, "events", "This field is required"),
        ({"events": ["quote.lost"]}, "events", "Select a valid choice"),
        ({"description": "a\x00b"}, "description", "Null characters"),
        ({"description": "x" * 201}, "description", "at most 200"),
    ],
)
def test_mistakes_are_told_at_their_field_and_change_nothing(
    owner_client: Client, changes: dict[str, Any], field: str, text: str
) -> None:
    form = {"url": URL, "events": EVENTS, "description": "ERP", **changes}
    response = owner_client.post(reverse("portal:webhook-new"), form)
    assert response.status_code == 400
    assert text in str(response.context["form"].errors[field])
    assert endpoints() == []


def test_changing_pausing_activating_and_removing(owner_client: Client, shop: Seller) -> None:
    endpoint = endpoint_create(shop)
    assert endpoint.url in owner_client.get(page(endpoint, "webhook-edit")).content.decode()
    form = {"url": URL + "?new", "events": ["star.assessed"], "description": ""}
    owner_client.post(page(endpoint, "webhook-edit"), form)
    (changed,) = endpoints()
    assert (changed.url, changed.event_types) == (URL + "?new", ["star.assessed"])
    for name, status in (("webhook-pause", "paused"), ("webhook-resume", "active")):
        if name != "webhook-resume":
            assert owner_client.get(page(endpoint, name)).status_code == 200
            assert endpoints()[0].status != status  # asking changes nothing
        owner_client.post(page(endpoint, name))
        assert endpoints()[0].status == status
    assert owner_client.get(page(endpoint, "webhook-delete")).status_code == 200
    owner_client.post(page(endpoint, "webhook-delete"))
    assert endpoints() == []
    assert [entry.additional_data["action"] for entry in audited()] == [
        "webhook.change",
        "webhook.pause",
        "webhook.resume",
        "webhook.delete",
    ]


def test_a_new_secret_and_the_old_one_for_a_day(owner_client: Client, shop: Seller) -> None:
    endpoint = endpoint_create(shop)
    asked = owner_client.get(page(endpoint, "webhook-rotate"))
    assert "another 24 hours" in text_of(asked)
    shown = owner_client.post(page(endpoint, "webhook-rotate"), follow=True)
    (rotated,) = endpoints()
    assert secret_text(rotated.secret_salt) in shown.content.decode()
    assert rotated.previous_salt == endpoint.secret_salt
    assert rotated.secret_overlaps
    (entry,) = audited()
    assert rotated.secret_salt not in str(entry.changes)


def test_trying_out_looking_at_it_and_sending_it_again(
    owner_client: Client, shop: Seller, django_capture_on_commit_callbacks: Any
) -> None:
    endpoint = endpoint_create(shop)
    with django_capture_on_commit_callbacks(execute=True):
        sent = owner_client.post(page(endpoint, "webhook-test"))
    shown = owner_client.get(sent["Location"])
    assert "Delivered" in text_of(shown)
    assert "&lt;i&gt;ok&lt;/i&gt;" in shown.content.decode()
    assert "webhook.test" in shown.content.decode()
    (delivery,) = deliveries()
    event = delivery.event.external_id
    assert owner_client.get(page(endpoint, "webhook-delivery-replay", event)).status_code == 405
    owner_client.post(page(endpoint, "webhook-delivery-replay", event))
    assert deliveries()[0].state == DeliveryState.PENDING
    assert "Send again" not in text_of(owner_client.get(sent["Location"]))


def test_the_log_is_filtered_and_what_failed_is_replayed(
    owner_client: Client, shop: Seller, clock: Any
) -> None:
    endpoint = endpoint_create(shop)
    for number in range(3):
        happened(shop, rfq=f"R{number}")
    happened(shop, type="star.assessed")
    with unscoped():
        failed = endpoint.deliveries.order_by("pk")[:2]
        endpoint.deliveries.filter(pk__in=[one.pk for one in failed]).update(
            state=DeliveryState.FAILED, due_at=None, error="timeout", status=None
        )
    assert _rows(owner_client, endpoint) == 4
    assert _rows(owner_client, endpoint, state="failed") == 2
    assert _rows(owner_client, endpoint, type="star.assessed") == 1
    assert _rows(owner_client, endpoint, since="2022-08-04") == 0
    assert "did not answer in time" in text_of(owner_client.get(page(endpoint)))
    asked = owner_client.get(page(endpoint, "webhook-replay"), {"since": "2022-08-03"})
    assert 'name="since" value="2022-08-03"' in asked.content.decode()
    assert owner_client.get(page(endpoint, "webhook-replay")).status_code == 400
    owner_client.post(page(endpoint, "webhook-replay"), {"since": "2022-08-03"})
    assert _rows(owner_client, endpoint, state="failed") == 0


def _rows(client: Client, endpoint: WebhookEndpoint, **filters: str) -> int:
    response = client.get(page(endpoint), filters)
    assert response.status_code == 200
    return int(response.context["page_obj"].paginator.count)


@pytest.mark.both_databases
def test_pages_cost_the_same_however_long_the_log(
    owner_client: Client, shop: Seller, clock: Any
) -> None:
    endpoint = endpoint_create(shop)
    addresses_of_pages = [
        reverse("portal:webhooks"),
        page(endpoint),
        f"{API}/{endpoint.uid}/deliveries",
    ]

    def counted() -> list[int]:
        found = []
        for address in addresses_of_pages:
            owner_client.get(address)
            with CaptureQueriesContext(connection) as queries:
                assert owner_client.get(address).status_code == 200
            found.append(len(queries))
        return found

    happened(shop)
    few = counted()
    for _number in range(5):
        happened(shop)
        endpoint_create(shop)
    assert counted() == few


def test_only_owners_see_webhooks_and_strangers_find_nothing(
    viewer_client: Client,
    colleague_client: Client,
    stranger_client: Client,
    shop: Seller,
    clock: Any,
) -> None:
    endpoint = endpoint_create(shop)
    happened(shop)
    (delivery,) = deliveries()
    event = delivery.event.external_id
    plain = [page(endpoint, name) for name in ("webhook", "webhook-edit", "webhook-secret",
             "webhook-rotate", "webhook-pause", "webhook-delete")]  # fmt: skip
    plain.append(page(endpoint, "webhook-delivery", event))
    posts = [page(endpoint, name) for name in ("webhook-edit", "webhook-rotate", "webhook-pause",
             "webhook-resume", "webhook-delete", "webhook-test", "webhook-replay")]  # fmt: skip
    posts.append(page(endpoint, "webhook-delivery-replay", event))
    for client in (viewer_client, colleague_client):
        assert client.get(reverse("portal:webhooks")).status_code == 403
        assert {client.get(address).status_code for address in plain} == {403}
        assert {client.post(address).status_code for address in posts} == {403}
        assert client.post(reverse("portal:webhook-new"), {"url": URL}).status_code == 403
        assert "Webhooks" not in text_of(client.get(reverse("portal:shop")))
    assert {stranger_client.get(address).status_code for address in plain} == {404}
    assert {stranger_client.post(address).status_code for address in posts} == {404}
    assert [one.status for one in endpoints()] == [WebhookStatus.ACTIVE]
    assert [one.state for one in deliveries()] == [DeliveryState.PENDING]


# --- API ----------------------------------------------------------------------------------------


def test_the_api_does_what_the_pages_do(
    owner_api: APIClient, django_capture_on_commit_callbacks: Any
) -> None:
    made = owner_api.post(API, {"url": URL, "events": EVENTS}).json()
    (endpoint,) = endpoints()
    assert made["id"] == str(endpoint.uid)
    assert made["secret"] == secret_text(endpoint.secret_salt)
    one = f"{API}/{made['id']}"
    shown = owner_api.get(one).json()
    assert "secret" not in shown
    assert (shown["events"], shown["status"]) == (EVENTS, "active")
    assert [row["id"] for row in owner_api.get(API).json()["results"]] == [made["id"]]
    changed = owner_api.patch(one, {"events": ["star.assessed"]}).json()
    assert (changed["events"], changed["url"]) == (["star.assessed"], URL)
    rotated = owner_api.post(f"{one}/rotate").json()
    assert rotated["secret"] != made["secret"]
    assert rotated["secret_overlaps_until"]
    assert owner_api.post(f"{one}/pause").json()["status"] == "paused"
    assert owner_api.post(f"{one}/pause").json()["code"] == "not_active"
    assert owner_api.post(f"{one}/test").json()["code"] == "not_active"
    assert owner_api.post(f"{one}/resume").json()["status"] == "active"
    assert owner_api.post(f"{one}/resume").json()["code"] == "already_active"
    with django_capture_on_commit_callbacks(execute=True):
        tested = owner_api.post(f"{one}/test")
    assert (tested.status_code, tested.json()["payload"]["type"]) == (201, "webhook.test")
    event = tested.json()["event"]
    delivered = owner_api.get(f"{one}/deliveries/{event}").json()
    assert (delivered["state"], delivered["status"], delivered["attempts"]) == ("delivered", 200, 1)
    assert delivered["payload"]["id"] == event
    log = owner_api.get(f"{one}/deliveries?state=delivered&type=webhook.test").json()["results"]
    assert [row["event"] for row in log] == [event]
    assert owner_api.get(f"{one}/deliveries?state=failed").json()["results"] == []
    assert len(owner_api.get(f"{one}/deliveries?first_day=2022-01-01").json()["results"]) == 1
    again = owner_api.post(f"{one}/deliveries/{event}/replay").json()
    assert (again["state"], again["replays"]) == ("pending", 1)
    assert owner_api.post(f"{one}/deliveries/{event}/replay").json()["code"] == "still_waiting"
    replayed = owner_api.post(f"{one}/replay", {"since": "2022-01-01T00:00:00Z"})
    assert replayed.json() == {"replayed": 0}
    assert owner_api.delete(one).status_code == 204
    assert owner_api.get(one).status_code == 404


def test_a_repeated_request_adds_no_second_endpoint_and_gets_the_secret_again(
    owner_api: APIClient,
) -> None:
    body = {"url": URL, "events": EVENTS}
    first = owner_api.post(API, body, headers={"Idempotency-Key": "k"})
    second = owner_api.post(API, body, headers={"Idempotency-Key": "k"})
    assert second["Idempotent-Replayed"] == "true"
    assert first.json() == second.json()
    assert len(endpoints()) == 1
    with unscoped():
        from portal.models import IdempotentAnswer

        assert "whsec_" not in str(IdempotentAnswer.objects.get().answer)


def test_problems_of_the_api(owner_api: APIClient, shop: Seller) -> None:
    wrong = owner_api.post(API, {"url": "https://inside.example.com/", "events": ["quote.lost"]})
    assert wrong.status_code == 400
    assert [row["field"] for row in wrong.json()["errors"]] == ["url", "events"]
    endpoint = endpoint_create(shop)
    for event in ("evt_", "evt_" + "z" * 32, "nonsense", f"evt_{uuid.uuid4().hex}"):
        assert owner_api.get(f"{API}/{endpoint.uid}/deliveries/{event}").status_code == 404
    assert owner_api.get(f"{API}/{uuid.uuid4()}/deliveries").status_code == 404
    for asked in ("state=lost", "type=quote.lost", "first_day=yesterday", "since=2022-08-01"):
        refused = owner_api.get(f"{API}/{endpoint.uid}/deliveries?{asked}")
        assert refused.status_code == 400
        assert [row["field"] for row in refused.json()["errors"]] == [asked.split("=")[0]]
    for since in ("x", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        refused = owner_api.post(f"{API}/{endpoint.uid}/replay", {"since": since})
        assert refused.status_code in (200, 400)
    for _number in range(9):
        endpoint_create(shop)
    full = owner_api.post(API, {"url": URL, "events": EVENTS})
    assert (full.status_code, full.json()["code"]) == (409, "too_many")


def test_the_api_is_the_owners_alone_and_of_one_shop(
    viewer_api: APIClient,
    colleague_api: APIClient,
    stranger_api: APIClient,
    shop: Seller,
    clock: Any,
) -> None:
    endpoint = endpoint_create(shop)
    happened(shop)
    event = deliveries()[0].event.external_id
    one = f"{API}/{endpoint.uid}"
    calls = [("get", one), ("patch", one), ("delete", one), ("get", f"{one}/deliveries"),
             ("get", f"{one}/deliveries/{event}"), ("post", f"{one}/deliveries/{event}/replay")]  # fmt: skip
    calls += [("post", f"{one}/{name}") for name in ("rotate", "pause", "resume", "test", "replay")]
    for client in (viewer_api, colleague_api):
        assert client.get(API).status_code == 403
        assert client.post(API, {"url": URL, "events": EVENTS}).status_code == 403
        assert {getattr(client, verb)(address).status_code for verb, address in calls} == {403}
    assert {getattr(stranger_api, verb)(address).status_code for verb, address in calls} == {404}
    assert stranger_api.get(API).json()["results"] == []
    assert len(endpoints()) == 1


def test_the_events_there_are(viewer_api: APIClient) -> None:
    kinds = viewer_api.get("/api/v1/webhook-events").json()["results"]
    assert [kind["type"] for kind in kinds] == [
        "certificate.decided", "quote.replied", "score.assessed", "star.assessed",
    ]  # fmt: skip
    assert all(kind["example"] and kind["about"] for kind in kinds)


# --- Staff --------------------------------------------------------------------------------------


def test_staff_look_and_disable_after_asking(
    staff_client: Client, staff: User, owner: Member, owner_client: Client, shop: Seller, clock: Any
) -> None:
    endpoint = endpoint_create(shop)
    happened(shop)
    listed = staff_client.get(reverse("admin:portal_webhookdelivery_changelist"), {"q": "cn1001"})
    assert "quote.replied" in listed.content.decode()
    sheet = reverse("admin:portal_webhookdelivery_change", args=[deliveries()[0].pk])
    assert "quote.replied" in staff_client.get(sheet).content.decode()
    shown = staff_client.get(reverse("admin:portal_webhookendpoint_change", args=[endpoint.pk]))
    assert endpoint.secret_salt not in shown.content.decode()
    address = reverse("admin:portal_webhookendpoint_disable", args=[endpoint.pk])
    assert endpoint.url in staff_client.get(address).content.decode()
    assert endpoints()[0].is_active
    staff_client.post(address)
    (disabled,) = endpoints()
    assert disabled.disabled_reason == WebhookDisabled.STAFF
    (entry,) = LogEntry.objects.get_for_object(endpoint)
    assert (entry.actor, entry.additional_data["action"]) == (staff, "webhook.disable")
    assert "Ask the platform" in text_of(owner_client.get(page(endpoint)))
    owner_client.post(page(endpoint, "webhook-resume"))
    assert not endpoints()[0].is_active
    staff_client.post(reverse("admin:portal_webhookendpoint_enable", args=[endpoint.pk]))
    assert endpoints()[0].is_active


def test_who_may_only_look_disables_nothing(staff_client: Client, shop: Seller) -> None:
    from django.contrib.auth.models import Group

    from portal.errors import NotAllowed
    from tests import factories

    endpoint = endpoint_create(shop)
    reviewer = factories.user_create("reviewer", is_staff=True)
    reviewer.groups.add(Group.objects.get(name="reviewer"))
    client = Client()
    client.force_login(reviewer, backend="django.contrib.auth.backends.ModelBackend")
    sheet = reverse("admin:portal_webhookendpoint_change", args=[endpoint.pk])
    assert client.get(sheet).status_code == 200
    address = reverse("admin:portal_webhookendpoint_disable", args=[endpoint.pk])
    assert client.get(address).status_code == 403
    assert client.post(address).status_code == 403
    with pytest.raises(NotAllowed):
        webhook_disable(actor=reviewer, endpoint=endpoint)
    assert endpoints()[0].is_active
