"""A random world of sellers, and their scores as of a day by plain loops over the facts."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from portal import platform_time
from portal.choices import OrderChannel, RunState, SellerStatus, TradeKind
from portal.models import Buyer, Category, LoginDay, NightRun, Order, Seller
from portal.nightly import ledger
from portal.nightly.engine import run_inline
from portal.platform_time import end_of, last_days, start_of, this_month
from portal.scoping import unscoped
from portal.services.rulebooks import rulebook_for
from rfq.choices import PAID_SOURCES, RightKind
from rfq.models import Quote, Rfq, RightEntry, RightLot, ServiceScore
from rfq.models.scores import SCORE_PAYLOAD
from rfq.score.rules import Score, ScoreFigures, score_of

FAR = datetime(9999, 1, 1, tzinfo=platform_time.PACIFIC)


def night(day: date, *jobs: str, shards: int | None = None) -> NightRun:
    """Compute a day's scores (or other jobs) with the real engine, in this process."""
    run = ledger.night_start(as_of=day, jobs=list(jobs or ["rfq.score"]), shards=shards)
    run = run_inline(run_id=run.pk)
    assert run.state == RunState.COMPLETE, [job.error for job in run.jobs.all()]
    return run


# --- By loops -----------------------------------------------------------------------------------


def _counts(quote: Quote, end: datetime) -> bool:
    return quote.submitted_at < end and not (quote.refunded_at and quote.refunded_at < end)


def _linked(order: Order, quotes: Iterable[Quote], end: datetime) -> bool:
    return any(
        quote.buyer_id == order.buyer_id
        and quote.submitted_at <= order.created_at <= quote.links_until
        and not (quote.refunded_at and quote.refunded_at < end)
        for quote in quotes
    )


def _gmv(orders: list[Order], quotes: list[Quote], day: date) -> Decimal:
    window = last_days(90, day)
    return sum(
        (
            order.received or Decimal(0)
            for order in orders
            if order.received_at
            and window.contains(order.received_at)
            and not order.fake
            and _linked(order, quotes, window.ends_before)
        ),
        Decimal(0),
    )


def _ranks(values: dict[int, Any]) -> tuple[dict[int, int], int]:
    ranked = [value for value in values.values() if value > 0]
    ranks = {
        key: 1 + sum(other > value for other in ranked)
        for key, value in values.items()
        if value > 0
    }
    return ranks, len(ranked)


def _by_seller(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.seller_id].append(row)
    return found


def scores_by_loop(day: date) -> dict[str, tuple[ScoreFigures, Score]]:
    """Return member id → figures and score as of a day, straight from the definitions (RFQ-16)."""
    from fractions import Fraction

    rules = rulebook_for("rfq.score", day).content
    end, month = end_of(day), this_month(day)
    hours = rules.factor("response_rate").hours
    login = rules.factor("login_days")
    days = month if login and login.window == "month" else last_days(30, day)
    previous = month.first - timedelta(days=1)
    bonus = rules.verified_bonus
    forfeits = bonus.forfeited_since is not None and previous >= bonus.forfeited_since
    with unscoped():
        sellers = list(Seller.objects.exclude(status=SellerStatus.CLOSED))
        quotes = _by_seller(Quote.objects.all())
        orders = _by_seller(Order.objects.all())
        logins = _by_seller(LoginDay.objects.all())
        lots = _by_seller(RightLot.objects.filter(kind=RightKind.QUOTE))
        entries = _by_seller(RightEntry.objects.filter(kind=RightKind.QUOTE))
    plain: dict[int, dict[str, Any]] = {}
    for seller in sellers:
        mine = [quote for quote in quotes[seller.pk] if _counts(quote, end)]
        monthly = [quote for quote in mine if month.contains(quote.submitted_at)]
        recent = [q for q in mine if last_days(30, day).contains(q.submitted_at)]
        replied = {q.rfq_id for q in recent if q.replied_at and q.replied_at < end}
        backs = {entry.reverses_id: entry.at for entry in entries[seller.pk] if entry.reverses_id}
        free = {
            "free_granted": sum(
                lot.amount or 0
                for lot in lots[seller.pk]
                if lot.source not in PAID_SOURCES and month.contains(lot.granted_at)
            ),
            "free_used": sum(
                -entry.delta
                for entry in entries[seller.pk]
                if (entry.delta or 0) < 0
                and entry.source not in PAID_SOURCES
                and month.contains(entry.at)
                and backs.get(entry.pk, FAR) >= end
            ),
        }
        plain[seller.pk] = {
            "membership": seller.membership,
            "assessed_star": seller.assessed_star,
            "login_days": sum(days.first <= row.day <= days.last for row in logins[seller.pk]),
            "quotes": len(monthly),
            "quotes_in_time": sum(q.response_seconds <= hours * 3600 for q in monthly),
            "quoted_30d": len({q.rfq_id for q in recent}),
            "replied_30d": len(replied),
            "gmv": _gmv(orders[seller.pk], quotes[seller.pk], day),
            "bonus_forfeited": forfeits
            and seller.membership == "verified"
            and _gmv(orders[seller.pk], quotes[seller.pk], previous) < bonus.forfeited_below,
            **(free if rules.gmv_bonuses else {}),
        }
    for industry in {seller.industry_id for seller in sellers}:
        here = [seller.pk for seller in sellers if seller.industry_id == industry]
        values = {
            "quotes": {key: plain[key]["quotes"] for key in here},
            "response": {
                key: Fraction(plain[key]["quotes_in_time"], plain[key]["quotes"] or 1)
                for key in here
            },
        }
        for name, of_seller in values.items():
            ranks, peers = _ranks(of_seller)
            for key in ranks:
                plain[key] |= {f"{name}_rank": ranks[key], f"{name}_peers": peers}
    figures = {seller.member_id: ScoreFigures(**plain[seller.pk]) for seller in sellers}
    return {key: (each, score_of(rules, each)) for key, each in figures.items()}


def expected_row(figures: ScoreFigures, score: Score, version: str) -> dict[str, Any]:
    """Return what the standing has to hold."""
    points = {f"{each.key}_points": each.points for each in score.factors}
    found: dict[str, Any] = {
        "rulebook": version,
        "bonus": score.bonus,
        "total": score.total,
        "marketing_bonus": score.marketing_bonus,
    }
    for name in SCORE_PAYLOAD:
        if name.endswith("_points"):
            found[name] = points.get(name)
        elif name not in found:
            found[name] = getattr(figures, name)
    return found


def scores_published(day: date) -> dict[str, dict[str, Any]]:
    """Return the standing as of a day by member id."""
    with unscoped():
        rows = ServiceScore.objects.as_of(day).values("seller__member_id", *SCORE_PAYLOAD)
        return {row.pop("seller__member_id"): row for row in rows}


# --- A random world -----------------------------------------------------------------------------


@dataclass
class World:
    """Sellers of several industries with few distinct values, so that many are equal."""

    categories: dict[str, Category]
    day: date
    sellers: int = 240
    seed: int = 1
    random: random.Random = field(init=False)
    rfqs: list[Rfq] = field(default_factory=list)
    buyers: list[Buyer] = field(default_factory=list)

    def make(self) -> None:
        """Write everything."""
        self.random = random.Random(self.seed)
        self.first = start_of(self.day - timedelta(days=130))
        with unscoped():
            self._market()
            shops = self._sellers()
            for number, shop in enumerate(shops):
                if number < 3 or self.random.random() < 0.75:
                    self._quotes(shop, many=number < 3)
                    self._orders(shop)
                    self._rights(shop)
                self._logins(shop)

    def _moment(self, since: datetime, until: datetime) -> datetime:
        """A moment in between; often just at the edge of a day."""
        moment = since + (until - since) * self.random.random()
        if self.random.random() < 0.3:
            edge = start_of(platform_time.day_of(moment))
            moment = edge - timedelta(seconds=self.random.choice([0, 1]))
        return min(max(since, moment), until)

    def _market(self) -> None:
        self.buyers = Buyer.objects.bulk_create(
            Buyer(buyer_id=f"w{n}", country="US") for n in range(25)
        )
        rows = []
        for n in range(300):
            posted = self._moment(self.first, end_of(self.day))
            rows.append(
                Rfq(
                    rfq_id=f"w{n}", buyer=self.random.choice(self.buyers), title="t", quantity=1,
                    unit="set", category=self.categories["e-bike-kits"], posted_at=posted,
                    expires_at=posted + timedelta(days=30), opens_to_all_at=posted,
                )
            )  # fmt: skip
        self.rfqs = Rfq.objects.bulk_create(rows)

    def _sellers(self) -> list[Seller]:
        industries = [("e-bike-kits", "sports", 0.6), ("vacuum-flasks", "home", 0.36)]
        rows = []
        for n in range(self.sellers):
            leaf, industry = "lone", "lone"
            chance = self.random.random()
            for name, root, share in industries:
                if chance < share:
                    leaf, industry = name, root
                    break
                chance -= share
            if n < 2:
                leaf = industry = ("alone", "pair")[n]
            elif n == 2:
                leaf = industry = "pair"
            rows.append(
                Seller(
                    member_id=f"w{n:03}", name_en=f"W{n}", company_type="trader",
                    membership=self.random.choice(["basic", "verified"]),
                    assessed_star=self.random.randrange(6),
                    main_category=self.categories[leaf], industry=self.categories[industry],
                    status=self.random.choice(["active"] * 8 + ["restricted", "closed"])
                    if n > 2 else "active",
                )
            )  # fmt: skip
        return Seller.objects.bulk_create(rows)

    def _quotes(self, shop: Seller, *, many: bool) -> None:
        end = end_of(self.day) + timedelta(days=2)
        rows = []
        number = 70 if many else self.random.choice([1, 2, 2, 3, 3, 5, 8, 20, 70])
        chance = self.random.choice([0, 0.04, 0.07, 0.2, 0.4, 1])
        for rfq in self.random.sample(self.rfqs, number):
            again = self.random.random() < 0.15
            for turn in range(1 + again):
                wait = self.random.choice([1, 12 * 3600, 12 * 3600 + 1, 86_400, 86_401, 9 * 86_400])
                at = rfq.posted_at + timedelta(seconds=wait + turn)
                withdrawn = (again and turn == 0) or self.random.random() < 0.1
                replied = self.random.random() < chance
                refunded = self.random.random() < 0.05
                rows.append(
                    Quote(
                        seller=shop, rfq=rfq, buyer=rfq.buyer, unit_price=1, submitted_at=at,
                        response_seconds=wait + turn, links_until=platform_time.years_later(at, 3),
                        withdrawn_at=at + timedelta(hours=1) if withdrawn else None,
                        replied_at=self._moment(at, max(at, end)) if replied else None,
                        refunded_at=self._moment(at, max(at, end)) if refunded else None,
                    )
                )  # fmt: skip
        Quote.objects.bulk_create(rows)

    def _orders(self, shop: Seller) -> None:
        rows = []
        edges = ["0.01", "499.99", "500", "999.99", "1000", "1000.01", "5000", "9999.99", "10000"]
        edges += ["20000", "25000", "34999.99", "35000"]
        for n in range(self.random.randrange(5)):
            created = self._moment(self.first, end_of(self.day))
            rows.append(
                Order(
                    order_id=f"{shop.member_id}-{n}", seller=shop,
                    buyer=self.random.choice(self.buyers), channel=OrderChannel.TRADE_ASSURANCE,
                    kind=TradeKind.RTS, amount=1, created_at=created,
                    received=Decimal(self.random.choice(edges)),
                    received_at=self._moment(created, end_of(self.day) + timedelta(days=3))
                    if self.random.random() < 0.9 else None,
                    fake=self.random.random() < 0.1,
                )
            )  # fmt: skip
        Order.objects.bulk_create(rows)

    def _logins(self, shop: Seller) -> None:
        days = self.random.sample(range(60), self.random.choice([0, 1, 4, 11, 12, 25, 44]))
        LoginDay.objects.bulk_create(
            LoginDay(seller=shop, day=day, at=start_of(day))
            for day in (self.day + timedelta(days=2 - back) for back in days)
        )

    def _rights(self, shop: Seller) -> None:
        for n in range(self.random.randrange(3)):
            source = self.random.choice(["service_score", "paid", "activity"])
            granted = self._moment(start_of(self.day - timedelta(days=20)), end_of(self.day))
            lot = RightLot.objects.create(
                seller=shop, kind=RightKind.QUOTE, source=source, amount=10, left=0,
                granted_at=granted, key=f"{shop.member_id}-{n}",
            )  # fmt: skip
            for use in range(self.random.choice([0, 5, 6, 10])):
                same = {"lot": lot, "seller": shop, "kind": "quote", "source": source}
                at = self._moment(granted, end_of(self.day) + timedelta(days=1))
                entry = RightEntry.objects.create(**same, delta=-1, at=at, key=f"{lot.key}-{use}")
                if self.random.random() < 0.1:
                    RightEntry.objects.create(
                        **same, delta=1, at=self._moment(at, at + timedelta(days=3)),
                        reverses=entry, key=f"back-{lot.key}-{use}",
                    )  # fmt: skip
