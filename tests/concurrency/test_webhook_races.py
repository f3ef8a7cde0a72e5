"""Workers at one endpoint and publishers of one fact at the same moment (API-1, K-18)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from portal import queueing
from portal.choices import DeliveryState
from portal.models import Seller
from portal.scoping import unscoped
from portal.services import webhook_deliveries, webhook_events
from portal.services.webhook_deliveries import webhooks_deliver
from portal.webhooks import transport
from portal.webhooks.transport import Outcome
from tests.concurrency.forks import Failed, Processes
from tests.portal.webhook_world import deliveries, endpoint_create, happened, receiver

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.django_db(transaction=True),
    pytest.mark.rule("API-1"),
]

WORKERS, EVENTS = 4, 6


def work_at_once(shop: Seller, processes: Processes) -> list[str]:
    """Let workers send what waits at one endpoint; return the ids the receiver got, in order."""
    with receiver() as local:
        # A slow one, so that all look before one is done.
        local.before = lambda: time.sleep(0.05)
        endpoint = endpoint_create(shop, local.url)
        with pytest.MonkeyPatch.context() as nobody_works:
            nobody_works.setattr(queueing, "_run_eagerly", lambda *_sent: None)
            for number in range(EVENTS):
                happened(shop, f"fact {number}")
        assert local.came == []
        for result in processes.run([lambda: webhooks_deliver(endpoint_id=endpoint.pk)] * WORKERS):
            assert not isinstance(result, Failed), result.text
        return [came.headers["webhook-id"] for came in local.came]


def test_workers_at_one_endpoint_make_each_attempt_once(
    shop: Seller, processes: Processes, settings: Any
) -> None:
    settings.WEBHOOK_ALLOW_LOCAL = True
    came = work_at_once(shop, processes)
    assert len(came) == len(set(came)) == EVENTS
    found = processes.ask(lambda: [(one.state, one.attempts) for one in deliveries()])
    assert found == [(DeliveryState.DELIVERED, 1)] * EVENTS


def test_without_the_claim_they_send_more_than_once(
    shop: Seller, processes: Processes, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: look, and then send what is due."""
    settings.WEBHOOK_ALLOW_LOCAL = True
    monkeypatch.setattr(
        webhook_deliveries,
        "_claim",
        lambda pk: webhook_deliveries._next_due(pk, webhook_deliveries.platform_time.wall_clock()),
    )
    came = work_at_once(shop, processes)
    assert len(came) > len(set(came))


def publish_at_once(shop: Seller, processes: Processes) -> tuple[int, int]:
    """Let processes publish one fact; return how many said it was new, and how many deliveries there are."""
    results = processes.run([lambda: happened(shop, "fact")] * WORKERS)
    for result in results:
        assert not isinstance(result, Failed), result.text
    return sum(results), processes.ask(lambda: len(deliveries()))


def test_a_fact_published_by_several_at_once_is_told_once(
    shop: Seller, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "post", lambda *_sent, **_more: Outcome(status=200))
    endpoint_create(shop)
    endpoint_create(shop)
    # All of them look before one has written: the constraint decides.
    look = webhook_events._event

    def slowly(draft: Any) -> Any:
        time.sleep(0.2)
        return look(draft)

    monkeypatch.setattr(webhook_events, "_event", slowly)
    assert publish_at_once(shop, processes) == (1, 2)
    with unscoped():
        assert len({one.event_id for one in processes.ask(deliveries)}) == 1
