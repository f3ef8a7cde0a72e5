"""Calls that spend: repeated under one key they spend once (API-1)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from portal.choices import Role
from portal.scoping import unscoped
from tests import factories
from tests.api.aims import Aims, body_of, prepare
from tests.api.driver import operation_name, schema_of
from tests.api.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.rule("API-1"), pytest.mark.once]

SPENDING = {
    "rfq_rfqs_quotes_create": "quote and gold rights, passes, pins",
    "rfq_quotes_pin_create": "a pin right",
    "rfq_rfqs_offers_create": "the one offer a shop has on an RFQ Pro",
    "rfq_challenge_claim_create": "what the month's trade has earned",
    "growth_packs_claim_create": "a place of a pack",
    "growth_rewards_choose_create": "the choice of a coupon, for good",
    "growth_rewards_use_create": "the coupon itself",
    "compliance_certificates_create": "files and a place in the reviewers' queue",
    "webhooks_create": "one of ten endpoints",
}
"""POST that spends → what."""


@pytest.fixture
def operations(world: World) -> dict[str, Any]:
    """The operations of the schema by name."""
    schema = schema_of(world.people["owner"])
    return {operation_name(one.ok()): one.ok() for one in schema.get_all_operations()}


def post(client: APIClient, path: str, body: Any, key: str) -> Any:
    """Send a JSON body under a key."""
    return client.post(path, body or {}, format="json", headers={"Idempotency-Key": key})


def client_of(world: World, name: str) -> APIClient:
    """Return a client with the token of a person of the world."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=world.people[name].headers["Authorization"])
    return client


def test_every_call_that_spends_takes_a_key(operations: dict[str, Any]) -> None:
    takes = {
        name
        for name, operation in operations.items()
        if any(one.name == "Idempotency-Key" for one in operation.headers)
    }
    assert takes == set(SPENDING)


@pytest.mark.parametrize("name", sorted(set(SPENDING) - {"compliance_certificates_create"}))
def test_repeated_it_spends_once(world: World, operations: dict[str, Any], name: str) -> None:
    operation, owner = operations[name], client_of(world, "owner")
    prepare(name, world, "A")
    body = body_of(name, world, "A")
    for number, ids in enumerate(Aims(world).own(operation.path, "A") or [{}]):
        path, key = operation.path.format(**ids), f"mine-{number}"
        first = post(owner, path, body, key)
        if first.status_code < 300:
            break
    assert first.status_code < 300, first.content
    after = world.fingerprint("A")

    again = post(owner, path, body, key)
    assert (again.status_code, again["Idempotent-Replayed"]) == (first.status_code, "true")
    assert json.loads(again.content) == json.loads(first.content)
    other = post(owner, path, {**(body or {}), "note": "another body"}, key)
    assert (other.status_code, other.json()["code"]) in (
        (409, "idempotency_key_reused"),
        (400, "invalid"),  # what is not valid is told first
    )
    assert "Idempotent-Replayed" not in other
    assert world.fingerprint("A") == after

    with unscoped():
        second = factories.member_create(world.shops["A"], Role.OWNER, "second-owner")
    colleague = post(factories.api_client(second.user), path, body, key)
    assert "Idempotent-Replayed" not in colleague, "a key is of whoever made it"


def test_a_key_counts_for_one_shop(world: World) -> None:
    body = {"unit_price": "12.5", "message": "We make them."}
    path = "/api/v1/rfq/rfqs/fresh-A/quotes"
    answers = [post(client_of(world, name), path, body, "k") for name in ("owner", "stranger")]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]
