"""Events on their way: told once, sent until taken, endpoints that are down, forgetting (API-1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal import observability, platform_time
from portal.choices import (
    DeliveryError,
    DeliveryState,
    SellerStatus,
    WebhookDisabled,
    WebhookStatus,
)
from portal.errors import NotAllowed, Refusal
from portal.models import Member, Notice, Seller, WebhookEndpoint, WebhookEvent
from portal.scoping import unscoped
from portal.services import webhook_deliveries, webhook_events
from portal.services.webhook_deliveries import (
    MAX_ATTEMPTS,
    RETRY_AFTER,
    webhook_events_purge,
    webhooks_deliver,
    webhooks_sweep,
)
from portal.services.webhook_events import (
    WebhookDraft,
    deliveries_replay_failed,
    delivery_replay,
    webhook_publish,
    webhook_test,
    webhook_wanted_by,
)
from portal.services.webhooks import webhook_pause, webhook_resume
from portal.webhooks.signing import secret_text
from tests import factories
from tests.portal.test_webhook_signing import verified
from tests.portal.webhook_world import (
    SALT,
    Receiver,
    deliveries,
    endpoint_create,
    happened,
    receiver,
    told,
)

pytestmark = [pytest.mark.rule("API-1"), pytest.mark.django_db, pytest.mark.both_databases]

START = datetime(2026, 5, 5, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


class WallClock:
    """The time that decides about attempts; moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def advance(self, step: timedelta) -> None:
        self.now += step


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch, clock: Any) -> WallClock:
    wall = WallClock()
    monkeypatch.setattr(platform_time, "wall_clock", lambda: wall.now)
    monkeypatch.setattr(webhook_deliveries.random, "uniform", lambda _least, most: most)
    return wall


@pytest.fixture
def local(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW_LOCAL = True
    with receiver() as listening:
        yield listening


@pytest.fixture
def endpoint(shop: Seller, local: Receiver, wall: WallClock) -> WebhookEndpoint:
    return endpoint_create(shop, local.url)


def deliver(endpoint: WebhookEndpoint) -> int:
    return webhooks_deliver(endpoint_id=endpoint.pk)


def now(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    with unscoped():
        return WebhookEndpoint.objects.get(pk=endpoint.pk)


# --- Telling ------------------------------------------------------------------------------------


def test_a_fact_is_told_once_to_each_endpoint_that_wants_it(
    shop: Seller, other_shop: Seller, clock: Any
) -> None:
    wants = endpoint_create(shop, events=["quote.replied"])
    endpoint_create(shop, events=["star.assessed"])
    endpoint_create(shop, status=WebhookStatus.PAUSED)
    endpoint_create(other_shop)
    assert happened(shop, "fact") == 1
    assert happened(shop, "fact") == 0  # again
    assert happened(other_shop, "fact") == 1  # a fact of its own
    assert [(one.endpoint.seller_id, one.endpoint_id) for one in deliveries()] == [
        (shop.pk, wants.pk),
        (other_shop.pk, deliveries()[1].endpoint_id),
    ]


def test_shops_that_nobody_listens_for_leave_no_row(shop: Seller, clock: Any) -> None:
    assert happened(shop) == 0
    endpoint = endpoint_create(shop, events=["star.assessed"])
    assert happened(shop) == 0
    with unscoped():
        Seller.objects.filter(pk=shop.pk).update(status=SellerStatus.CLOSED)
    assert happened(shop, type="star.assessed") == 0
    with unscoped():
        assert not WebhookEvent.objects.exists()
        assert not webhook_wanted_by("star.assessed")
        Seller.objects.filter(pk=shop.pk).update(status=SellerStatus.ACTIVE)
        assert list(webhook_wanted_by("star.assessed")) == [{"endpoint__seller_id": shop.pk}]
    assert endpoint.pk


def test_an_endpoint_added_later_is_not_told_of_the_past(shop: Seller, clock: Any) -> None:
    endpoint_create(shop)
    happened(shop, "fact")
    endpoint_create(shop)
    assert happened(shop, "fact") == 0
    assert len(deliveries()) == 1


def test_a_type_nobody_registered_is_a_mistake(shop: Seller, clock: Any) -> None:
    with pytest.raises(ValueError, match=r"quote\.lost"):
        happened(shop, type="quote.lost")


def test_many_facts_cost_as_many_statements_as_few(category: Any, clock: Any) -> None:
    def drafts(shops: list[Seller]) -> list[WebhookDraft]:
        at = platform_time.now()
        return [WebhookDraft("star.assessed", "x", shop.pk, at, {"star": 1}) for shop in shops]

    def counted(names: range) -> int:
        shops = [factories.seller_create(category, member_id=f"s{n}") for n in names]
        for shop in shops[::2]:
            endpoint_create(shop)
        with CaptureQueriesContext(connection) as queries:
            assert webhook_publish(drafts(shops)) == len(shops[::2])
        return len(queries)

    assert counted(range(4)) == counted(range(10, 40)) <= 9


# --- Sending ------------------------------------------------------------------------------------


def test_what_arrives(shop: Seller, endpoint: WebhookEndpoint, local: Receiver) -> None:
    happened(shop, rfq="R1", title="灯 <b>")
    assert deliver(endpoint) == 1
    (came,) = local.came
    (delivery,) = deliveries()
    assert came.payload == {
        "id": delivery.event.external_id,
        "type": "quote.replied",
        "version": 1,
        "timestamp": "2022-08-03T19:00:00Z",
        "shop": "cn1001",
        "data": {"rfq": "R1", "title": "灯 <b>"},
    }
    assert came.headers["webhook-id"] == came.payload["id"]
    assert came.headers["webhook-timestamp"] == str(int(START.timestamp()))
    assert came.headers["content-type"] == "application/json"
    assert verified(secret_text(SALT), came.headers, came.body)
    assert (delivery.state, delivery.attempts, delivery.status) == (DeliveryState.DELIVERED, 1, 200)
    assert (delivery.delivered_at, delivery.excerpt) == (START, "thanks")
    # Delivered is delivered.
    assert deliver(endpoint) == 0
    assert len(local.came) == 1


def test_commit_hands_it_over_at_once(
    shop: Seller,
    endpoint: WebhookEndpoint,
    local: Receiver,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        happened(shop)
        assert local.came == []
    assert len(local.came) == 1


def test_many_endpoints_are_left_to_one_sweep(
    shop: Seller,
    endpoint: WebhookEndpoint,
    local: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    monkeypatch.setattr(webhook_events, "PUSH_AT_ONCE", 1)
    second = endpoint_create(shop, local.url)
    with django_capture_on_commit_callbacks(execute=True):
        happened(shop)
    assert {one.endpoint_id for one in deliveries() if one.delivered_at} == {endpoint.pk, second.pk}


def test_it_is_tried_for_three_days_under_one_id_and_then_given_up(
    shop: Seller, endpoint: WebhookEndpoint, local: Receiver, wall: WallClock
) -> None:
    happened(shop)
    local.answers = [500] * MAX_ATTEMPTS
    for attempt, wait in enumerate(RETRY_AFTER, start=1):
        assert deliver(endpoint) == 0
        assert len(local.came) == attempt
        (delivery,) = deliveries()
        assert delivery.due_at == wall.now + wait * 1.1
        wall.advance(wait * 1.1 - timedelta(seconds=1))
        deliver(endpoint)
        assert len(local.came) == attempt  # a second too early
        wall.advance(timedelta(seconds=1))
    deliver(endpoint)
    (delivery,) = deliveries()
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, MAX_ATTEMPTS)
    assert (delivery.status, delivery.error, delivery.due_at) == (500, DeliveryError.STATUS, None)
    assert timedelta(days=3) < sum(RETRY_AFTER, timedelta()) < timedelta(days=4)
    wall.advance(30 * DAY)
    deliver(endpoint)
    assert len(local.came) == MAX_ATTEMPTS
    assert len({came.headers["webhook-id"] for came in local.came}) == 1
    assert len({came.body for came in local.came}) == 1
    assert len({came.headers["webhook-timestamp"] for came in local.came}) == MAX_ATTEMPTS


def test_one_that_fails_first_and_is_taken_then(
    shop: Seller, endpoint: WebhookEndpoint, local: Receiver, wall: WallClock
) -> None:
    happened(shop)
    local.answers = [503]
    deliver(endpoint)
    assert now(endpoint).failures == 1
    wall.advance(MINUTE)
    assert deliver(endpoint) == 1
    healed = now(endpoint)
    assert (healed.failures, healed.failing_since, healed.resting_until) == (0, None, None)


def test_an_endpoint_that_is_down_costs_one_attempt_however_much_waits(
    shop: Seller, endpoint: WebhookEndpoint, local: Receiver, wall: WallClock
) -> None:
    for _number in range(5):
        happened(shop)
    local.answers = [500, 500]
    deliver(endpoint)
    assert webhooks_sweep() == 0  # it is left alone for 30 seconds
    assert deliver(endpoint) == 0
    assert len(local.came) == 1
    wall.advance(timedelta(seconds=30))
    assert webhooks_sweep() == 1
    assert len(local.came) == 2  # and failed again: now a minute
    wall.advance(timedelta(seconds=59))
    assert webhooks_sweep() == 0
    wall.advance(timedelta(seconds=1))
    assert webhooks_sweep() == 1
    assert len(local.came) == 2 + 5
    assert {one.state for one in deliveries()} == {DeliveryState.DELIVERED}


def test_rests_grow_to_half_an_hour(
    shop: Seller, endpoint: WebhookEndpoint, local: Receiver, wall: WallClock
) -> None:
    local.answers = [500] * 20
    rests = []
    for _number in range(9):
        happened(shop)
        deliver(endpoint)
        until = now(endpoint).resting_until
        assert until is not None
        rests.append((until - wall.now).total_seconds())
        wall.now = until
    assert rests == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]


# --- Disabling ----------------------------------------------------------------------------------


def test_410_disables_at_once_and_tells_the_owner(
    owner: Member, colleague: Member, shop: Seller, endpoint: WebhookEndpoint, local: Receiver
) -> None:
    happened(shop)
    happened(shop)
    local.answers = [410]
    deliver(endpoint)
    gone = now(endpoint)
    assert (gone.status, gone.disabled_reason) == (WebhookStatus.DISABLED, WebhookDisabled.GONE)
    assert [one.state for one in deliveries()] == [DeliveryState.FAILED] * 2
    with unscoped():
        (notice,) = Notice.objects.all()
    assert (notice.user, notice.kind) == (owner.user, "webhook_disabled")
    assert notice.title == f"A webhook was disabled: {local.url}"
    assert notice.link == f"/webhooks/{endpoint.uid}/"
    assert deliver(endpoint) == 0
    assert len(local.came) == 1


def test_days_of_failures_alone_disable(
    owner: Member, shop: Seller, endpoint: WebhookEndpoint, local: Receiver, wall: WallClock
) -> None:
    local.answers = [500] * 3
    happened(shop)
    deliver(endpoint)
    wall.advance(5 * DAY - timedelta(seconds=1))
    happened(shop)
    deliver(endpoint)
    assert now(endpoint).status == WebhookStatus.ACTIVE
    wall.advance(MINUTE)
    deliver(endpoint)
    assert now(endpoint).disabled_reason == WebhookDisabled.FAILING


def test_a_success_in_between_starts_the_days_anew(
    owner: Member, shop: Seller, endpoint: WebhookEndpoint, local: Receiver, wall: WallClock
) -> None:
    local.answers = [500, 200, 500]
    happened(shop)
    deliver(endpoint)
    wall.advance(DAY)
    deliver(endpoint)
    wall.advance(5 * DAY)
    happened(shop)
    deliver(endpoint)
    assert now(endpoint).status == WebhookStatus.ACTIVE


def test_what_a_disabled_endpoint_misses_can_be_replayed(
    owner: Member, shop: Seller, endpoint: WebhookEndpoint, local: Receiver
) -> None:
    local.answers = [410]
    happened(shop)
    deliver(endpoint)
    happened(shop)
    assert deliver(endpoint) == 0
    with unscoped():
        (_gone, missed) = deliveries()
    assert (missed.state, missed.error) == (DeliveryState.FAILED, DeliveryError.DISABLED)
    with pytest.raises(Refusal) as refused:
        delivery_replay(member=owner, delivery=missed)
    assert refused.value.code == "not_active"
    webhook_resume(member=owner, endpoint=endpoint)
    since = platform_time.now() - DAY
    assert deliveries_replay_failed(member=owner, endpoint=endpoint, since=since) == 2
    assert deliver(endpoint) == 2
    assert deliveries()[0].replays == 1
    assert local.came[0].headers["webhook-id"] == local.came[1].headers["webhook-id"]
    assert deliveries_replay_failed(member=owner, endpoint=endpoint, since=since) == 0


def test_what_waits_at_a_paused_endpoint_goes_out_when_it_is_active(
    owner: Member, shop: Seller, endpoint: WebhookEndpoint, local: Receiver
) -> None:
    happened(shop)
    webhook_pause(member=owner, endpoint=endpoint)
    assert happened(shop) == 0
    assert deliver(endpoint) == 0
    assert webhooks_sweep() == 0
    webhook_resume(member=owner, endpoint=endpoint)
    assert deliver(endpoint) == 1


def test_an_endpoint_removed_while_it_is_sent_to(
    shop: Seller, endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened(shop)

    def removed(*_args: Any, **_options: Any) -> Any:
        now(endpoint).delete()
        return webhook_deliveries.transport.Outcome(status=200)

    monkeypatch.setattr(webhook_deliveries.transport, "post", removed)
    with unscoped():
        assert deliver(endpoint) == 0
    assert deliveries() == []


# --- Replays and tests --------------------------------------------------------------------------


def test_one_event_is_sent_again_under_its_id(
    owner: Member, viewer: Member, shop: Seller, endpoint: WebhookEndpoint, local: Receiver
) -> None:
    happened(shop)
    (delivery,) = deliveries()
    with pytest.raises(Refusal) as refused:
        delivery_replay(member=owner, delivery=delivery)
    assert refused.value.code == "still_waiting"
    deliver(endpoint)
    with pytest.raises(NotAllowed):
        delivery_replay(member=viewer, delivery=delivery)
    again = delivery_replay(member=owner, delivery=delivery)
    assert (again.state, again.attempts, again.replays) == (DeliveryState.PENDING, 0, 1)
    deliver(endpoint)
    first, second = local.came
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_what_failed_is_replayed_from_the_day_on(
    owner: Member, shop: Seller, endpoint: WebhookEndpoint, clock: Any
) -> None:
    midnight = platform_time.start_of(platform_time.today())
    for at in (midnight - timedelta(microseconds=1), midnight):
        webhook_publish([WebhookDraft("quote.replied", at.isoformat(), shop.pk, at, {})])
    with unscoped():
        endpoint.deliveries.update(state=DeliveryState.FAILED, due_at=None)
    assert deliveries_replay_failed(member=owner, endpoint=endpoint, since=midnight) == 1
    assert [one.state for one in deliveries()] == [DeliveryState.FAILED, DeliveryState.PENDING]


def test_a_test_event_goes_to_its_endpoint_alone_and_not_too_often(
    owner: Member, viewer: Member, shop: Seller, endpoint: WebhookEndpoint, local: Receiver,
    wall: WallClock,
) -> None:  # fmt: skip
    endpoint_create(shop, local.url)
    with pytest.raises(NotAllowed):
        webhook_test(member=viewer, endpoint=endpoint)
    local.answers = [500]
    happened(shop)
    deliver(endpoint)
    webhook_test(member=owner, endpoint=endpoint)
    deliver(endpoint)  # although the endpoint was left alone
    assert local.came[-1].payload["type"] == "webhook.test"
    for _number in range(4):
        webhook_test(member=owner, endpoint=endpoint)
    with pytest.raises(Refusal) as refused:
        webhook_test(member=owner, endpoint=endpoint)
    assert refused.value.code == "too_many_tests"
    wall.advance(MINUTE)
    webhook_test(member=owner, endpoint=endpoint)


# --- Forgetting ---------------------------------------------------------------------------------


def test_old_events_are_forgotten_and_what_waits_is_kept(
    shop: Seller, endpoint: WebhookEndpoint, local: Receiver, wall: WallClock
) -> None:
    happened(shop, "old")
    deliver(endpoint)
    happened(shop, "waits")
    wall.advance(30 * DAY)
    happened(shop, "new")
    assert webhook_events_purge() == 0
    wall.advance(timedelta(seconds=1))
    assert webhook_events_purge() == 1
    assert [one.event.key for one in deliveries()] == ["waits", "new"]


def test_what_prometheus_sees(
    shop: Seller, endpoint: WebhookEndpoint, local: Receiver, wall: WallClock
) -> None:
    def figures() -> list[float]:
        text = observability.exposition().decode()
        names = ("webhooks_waiting", "webhooks_overdue_seconds", "webhooks_failed",
                 "webhook_endpoints_failing", "webhook_endpoints_disabled")  # fmt: skip
        return [float(re.findall(rf"^portal_{name} (.+)$", text, re.M)[0]) for name in names]

    assert figures() == [0, 0, 0, 0, 0]
    happened(shop)
    wall.advance(MINUTE)
    assert figures() == [1, 60, 0, 0, 0]
    local.answers = [500, 410]
    deliver(endpoint)
    assert figures() == [1, 0, 0, 1, 0]
    wall.advance(MINUTE)
    deliver(endpoint)
    assert figures() == [0, 0, 1, 0, 1]


def test_instants_and_days_are_told_as_the_api_does(shop: Seller, clock: Any) -> None:
    endpoint_create(shop)
    happened(shop, day=platform_time.today(), at=platform_time.now(), rights={"pin": None})
    ((_shop, _type, data),) = told()
    assert data == {"day": "2022-08-03", "at": "2022-08-03T19:00:00Z", "rights": {"pin": None}}
