"""A seller's visit with a replica that stands still in the middle; prints what was seen as JSON.

Run by the test in a process of its own, whose settings are `tests.replica.settings`.
"""

import json
import time

import django

django.setup()

from django.db import connections  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext, setup_test_environment  # noqa: E402

from portal.models import Notice  # noqa: E402
from portal.scoping import unscoped  # noqa: E402
from tests import factories  # noqa: E402
from tests.replica.routing import WROTE  # noqa: E402

BACKEND = "django.contrib.auth.backends.ModelBackend"
PAGES = ["/", "/notices/", "/orders/", "/rfq/quotes/", "/listings/products/", "/listings/themes/"]
WAIT_SECONDS = 30


def execute(alias: str, statement: str) -> object:
    """Return the first value of a statement."""
    with connections[alias].cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def caught_up() -> None:
    """Wait until the replica has replayed what the primary has written."""
    end = execute("default", "SELECT pg_current_wal_insert_lsn()::text")
    deadline = time.monotonic() + WAIT_SECONDS
    while not execute("replica", f"SELECT pg_last_wal_replay_lsn() >= '{end}'::pg_lsn"):
        if time.monotonic() > deadline:
            raise TimeoutError("the replica does not follow")
        time.sleep(0.05)


def unread(client: Client) -> bool:
    """Tell whether the page of notices has something to read for its reader."""
    return "notice-unread" in client.get("/notices/").content.decode()


def visit() -> dict[str, object]:
    """Return how many queries each side got, and what was seen while the replica stood still."""
    shop = factories.seller_create(factories.tree_create()["e-bike-kits"])
    owner = factories.member_create(shop)
    with unscoped():
        Notice.objects.create(
            user=owner.user, seller=shop, kind="member_role_changed", key="told", params={}
        )
    client, other = Client(), Client()
    for browser in (client, other):
        browser.force_login(owner.user, backend=BACKEND)
    caught_up()
    with (
        CaptureQueriesContext(connections["default"]) as primary,
        CaptureQueriesContext(connections["replica"]) as replica,
    ):
        statuses = [client.get(page).status_code for page in PAGES]
    queries = {
        "primary": len(primary),
        "replica": len(replica),
    }  # before the next request clears them
    seen = {"before": unread(client)}
    execute("replica", "SELECT pg_wal_replay_pause()::text")
    client.post("/notices/")
    seen["who wrote"] = unread(client)
    # The control: the same browser without the mark does not see what it has written.
    mark = client.cookies.pop(WROTE)
    seen["without the mark"] = unread(client)
    client.cookies[WROTE] = mark.value
    seen["somebody else"] = unread(other)
    execute("replica", "SELECT pg_wal_replay_resume()::text")
    caught_up()
    seen["somebody else, later"] = unread(other)
    return {"statuses": statuses, **queries, "seen": seen}


if __name__ == "__main__":
    setup_test_environment()
    print(json.dumps(visit()))
