"""What each main page and call of a full shop asks the database: constant, and what is kept (P-3).

A page that asks more, or less, than `query_counts.txt` says fails; `QUERY_COUNTS=write` writes the column of
the database under test anew: read the difference.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.models import Member, User
from tests.growth.page_world import NOON
from tests.portal.full_shop import everything, full_shop_fill
from tests.portal.main_pages import counts_read, counts_write, pages
from tests.rfq.world import rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("P-3")]


def counted(client: Client, addresses: dict[str, str]) -> dict[str, int]:
    """Ask for each page twice, and count the second time: the first fills caches of the process."""
    found = {}
    for name, address in addresses.items():
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            response = client.get(address)
        assert response.status_code == 200, (name, address, response.status_code)
        found[name] = len(queries)
    return found


def test_pages_cost_what_is_kept_however_much_the_shop_has(
    owner: Member, stranger: Member, staff: User, owner_client: Client, clock: Any
) -> None:
    clock.noon(NOON)
    full_shop_fill(owner, stranger, staff)
    everything(owner, 2)
    rfq = rfq_create(rfq_id="looked-at")
    addresses = pages(rfq=rfq.rfq_id, theme="m1-0", product="p1-0", pack="half")
    few = counted(owner_client, addresses)
    everything(owner, 5)
    many = counted(owner_client, addresses)
    grown = {name: (few[name], many[name]) for name in few if few[name] != many[name]}
    assert not grown, f"queries with few and with many rows: {grown}"
    vendor = connection.vendor
    if os.environ.get("QUERY_COUNTS") == "write":
        kept = counts_read()
        counts_write({name: {**kept.get(name, {}), vendor: number} for name, number in few.items()})
    kept = {name: numbers[vendor] for name, numbers in counts_read().items()}
    assert few == kept, "QUERY_COUNTS=write writes the new numbers; lower is better"
