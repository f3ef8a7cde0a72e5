"""P-3: the RFQ market with a million open RFQs against a bare page of one query.

    python -m tests.benchmarks.bench_market                       1,000,000 RFQs on both databases
    python -m tests.benchmarks.bench_market --rfqs 50000 --database sqlite

Every page is asked for by the test client through all of the portal, in turns; what is compared is
the time within which 95 of 100 were answered (p95). `bare` is a signed-in view with one query and a
line of text; `frame` the same inside the portal's page frame, which every page has to draw.
Searches are drawn anew for each turn: frequent and rare words, pairs, Chinese, categories of every
size, rare countries, every order and later pages. SQLite is measured without `ANALYZE`: nobody runs it.
"""

from __future__ import annotations

import argparse
import html
import random
import re
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.benchmarks import frame

NOW = "2022-08-03T12:00:00-07:00"
GOAL = 4.0
NEXT = re.compile(r'rel="next" href="([^"]+)"')


def main() -> int:
    """Run the benchmark on each database asked for."""
    parser = frame.parser(__doc__)
    parser.add_argument("--rfqs", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=60)
    return frame.run(parser, "bench_market", _measured, now=NOW)


# --- In the child -------------------------------------------------------------------------------


def _measured(options: argparse.Namespace) -> None:
    from django.conf import settings
    from django.db import connection

    from portal.models import Seller

    frame.size(f"{options.rfqs:,} open RFQs, {options.rounds} turns")
    settings.ROOT_URLCONF = "tests.benchmarks.bare_urls"
    if not Seller.objects.exists():
        _load(options)
    client, searches = _client(), _searches()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    times = _measure(client, searches, options.rounds)
    _report(times)


def _load(options: argparse.Namespace) -> None:
    from django.db import connection

    from portal import platform_time
    from rfq.models import Rfq
    from tests.benchmarks.worlds.market import MarketWorld

    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous = OFF")
            cursor.execute("PRAGMA cache_size = -500000")
    world = MarketWorld(options.rfqs, platform_time.now(), seed=options.seed)
    world.load()
    world.quote(list(Rfq.objects.order_by("-posted_at")[:300:10]))
    # The pages are read with the settings of the portal.
    connection.close()


def _client() -> Any:
    from django.test import Client

    from portal.models import Member, Seller
    from tests import factories

    shop = Seller.objects.get(member_id="s1")
    member = Member.everywhere.filter(seller=shop).select_related("user").first()
    member = member or factories.member_create(shop, "owner", "owner")
    client = Client()
    client.force_login(member.user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _searches() -> dict[str, Callable[[], str]]:
    """Return kinds of page → a function that draws an address."""
    from urllib.parse import urlencode

    from django.db.models import Count

    from portal.models import Buyer, Category
    from tests.benchmarks.worlds.catalogue import VOCABULARY, word

    draw = random.Random(3)
    codes = list(Category.objects.order_by("pk").values_list("code", flat=True))
    countries = Buyer.objects.values_list("country").annotate(number=Count("pk"))
    by_size = [code for code, _number in countries.order_by("number")]
    orders = ["newest", "fewest_quotes", "highest_quantity"]
    within = ["1h", "24h", "7d"]

    def ask(**values: object) -> str:
        return f"/rfq/?{urlencode({'own': '0', **values})}"

    def some_word() -> str:
        return word(int(VOCABULARY * draw.random() ** 3))

    return {
        "recommended": lambda: "/rfq/",
        "all, newest": ask,
        "all, another order": lambda: ask(ordering=draw.choice(orders[1:])),
        "one word": lambda: ask(q=some_word()),
        "two words": lambda: ask(q=f"{some_word()} {some_word()}"),
        "any of two words": lambda: ask(q=f"{some_word()} {some_word()}", match="any"),
        "word, another order": lambda: ask(q=some_word(), ordering=draw.choice(orders[1:])),
        "category": lambda: ask(category=draw.choice(codes), ordering=draw.choice(orders)),
        "country": lambda: ask(country=draw.choice(by_size)),
        "grade": lambda: ask(grade=draw.choice(["silver", "gold", "pro"])),
        "posted within": lambda: ask(
            posted_within=draw.choice(within), ordering=draw.choice(orders)
        ),
        "can quote, badge": lambda: ask(can_quote=1, badge=1, ordering=draw.choice(orders)),
        "many at once": lambda: ask(
            q=some_word(), category=draw.choice(codes), country=draw.choice(by_size[-9:]),
            grade=draw.choice(["standard", "gold"]), badge=1,
        ),
    }  # fmt: skip


def _measure(
    client: Any, searches: dict[str, Callable[[], str]], rounds: int
) -> dict[str, list[float]]:
    """Return kind → seconds of each turn; the first turns warm up and do not count."""
    times: dict[str, list[float]] = {}
    pages = {"bare": lambda: "/bare/", "frame": lambda: "/frame/", **searches}
    for turn in range(-3, rounds):
        for name, draw in pages.items():
            address = draw()
            if name in searches and turn % 3 == 2:
                # Every third is a later page: the one that the page itself links to.
                link = NEXT.search(client.get(address).content.decode())
                address = f"/rfq/{html.unescape(link[1])}" if link else address
            began = time.perf_counter()
            response = client.get(address)
            seconds = time.perf_counter() - began
            assert response.status_code == 200, (address, response.status_code)
            if turn >= 0:
                times.setdefault(name, []).append(seconds)
    return times


def _report(times: dict[str, list[float]]) -> None:
    bare, framed = _p95(times["bare"]), _p95(times["frame"])
    print(f"  {'p95 against':<24}{'bare':>8}{'frame':>8}{'ms':>8}")
    for name, seconds in times.items():
        p95 = _p95(seconds)
        print(f"  {name:<24}{p95 / bare:>8.1f}{p95 / framed:>8.1f}{p95 * 1000:>8.0f}")
    slowest = sorted((_p95(times[name]), name) for name in times.keys() - {"bare", "frame"})
    for place, title in ((len(slowest) // 2, "kind in the middle"), (-1, "slowest kind")):
        seconds, name = slowest[place]
        frame.ratio(
            "P-3", f"market, {title} ({name}), to a bare page", seconds / bare, at_most=GOAL
        )


def _p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)]


if __name__ == "__main__":
    sys.exit(main())
