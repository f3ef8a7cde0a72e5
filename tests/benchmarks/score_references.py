"""Other ways to the same scores: a loop by the ORM, one statement by hand, the same over columns."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, Sum

from portal.models import LoginDay, Order, Seller
from portal.nightly.registry import adapt_params
from portal.platform_time import Window, end_of, last_days, this_month
from portal.services.rulebooks import rulebook_for
from rfq.models import Quote
from rfq.score.rules import Score, ScoreFigures, score_of
from tests.benchmarks.worlds.score import DAY

JULY = last_days(90, DAY.replace(day=1) - timedelta(days=1))


# --- A loop -------------------------------------------------------------------------------------


def scores_by_loop(sellers: list[Seller]) -> dict[int, tuple[ScoreFigures, Score]]:
    """Score sellers one by one, as scorecards elsewhere do: five or six queries for each.

    Ranks need everybody's numbers, so the loop goes without; that flatters it.
    """
    rules = rulebook_for("rfq.score", DAY).content
    known, month, recent = end_of(DAY), this_month(DAY), last_days(30, DAY)
    counting = Q(submitted_at__lt=known) & (Q(refunded_at=None) | Q(refunded_at__gte=known))
    found = {}
    for seller in sellers:
        quotes = Quote.objects.filter(counting, seller=seller)
        monthly = quotes.filter(submitted_at__gte=month.starts_at).aggregate(
            quotes=Count("pk"),
            quotes_in_time=Count("pk", filter=Q(response_seconds__lte=12 * 3600)),
        )
        replies = quotes.filter(submitted_at__gte=recent.starts_at).aggregate(
            quoted_30d=Count("rfq", distinct=True),
            replied_30d=Count("rfq", distinct=True, filter=Q(replied_at__lt=known)),
        )
        days = LoginDay.objects.filter(seller=seller, day__range=(recent.first, DAY)).count()
        verified = seller.membership == "verified"
        figures = ScoreFigures(
            membership=seller.membership,
            assessed_star=seller.assessed_star,
            login_days=days,
            gmv=_gmv(seller, last_days(90, DAY)),
            bonus_forfeited=verified and _gmv(seller, JULY) < 1000,
            **monthly,
            **replies,
        )
        found[seller.pk] = figures, score_of(rules, figures)
    return found


def _gmv(seller: Seller, window: Window) -> Decimal:
    linking = Quote.objects.filter(
        Q(refunded_at=None) | Q(refunded_at__gte=window.ends_before),
        seller=OuterRef("seller"),
        buyer=OuterRef("buyer"),
        submitted_at__lte=OuterRef("created_at"),
        links_until__gte=OuterRef("created_at"),
    )
    orders = Order.objects.filter(
        Exists(linking),
        seller=seller,
        received_at__gte=window.starts_at,
        received_at__lt=window.ends_before,
        fake=False,
    )
    return orders.aggregate(total=Sum(F("received"), default=Decimal(0)))["total"]


# --- By hand ------------------------------------------------------------------------------------


def params() -> dict[str, Any]:
    """Return the instants of the hand-written statement."""
    return {
        "month": this_month(DAY).starts_at,
        "recent": last_days(30, DAY).starts_at,
        "recent_day": last_days(30, DAY).first,
        "known": end_of(DAY),
        "day": DAY,
        "gmv": last_days(90, DAY).starts_at,
        "july_gmv": JULY.starts_at,
        "july": JULY.ends_before,
    }


def by_hand(table: str) -> None:
    """Put the scores of all sellers into a temporary table by one statement: the floor.

    What somebody writes who knows the rulebook of the day by heart: constants, one table at the end,
    no ledger, no shards, no comparison with yesterday, no history.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
        cursor.execute(
            f"CREATE TEMPORARY TABLE {table} AS {BY_HAND}", adapt_params(connection, params())
        )


_LINKED = """EXISTS (SELECT 1 FROM rfq_quote l WHERE l.seller_id = o.seller_id
    AND l.buyer_id = o.buyer_id AND l.submitted_at <= o.created_at
    AND l.links_until >= o.created_at AND (l.refunded_at IS NULL OR l.refunded_at >= {known}))"""

BY_HAND = f"""
WITH q AS (
    SELECT seller_id,
        COUNT(*) FILTER (WHERE submitted_at >= %(month)s) AS quotes,
        COUNT(*) FILTER (WHERE submitted_at >= %(month)s AND response_seconds <= 43200) AS in_time,
        COUNT(DISTINCT rfq_id) FILTER (WHERE submitted_at >= %(recent)s) AS quoted,
        COUNT(DISTINCT rfq_id) FILTER (WHERE submitted_at >= %(recent)s
            AND replied_at < %(known)s) AS replied
    FROM rfq_quote
    WHERE submitted_at >= %(month)s AND submitted_at < %(known)s
        AND (refunded_at IS NULL OR refunded_at >= %(known)s)
    GROUP BY seller_id
), days AS (
    SELECT seller_id, COUNT(*) AS days FROM portal_loginday
    WHERE day BETWEEN %(recent_day)s AND %(day)s GROUP BY seller_id
), g AS (
    SELECT o.seller_id, SUM(CAST(ROUND(o.received * 100) AS BIGINT)) AS cents FROM portal_order o
    WHERE o.received_at >= %(gmv)s AND o.received_at < %(known)s AND NOT o.fake
        AND {_LINKED.format(known="%(known)s")}
    GROUP BY o.seller_id
), j AS (
    SELECT o.seller_id, SUM(CAST(ROUND(o.received * 100) AS BIGINT)) AS cents FROM portal_order o
    WHERE o.received_at >= %(july_gmv)s AND o.received_at < %(july)s AND NOT o.fake
        AND {_LINKED.format(known="%(july)s")}
    GROUP BY o.seller_id
), f AS (
    SELECT s.id AS seller_id, s.industry_id, s.membership, COALESCE(days.days, 0) AS login_days,
        COALESCE(q.quotes, 0) AS quotes, COALESCE(q.in_time, 0) AS in_time,
        COALESCE(q.quoted, 0) AS quoted, COALESCE(q.replied, 0) AS replied,
        COALESCE(g.cents, 0) AS cents,
        s.membership = 'verified' AND COALESCE(j.cents, 0) < 100000 AS forfeited
    FROM portal_seller s LEFT JOIN q ON q.seller_id = s.id LEFT JOIN g ON g.seller_id = s.id
    LEFT JOIN j ON j.seller_id = s.id LEFT JOIN days ON days.seller_id = s.id
    WHERE s.status <> 'closed'
), r AS (
    SELECT f.*, RANK() OVER (PARTITION BY industry_id ORDER BY quotes DESC) AS quotes_rank,
        COUNT(*) FILTER (WHERE quotes > 0) OVER (PARTITION BY industry_id) AS quotes_peers,
        RANK() OVER (PARTITION BY industry_id ORDER BY CASE WHEN quotes > 0
            THEN CAST(in_time AS DOUBLE PRECISION) / quotes ELSE 0 END DESC) AS response_rank,
        COUNT(*) FILTER (WHERE in_time > 0) OVER (PARTITION BY industry_id) AS response_peers
    FROM f
), p AS (
    SELECT r.*,
        CASE WHEN quotes = 0 THEN 0 WHEN quotes_rank <= (quotes_peers + 9) / 10 THEN 20
            WHEN quotes_peers - (quotes_peers + 9) / 10 = 1 THEN 19
            ELSE 19 * (quotes_peers - quotes_rank)
                / (quotes_peers - (quotes_peers + 9) / 10 - 1) END AS quotes_points,
        CASE WHEN in_time = 0 THEN 0 WHEN response_rank <= (response_peers + 9) / 10 THEN 20
            WHEN response_peers - (response_peers + 9) / 10 = 1 THEN 19
            ELSE 19 * (response_peers - response_rank)
                / (response_peers - (response_peers + 9) / 10 - 1) END AS response_points,
        CASE WHEN replied = 0 THEN 0 WHEN replied * 2 >= quoted THEN 30
            WHEN replied * 10 >= quoted * 3 THEN 24 WHEN replied * 10 >= quoted THEN 12
            ELSE 6 END AS reply_points,
        CASE WHEN cents >= 3500000 THEN 30 WHEN cents >= 2000000 THEN 20
            WHEN cents >= 1000000 THEN 15 WHEN cents >= 100000 THEN 10 WHEN cents >= 50000 THEN 5
            WHEN cents > 0 THEN 2 ELSE 0 END AS gmv_points,
        CASE WHEN membership = 'verified' AND NOT forfeited THEN 20 ELSE 0 END AS bonus
    FROM r
)
SELECT p.*, quotes_points + response_points + reply_points + gmv_points + bonus AS total FROM p
"""


# --- In columns ---------------------------------------------------------------------------------

READ = {
    "rfq_quote": "seller_id, rfq_id, buyer_id, submitted_at, response_seconds, replied_at, "
    "refunded_at, links_until",
    "portal_order": "seller_id, buyer_id, created_at, received_at, received, fake",
    "portal_loginday": "seller_id, day",
    "portal_seller": "id, industry_id, membership, status",
}


def in_columns(folder: Path) -> tuple[dict[int, int], float]:
    """Read the facts into DuckDB and run the statement by hand there.

    Returns total by seller, and the seconds of the statement alone: the floor once the facts are in
    columns in memory. It runs on all cores.
    """
    import duckdb

    columns = duckdb.connect()
    columns.execute("SET integer_division = true; SET TimeZone = 'UTC'")
    for table, names in READ.items():
        path = folder / f"{table}.csv"
        export = f"COPY (SELECT {names} FROM {table}) TO STDOUT (FORMAT csv)"
        with (
            path.open("wb") as stream,
            connection.cursor() as cursor,
            cursor.copy(export) as parts,
        ):
            for part in parts:
                stream.write(part)
        columns.execute(
            f"CREATE TABLE {table} AS SELECT * FROM "
            f"read_csv('{path}', header = false, names = {names.split(', ')})"
        )
        path.unlink()
    values = {name: f"CAST('{value}' AS {_type(value)})" for name, value in params().items()}
    statement = re.sub(r"%\((\w+)\)s", lambda match: values[match[1]], BY_HAND)
    began = time.perf_counter()
    columns.execute(f"CREATE TABLE scored AS {statement}")
    seconds = time.perf_counter() - began
    return dict(columns.execute("SELECT seller_id, total FROM scored").fetchall()), seconds


def _type(value: Any) -> str:
    return "TIMESTAMPTZ" if hasattr(value, "tzinfo") else "DATE"
