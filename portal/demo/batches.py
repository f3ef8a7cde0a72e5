"""The demo world as batches of ingest rows, in an order in which every reference is known."""

from __future__ import annotations

from collections.abc import Iterator

from portal.demo import facts, products, themes, upstream_facts
from portal.demo.quotes import Quoting
from portal.demo.rfqs import Market
from portal.demo.world import SELLERS, Row, World


def batches() -> Iterator[tuple[str, list[Row]]]:
    """Yield (kind, rows); products come twice, the second time as they were changed later."""
    world = World()
    yield "categories", world.category_rows
    yield "attributes", world.attribute_rows()
    yield "sellers", [world.seller_row(number) for number in range(SELLERS)]
    yield "members", world.member_rows()
    yield "buyers", world.buyer_rows()
    first = products.product_rows(world)
    yield "products", first
    yield "products", products.edit_rows(world, first)
    yield "themes", themes.theme_rows(world)
    yield "orders", facts.order_rows(world)
    yield "logins", facts.login_rows(world)
    yield "inquiries", facts.inquiry_rows(world)
    yield "showcase", facts.showcase_rows(world)
    yield "product_days", facts.product_day_rows(world)
    yield "metrics", facts.metric_rows(world)
    yield "metrics", upstream_facts.upstream_rows(world)
    market = Market(world)
    quoting = Quoting(market)
    yield "sellers", market.peer_rows()
    yield "buyers", market.buyer_rows()
    yield "rfqs", [request.as_row() for request in market.requests]
    yield "quotes", quoting.quote_rows()
    yield "orders", quoting.order_rows()
    yield "grants", quoting.grant_rows()
    yield "logins", market.peer_login_rows()
