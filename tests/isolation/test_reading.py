"""What another shop has changes nothing that a shop is shown, and cannot be asked for (K-8, Q-6).

Every page that links lead to, every download and every GET of the API is asked twice: with the other shop
full, and with all its rows gone. Then each of their parameters is asked for values that only the other shop
has, and for such that nobody has: both are told the same.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.test import Client
from django.urls import get_resolver
from pytest_django import DjangoDbBlocker

from portal.models import Member, Seller
from tests.api.aims import Aims
from tests.api.driver import of_shops, schema_of
from tests.api.world import OWNED, World
from tests.isolation.probes import probes, same
from tests.isolation.walk import (
    Crawl,
    asked_of,
    body_of,
    browser,
    parameters_noted,
    plain,
    undone,
    view_of,
)
from tests.portal.access_walk import methods_of, patterns_of

pytestmark = [
    pytest.mark.django_db, pytest.mark.rule("K-8", "Q-6"), pytest.mark.once, pytest.mark.long,
]  # fmt: skip

PAGES = ("portal:", "rfq:", "listings:", "compliance:", "growth:")
UNLINKED = {
    "compliance:calendar-file": "its address is secret; tests/compliance/test_obligation_pages.py",
    "compliance:certificate-impact": "of a certificate that is about to go",
    "compliance:closed-violation": "of a closed shop",
    "compliance:closed-violations": "of a closed shop",
    "growth:rights-upgrade": "for a shop that is not verified yet",
    "growth:rights-upgrade-cancel": "for a shop that is not verified yet",
    "growth:programme-enrol": "leads back to the programme",
    "growth:programme-renew": "leads back to the programme",
    "growth:programme-step": "leads back to the programme",
    "growth:pack-claim": "leads back to the pack",
    "growth:reward-choose": "leads back to the rewards",
    "growth:reward-use": "leads back to the rewards",
    "listings:product-bulk": "answers what was chosen",
    "portal:api-operation": "describes the API, to everybody the same",
    "portal:api-reference": "describes the API, to everybody the same",
    "portal:webhook-replay": "answers what was chosen",
    "listings:product-template": "an empty table",
    "portal:demo-clock": "of a demonstration",
    "portal:language": "sets the language",
    "portal:no-shop": "of people without a shop",
    "portal:webhook-secret": "shown once",
    "rfq:quote-sent": "follows a quote",
}
"""Pages no link leads to in this world, and why."""


@dataclass
class Site:
    """What the owner of shop A is shown everywhere: address → status and text."""

    pages: dict[str, tuple[int, str]]
    calls: dict[str, tuple[int, str]]
    noted: dict[str, set[str]]


@pytest.fixture(scope="module")
def site(world: World, django_db_blocker: DjangoDbBlocker) -> Site:
    """Everything, asked once."""
    owner = world.people["owner"]
    with django_db_blocker.unblock(), parameters_noted() as noted:
        crawl = Crawl(owner.user, ["/"])
        asker = Asker(world)
        addresses = call_addresses(world)
        calls = {one: asker.call(one) for one in addresses}
    return Site({one: got for one, got in crawl.pages.items() if got[0] == 200}, calls, noted)


class Asker:
    """Asks pages and calls as the owner of shop A; what asking does is undone."""

    def __init__(self, world: World, name: str = "owner") -> None:
        self._pages = browser(world.people[name].user)
        self._calls = Client(raise_request_exception=False, headers=world.people[name].headers)

    def page(self, address: str) -> tuple[int, str]:
        """Return status and text of a page."""
        return self._ask(self._pages, address)

    def call(self, address: str) -> tuple[int, str]:
        """Return status and text of a call."""
        return self._ask(self._calls, address)

    def ask(self, address: str) -> tuple[int, str]:
        """Return status and text of either."""
        return self.call(address) if address.startswith("/api/") else self.page(address)

    def _ask(self, client: Client, address: str) -> tuple[int, str]:
        with asked_of(address), undone():
            answer: Any = client.get(address)
            return answer.status_code, plain(body_of(answer))


def operations(world: World) -> list[Any]:
    """Return every GET of the API that is about the caller's shop."""
    every = [one.ok() for one in schema_of(world.people["owner"]).get_all_operations()]
    return [one for one in every if one.method == "get" and of_shops(one)]


def call_addresses(world: World) -> list[str]:
    """Return an address of each GET of the API, with ids of shop A."""
    aims = Aims(world)
    return [one.path.format(**(aims.own(one.path, "A") or [{}])[0]) for one in operations(world)]


def rows_gone(world: World, side: str) -> int:
    """Take everything from a shop, behind the back of all guards; return how many rows."""
    doomed = {
        model: list(
            model._base_manager.filter(**{lookup: world.shops[side].pk}).values_list(
                "pk", flat=True
            )
        )
        for model, lookup in OWNED.items()
        if model is not Seller
    }
    for model, keys in doomed.items():
        rows = model._base_manager.filter(pk__in=keys)
        rows._raw_delete(rows.db)
    return sum(map(len, doomed.values()))


def different(site: Site, asker: Asker) -> dict[str, str]:
    """Return address → the lines that are others than before."""
    found = {}
    for address, before in (site.pages | site.calls).items():
        after = asker.ask(address)
        if after != before:
            lines = difflib.unified_diff(before[1].splitlines(), after[1].splitlines(), n=0)
            found[address] = "\n".join([f"{before[0]} {after[0]}", *list(lines)[:12]])
    return found


def test_nothing_a_shop_is_shown_depends_on_what_another_has(world: World, site: Site) -> None:
    asker = Asker(world)
    with undone():
        assert rows_gone(world, "B") > 80
        assert not (told := different(site, asker)), json.dumps(told, indent=1)[:6000]


def test_the_walk_sees_what_a_shop_has(world: World, site: Site) -> None:
    """The control: without its own rows nearly every page of a shop is another."""
    asker = Asker(world)
    with undone():
        people = list(Member._base_manager.filter(seller=world.shops["A"]))
        rows_gone(world, "A")
        Member._base_manager.bulk_create(people)
        changed = different(site, asker)
    assert len(changed) > 100


def test_every_page_and_download_is_walked(site: Site) -> None:
    reached = {view_of(one) for one in site.pages}
    pages = {
        name
        for name, pattern in patterns_of(get_resolver(), ())
        if name.startswith(PAGES) and "get" in methods_of(pattern) and _shows(pattern)
    }
    assert pages - reached <= set(UNLINKED), sorted(pages - reached - set(UNLINKED))
    exports = {one for one in pages if "export" in one}
    assert exports <= reached
    assert len(exports) >= 4


def _shows(pattern: Any) -> bool:
    view = getattr(pattern.callback, "view_class", None)
    return view is None or hasattr(view, "get")


# --- Parameters ---------------------------------------------------------------------------------

ASKED = {
    "q": ("text", "product", "order", "username"),
    "product": ("product",), "product_id": ("product",), "products": ("product",),
    "similar": ("product",), "product_q": ("text", "product"), "owner": ("username", "member"),
    "registration": ("certificate",), "renew": ("certificate",), "filter": ("text",),
    "name": ("text",), "number": ("text",), "text": ("text",), "note": ("text",),
    "description": ("text",), "statement": ("text",), "shown": ("text",), "order": ("order",),
    "certificate": ("certificate",), "template": ("template",), "quote": ("quote",),
    "category_q": ("text",), "reason": ("text",), "acting_for": ("member",),
}  # fmt: skip
"""Parameter → what of the other shop it is asked for."""
SHARED = {
    "admission", "after", "as_of", "assessed_star", "authorisation", "badge", "before",
    "bonus_forfeited", "can_quote", "categories", "category", "changed_since", "channel", "country",
    "cursor", "day", "deleted", "destination", "dispatched", "epr_traits", "event",
    "find_categories", "find_products", "first_day", "flag", "format", "framed", "free_used_percent",
    "gmv", "grade", "in", "kind", "last_day", "leaf", "live", "login_days", "match", "membership",
    "module", "national", "next", "ordering", "own", "page", "page_size", "paid", "parent",
    "posted_within", "price_from", "price_to", "quoted", "quotes", "quotes_last_month", "replied",
    "response_rate", "root", "route", "rts", "rule_class", "rulebook", "service", "show", "since",
    "source", "state", "status", "stopping", "tab", "target_countries", "theme", "theme_id", "type",
    "under", "unread", "until", "version", "urlencode", "lang",
}  # fmt: skip
"""Parameters whose values no shop owns: days, numbers, choices, the catalogue; and positions in lists."""


def test_a_parameter_finds_nothing_of_another_shop(world: World, site: Site) -> None:
    asker, told, asked = Asker(world), [], 0
    unknown = {name for names in site.noted.values() for name in names} - set(ASKED) - SHARED
    assert not unknown, f"say in ASKED or SHARED what {sorted(unknown)} are asked for"
    first: dict[str, str] = {}
    for address in site.pages | site.calls:
        first.setdefault(view_of(address), address)
    for view, names in site.noted.items():
        if view not in first:
            continue
        for name in sorted(names & set(ASKED)):
            for kind in ASKED[name]:
                for foreign, missing in probes(world, kind):
                    got = [asker.ask(_with(first[view], name, one)) for one in (foreign, missing)]
                    asked += 1
                    plainly = [(got[0], same(got[1], foreign, missing)) for got in got]
                    if plainly[0] != plainly[1]:
                        told.append(f"{view}?{name}={foreign} / {missing}: {_first(plainly)}")
    assert not told, "\n".join(told)
    assert asked > 60


def _with(address: str, name: str, value: str) -> str:
    parts = urlsplit(address)
    kept = [pair for pair in parse_qsl(parts.query) if pair[0] != name]
    return f"{parts.path}?{urlencode([*kept, (name, value)])}"


def _first(answers: list[tuple[int, str]]) -> str:
    lines = difflib.unified_diff(*(one[1].splitlines() for one in answers), n=0)
    return f"{[one[0] for one in answers]} " + " | ".join(list(lines)[3:9])[:400]


def test_the_cursor_of_another_shop_leads_to_nothing_of_it(world: World) -> None:
    """A cursor says where to go on: in whose rows is said by who asks."""
    mine, theirs = Asker(world), Asker(world, "stranger")
    secrets, followed = world.secrets("B"), 0
    aims = Aims(world)
    for one in operations(world):
        if not any(each.name == "cursor" for each in one.query):
            continue
        path = one.path.format(**(aims.own(one.path, "B") or [{}])[0])
        status, text = theirs.call(f"{path}?page_size=1")
        following = json.loads(text).get("next") if status == 200 else None
        if not following:
            continue
        parts = urlsplit(following)
        own = one.path.format(**(aims.own(one.path, "A") or [{}])[0])
        status, text = mine.call(f"{own}?{parts.query}")
        followed += 1
        assert status in (200, 400, 404), one.path
        assert not [secret for secret in secrets if secret in text], one.path
    assert followed > 8
