"""The home page of a shop that has everything: nothing fails, and it costs what it costs (UI-2, P-3)."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from portal.models import Member, User
from tests.growth.page_world import NOON
from tests.portal.full_shop import everything, full_shop_fill

pytestmark = [pytest.mark.django_db, pytest.mark.rule("UI-2")]

MOST = 54
"""Queries of the fullest shop: three to know who asks, the rest for all modules together."""


@pytest.fixture
def full(owner: Member, stranger: Member, staff: User, clock: Any) -> Member:
    """The owner of a shop with standings of all modules and one of each thing."""
    clock.noon(NOON)
    full_shop_fill(owner, stranger, staff)
    return owner


def test_a_shop_that_has_everything_costs_the_same_however_much_of_it(
    full: Member, owner_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    home = reverse("portal:home")
    owner_client.get(home)
    costs = []
    for number in (0, 3):
        everything(full, number)
        with CaptureQueriesContext(connection) as queries, caplog.at_level(logging.ERROR):
            page = owner_client.get(home)
        costs.append(len(queries))
    # A module that fails is left out, which would cost less.
    assert not caplog.records
    actions = [one for _name, band in page.context["bands"] for one in band]
    actions += [one for _name, band in page.context["more_bands"] for one in band]
    assert len(actions) >= LEAST_ACTIONS
    assert len(page.context["tiles"]) >= LEAST_TILES
    assert len(page.context["cards_below"]) == 1
    assert costs[0] == costs[1] <= MOST


@pytest.mark.rule("API-1")
def test_the_list_over_the_api_costs_no_more_than_the_page(
    full: Member, owner_api: APIClient
) -> None:
    costs = []
    for number in (0, 3):
        everything(full, number)
        with CaptureQueriesContext(connection) as queries:
            found = owner_api.get("/api/v1/next-actions").json()["results"]
        costs.append(len(queries))
    assert len(found) >= LEAST_ACTIONS
    assert costs[0] == costs[1] <= MOST


LEAST_ACTIONS, LEAST_TILES = 15, 5
