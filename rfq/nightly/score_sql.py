"""The statement that scores all sellers of a group of industries (RFQ-13 … RFQ-16).

One select from facts: the factors are counted, ranked within each industry by window functions, and
judged by a rulebook compiled to `CASE` expressions. Counts stay whole numbers and money cents, so that
both databases decide every boundary alike; `rfq.score.rules.score_of` says the same of one seller.

Quoted RFQs are counted without sorting quotes by RFQ: a seller has at most one quote per RFQ that is
not withdrawn, so those count one each, and the few withdrawn ones are looked at apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from portal.nightly.statement import Statement
from portal.platform_time import Window, last_days, this_month
from rfq.choices import PAID_SOURCES
from rfq.orders.links_sql import links_sql
from rfq.score.schema import Factor, GmvBonus, ScoreRules, Tier

DEFAULT_WINDOWS = {
    "login_days": "days_30",
    "quotes": "month",
    "reply_rate": "days_30",
    "gmv": "days_90",
}
"""Days looked at for figures that the rulebook has no factor of: shown, not judged."""
DEFAULT_HOURS = 24


def score_statement(rules: ScoreRules, version: str, as_of: date) -> Statement:
    """Return the select of `ServiceScore` rows as of a day, judged by a rulebook."""
    points = PointsSql(rules)
    params = {**_windows(rules, as_of), "version": version}
    judged = _month_judged_for_bonus(rules, as_of)
    if judged:
        window = last_days(90, judged)
        params |= {"judged_starts": window.starts_at, "judged_ends": window.ends_before}
        params["received_starts"] = min(params["gmv_starts"], window.starts_at)
    counted = _counted(judged=judged is not None, free=bool(rules.gmv_bonuses))
    if rules.gmv_bonuses:
        month = this_month(as_of)
        params |= {"month_starts": month.starts_at}
        params |= {f"paid_{place}": name for place, name in enumerate(sorted(PAID_SOURCES))}
    sql = SCORED.format(
        counted=counted,
        bonus_forfeited=points.forfeited() if judged else "FALSE",
        login_days_points=points.of("login_days", "login_days"),
        quotes_points=points.of("quotes", "quotes"),
        response_rate_points=points.of("response_rate", "quotes_in_time", "quotes"),
        reply_rate_points=points.of("reply_rate", "replied_30d", "quoted_30d"),
        gmv_points=points.of("gmv", "gmv_cents"),
        bonus=points.param(rules.verified_bonus.points),
        reward_bonus=points.reward_bonus("total"),
        gmv_bonus=points.gmv_bonus(),
    )
    return Statement(sql, {**params, **points.params})


def _windows(rules: ScoreRules, as_of: date) -> dict[str, Any]:
    """Return the parameters of the windows; all of them end with `as_of`."""
    windows = {}
    for key, default in DEFAULT_WINDOWS.items():
        factor = rules.factor(key)
        windows[key] = _window(factor.window if factor else default, as_of)
    response = rules.factor("response_rate")
    hours = response.hours if response and response.hours else DEFAULT_HOURS
    return {
        "known": windows["quotes"].ends_before,
        "login_first": windows["login_days"].first,
        "login_last": as_of,
        "quotes_starts": windows["quotes"].starts_at,
        "replies_starts": windows["reply_rate"].starts_at,
        "earliest": min(windows["quotes"].starts_at, windows["reply_rate"].starts_at),
        "gmv_starts": windows["gmv"].starts_at,
        "received_starts": windows["gmv"].starts_at,
        "in_time_seconds": hours * 3600,
    }


def _window(name: str, as_of: date) -> Window:
    return (
        this_month(as_of) if name == "month" else last_days(int(name.removeprefix("days_")), as_of)
    )


def _month_judged_for_bonus(rules: ScoreRules, as_of: date) -> date | None:
    """Return the month's end whose GMV decides this month's bonus, or none when it is not judged."""
    bonus = rules.verified_bonus
    last_of_previous = as_of.replace(day=1) - timedelta(days=1)
    if bonus.forfeited_below is None or bonus.forfeited_since is None:
        return None
    return last_of_previous if last_of_previous >= bonus.forfeited_since else None


# --- Judging ------------------------------------------------------------------------------------

UNITS = {"reply_rate": Fraction(100), "response_rate": Fraction(100), "gmv": Fraction(1, 100)}
"""What a factor's value is worth in the unit of its tiers: counts ×1, shares in percent, cents in USD."""
RANKS = {
    "quotes": ("quotes_rank", "quotes_peers"),
    "response_rate": ("response_rank", "response_peers"),
}


@dataclass
class PointsSql:
    """A rulebook compiled to SQL; its numbers are collected in `params`."""

    rules: ScoreRules
    params: dict[str, Any] = field(default_factory=dict)

    def param(self, value: int) -> str:
        """Pass a whole number as a parameter; return its place in the statement."""
        name = f"n{len(self.params)}"
        self.params[name] = value
        return f"%({name})s"

    def of(self, key: str, part: str, whole: str = "") -> str:
        """Return the points of a factor whose value is `part`, or `part` of `whole`."""
        factor = self.rules.factor(key)
        if factor is None:
            return "CAST(NULL AS INTEGER)"
        return self._ranked(factor) if factor.ranked else self._by_tiers(factor, part, whole)

    def _by_tiers(self, factor: Factor, part: str, whole: str) -> str:
        unit = UNITS.get(factor.key, Fraction(1))
        rows = (
            f"WHEN {self._reached(tier, part, whole, unit)} THEN {self.param(tier.points)}"
            for tier in reversed(factor.tiers)
        )
        return f"CASE {' '.join(rows)} ELSE 0 END"

    def _reached(self, tier: Tier, part: str, whole: str, unit: Fraction) -> str:
        at = Fraction(tier.at) / unit
        if at == 0 and not tier.above:
            return "TRUE"
        compare = ">" if tier.above else ">="
        left = f"CAST({part} AS BIGINT) * {self.param(at.denominator)}"
        right = self.param(at.numerator)
        if not whole:
            return f"{left} {compare} {right}"
        # Without a whole the value is 0, which only "from 0" reaches.
        return f"({whole} > 0 AND {left} {compare} CAST({whole} AS BIGINT) * {right})"

    def _ranked(self, factor: Factor) -> str:
        """The formula of the ranked factors; n − k − (rank − k) = n − rank (RFQ-13)."""
        rank, peers = RANKS[factor.key]
        best = f"(({peers} + 9) / 10)"
        full, other = self.param(factor.max), self.param(factor.max_other or 0)
        return (
            f"CASE WHEN {rank} IS NULL THEN 0 WHEN {rank} <= {best} THEN {full} "
            f"WHEN {peers} - {best} = 1 THEN {other} "
            f"ELSE {other} * ({peers} - {rank}) / ({peers} - {best} - 1) END"
        )

    def forfeited(self) -> str:
        """Verified sellers whose GMV at the end of the month before is too small (RFQ-14)."""
        limit = Fraction(self.rules.verified_bonus.forfeited_below or 0) * 100
        return f"(membership = 'verified' AND judged_cents < {self.param(limit.__ceil__())})"

    def reward_bonus(self, total: str) -> str:
        """Marketing bonus of a total: that of the best reward it reaches."""
        return _case(
            (f"{total} >= {self.param(reward.from_score)}", self.param(reward.marketing_bonus))
            for reward in self.rules.rewards
        )

    def gmv_bonus(self) -> str:
        """Marketing bonus for GMV and the use of free quote rights: the best that is earned."""
        best_first = sorted(self.rules.gmv_bonuses, key=lambda bonus: -bonus.points)
        return _case((self._gmv_and_use(bonus), self.param(bonus.points)) for bonus in best_first)

    def _gmv_and_use(self, bonus: GmvBonus) -> str:
        cents = self.param((Fraction(bonus.gmv) * 100).__ceil__())
        share = self.param(bonus.free_used_percent)
        used = f"free_granted > 0 AND free_used * 100 >= free_granted * {share}"
        return f"gmv_cents >= {cents} AND {used}"


def _case(rows: Iterable[tuple[str, str]]) -> str:
    whens = " ".join(f"WHEN {condition} THEN {value}" for condition, value in rows)
    return f"CASE {whens} ELSE 0 END" if whens else "0"


# --- Counting -----------------------------------------------------------------------------------

COUNTS = "(q.refunded_at IS NULL OR q.refunded_at >= %(known)s)"
"""Quotes given their rights back by the end of the day count in no figure."""

SHARD = """shard AS (
    SELECT id, industry_id, membership FROM portal_seller
    WHERE industry_id BETWEEN %(lo)s AND %(hi)s AND status <> 'closed'
)"""

QUOTES = f"""quoting AS (
    SELECT q.seller_id AS seller,
        COUNT(*) FILTER (WHERE q.submitted_at >= %(quotes_starts)s) AS quotes,
        COUNT(*) FILTER (WHERE q.submitted_at >= %(quotes_starts)s
            AND q.response_seconds <= %(in_time_seconds)s) AS in_time,
        COUNT(*) FILTER (WHERE q.submitted_at >= %(replies_starts)s
            AND q.withdrawn_at IS NULL) AS quoted,
        COUNT(*) FILTER (WHERE q.submitted_at >= %(replies_starts)s
            AND q.withdrawn_at IS NULL AND q.replied_at < %(known)s) AS replied
    FROM rfq_quote q
    WHERE q.submitted_at >= %(earliest)s AND q.submitted_at < %(known)s AND {COUNTS}
        AND q.seller_id IN (SELECT id FROM shard)
    GROUP BY q.seller_id
)"""

WITHDRAWN = f"""withdrawn AS (
    SELECT q.seller_id AS seller, q.rfq_id AS rfq,
        MAX(CASE WHEN q.replied_at < %(known)s THEN 1 ELSE 0 END) AS replied
    FROM rfq_quote q
    WHERE q.withdrawn_at IS NOT NULL
        AND q.submitted_at >= %(replies_starts)s AND q.submitted_at < %(known)s AND {COUNTS}
        AND q.seller_id IN (SELECT id FROM shard)
    GROUP BY q.seller_id, q.rfq_id
), requoting AS (
    SELECT w.seller,
        COUNT(*) FILTER (WHERE q.id IS NULL) AS quoted,
        COUNT(*) FILTER (WHERE w.replied = 1
            AND (q.replied_at IS NULL OR q.replied_at >= %(known)s)) AS replied
    FROM withdrawn w LEFT JOIN rfq_quote q ON q.rfq_id = w.rfq AND q.seller_id = w.seller
        AND q.withdrawn_at IS NULL
        AND q.submitted_at >= %(replies_starts)s AND q.submitted_at < %(known)s AND {COUNTS}
    GROUP BY w.seller
)"""

LOGINS = """logins AS (
    SELECT seller_id AS seller, COUNT(*) AS days FROM portal_loginday
    WHERE day BETWEEN %(login_first)s AND %(login_last)s AND seller_id IN (SELECT id FROM shard)
    GROUP BY seller_id
)"""


# Orders are cut down to the shard and put in the order of the index that links them before any is
# asked whether a quote links it; inside a FILTER that question cannot be moved before the cut.
ORDERS = """received_orders AS (
    SELECT o.seller_id, o.buyer_id, o.created_at, o.received_at, s.membership,
        CAST(ROUND(COALESCE(o.received, 0) * 100) AS BIGINT) AS cents
    FROM portal_order o JOIN shard s ON s.id = o.seller_id
    WHERE o.received_at >= %(received_starts)s AND o.received_at < %(known)s AND NOT o.fake
    ORDER BY o.seller_id, o.buyer_id
)"""

GMV_COLUMN = f"""SUM(o.cents) FILTER (WHERE o.received_at >= %(gmv_starts)s
            AND {links_sql("o", "%(known)s")}) AS cents"""
JUDGED_COLUMN = f"""SUM(o.cents) FILTER (WHERE o.membership = 'verified'
            AND o.received_at >= %(judged_starts)s AND o.received_at < %(judged_ends)s
            AND {links_sql("o", "%(judged_ends)s")}) AS judged_cents"""

_PAID = ", ".join(f"%(paid_{place})s" for place in range(len(PAID_SOURCES)))
FREE = f"""granted AS (
    SELECT seller_id AS seller, SUM(amount) AS rights FROM rfq_rightlot
    WHERE kind = 'quote' AND source NOT IN ({_PAID})
        AND granted_at >= %(month_starts)s AND granted_at < %(known)s
        AND seller_id IN (SELECT id FROM shard)
    GROUP BY seller_id
), used AS (
    SELECT e.seller_id AS seller, -SUM(e.delta) AS rights FROM rfq_rightentry e
    WHERE e.kind = 'quote' AND e.source NOT IN ({_PAID}) AND e.delta < 0
        AND e.at >= %(month_starts)s AND e.at < %(known)s
        AND e.seller_id IN (SELECT id FROM shard)
        AND NOT EXISTS (SELECT 1 FROM rfq_rightentry back
            WHERE back.reverses_id = e.id AND back.at < %(known)s)
    GROUP BY e.seller_id
)"""


def _counted(*, judged: bool, free: bool) -> str:
    """Return the select of what is counted, a row per seller of the shard."""
    money = f"{GMV_COLUMN}, {JUDGED_COLUMN}" if judged else GMV_COLUMN
    received = f"""received AS (
    SELECT o.seller_id AS seller, {money}
    FROM received_orders o GROUP BY o.seller_id
)"""
    parts = [SHARD, QUOTES, WITHDRAWN, LOGINS, ORDERS, received]
    joins = ["quoting q", "requoting r", "logins l", "received g"]
    columns = {"judged_cents": "0", "free_granted": "0", "free_used": "0"}
    if judged:
        columns["judged_cents"] = "COALESCE(g.judged_cents, 0)"
    if free:
        parts.append(FREE)
        joins += ["granted fg", "used fu"]
        columns["free_granted"] = "COALESCE(fg.rights, 0)"
        columns["free_used"] = "COALESCE(fu.rights, 0)"
    listed = ", ".join(f"CAST({sql} AS BIGINT) AS {name}" for name, sql in columns.items())
    joined = " ".join(
        f"LEFT JOIN {join} ON {join.rpartition(' ')[2]}.seller = s.id" for join in joins
    )
    return f"""WITH {", ".join(parts)}
    SELECT s.id AS seller_id, s.industry_id, s.membership,
        COALESCE(l.days, 0) AS login_days,
        COALESCE(q.quotes, 0) AS quotes,
        COALESCE(q.in_time, 0) AS quotes_in_time,
        COALESCE(q.quoted, 0) + COALESCE(r.quoted, 0) AS quoted_30d,
        COALESCE(q.replied, 0) + COALESCE(r.replied, 0) AS replied_30d,
        CAST(COALESCE(g.cents, 0) AS BIGINT) AS gmv_cents,
        {listed}
    FROM shard s {joined}"""


# Ranks are taken over everybody: those without a value come last, so they move nobody. They get no
# rank, and no number of peers, which would otherwise rewrite every idle seller's row each night.
RANKED = """
SELECT c.*,
    CASE WHEN quotes > 0 THEN RANK() OVER (PARTITION BY industry_id ORDER BY quotes DESC) END
        AS quotes_rank,
    CASE WHEN quotes > 0 THEN SUM(CASE WHEN quotes > 0 THEN 1 ELSE 0 END)
        OVER (PARTITION BY industry_id) ELSE 0 END AS quotes_peers,
    CASE WHEN quotes_in_time > 0 THEN RANK() OVER (PARTITION BY industry_id
        ORDER BY CASE WHEN quotes > 0 THEN CAST(quotes_in_time AS DOUBLE PRECISION) / quotes
        ELSE 0 END DESC) END AS response_rank,
    CASE WHEN quotes_in_time > 0 THEN SUM(CASE WHEN quotes_in_time > 0 THEN 1 ELSE 0 END)
        OVER (PARTITION BY industry_id) ELSE 0 END AS response_peers
FROM ({counted}) c
"""

SCORED = f"""
SELECT t.*, %(version)s AS rulebook, gmv_cents / 100.0 AS gmv,
    CASE WHEN reward_bonus > gmv_bonus THEN reward_bonus ELSE gmv_bonus END AS marketing_bonus
FROM (
    SELECT b.*, {{reward_bonus}} AS reward_bonus, {{gmv_bonus}} AS gmv_bonus
    FROM (
        SELECT p.*, COALESCE(login_days_points, 0) + COALESCE(quotes_points, 0)
            + COALESCE(response_rate_points, 0) + COALESCE(reply_rate_points, 0)
            + COALESCE(gmv_points, 0) + bonus AS total
        FROM (
            SELECT f.*,
                {{login_days_points}} AS login_days_points,
                {{quotes_points}} AS quotes_points,
                {{response_rate_points}} AS response_rate_points,
                {{reply_rate_points}} AS reply_rate_points,
                {{gmv_points}} AS gmv_points,
                CASE WHEN membership = 'verified' AND NOT bonus_forfeited
                    THEN {{bonus}} ELSE 0 END AS bonus
            FROM (SELECT r.*, {{bonus_forfeited}} AS bonus_forfeited FROM ({RANKED}) r) f
        ) p
    ) b
) t
"""

# What the value of the best tenth's last seller is: quotes, or a rate in percent rounded up.
BENCHMARKS = """
SELECT s.industry_id, 'quotes' AS factor, MAX(n.quotes_peers) AS peers, MIN(n.quotes) AS threshold
FROM {scores} n JOIN portal_seller s ON s.id = n.seller_id
WHERE n.quotes_rank <= (n.quotes_peers + 9) / 10 GROUP BY s.industry_id
UNION ALL
SELECT s.industry_id, 'response_rate', MAX(n.response_peers),
    MIN((1000000 * CAST(n.quotes_in_time AS BIGINT) + n.quotes - 1) / n.quotes) / 10000.0
FROM {scores} n JOIN portal_seller s ON s.id = n.seller_id
WHERE n.response_rank <= (n.response_peers + 9) / 10 GROUP BY s.industry_id
"""
