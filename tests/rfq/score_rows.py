"""Scores as a night leaves them, for the tests of pages and calls that read them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from portal.choices import RunState
from portal.models import JobRun, NightRun, Seller
from portal.models.standings import FOREVER
from portal.platform_time import wall_clock
from portal.scoping import unscoped
from portal.services.rulebooks import rulebooks_published
from rfq.models import PeerBenchmark, ScoreOutlook, ServiceScore
from rfq.score.rules import ScoreFigures, score_of
from rfq.score.schema import SCORE

DAY = date(2022, 8, 1)
"""The newest as-of day the fixture clock allows; rulebook 2022-01."""

FIGURES: dict[str, Any] = {
    "login_days": 12,
    "quotes": 40,
    "quotes_in_time": 20,
    "quoted_30d": 20,
    "replied_30d": 3,
    "gmv": Decimal("999.50"),
    "quotes_rank": 5,
    "quotes_peers": 31,
    "response_rank": 9,
    "response_peers": 30,
    "free_granted": 50,
    "free_used": 40,
    "bonus_forfeited": False,
}
"""40 quotes (5th of 31), half of them in time (9th of 30), 15 % replied."""


def score_publish(*days: date, job: str = "rfq.score") -> None:
    """Mark as-of days as published by the night's score job."""
    for day in days:
        run = NightRun.objects.create(
            as_of=day, number=NightRun.objects.count() + 1, state=RunState.COMPLETE
        )
        JobRun.objects.create(
            run=run, job=job, as_of=day, state=RunState.COMPLETE, published_at=wall_clock()
        )


def score_row(seller: Seller, **over: Any) -> ServiceScore:
    """Store the score of `FIGURES`, changed as asked, as the night would: points by `rfq.score.rules`."""
    since = over.pop("valid_from", date(2022, 7, 1))
    until = over.pop("valid_to", FOREVER)
    version = over.pop("rulebook", "2022-01")
    fields = _scored(seller, version, FIGURES | over)
    with unscoped():
        return ServiceScore.objects.create(
            seller=seller, valid_from=since, valid_to=until, rulebook=version, **fields
        )


def _scored(seller: Seller, version: str, figures: dict[str, Any]) -> dict[str, Any]:
    rules = next(book.content for book in rulebooks_published(SCORE) if book.version == version)
    score = score_of(
        rules,
        ScoreFigures(membership=seller.membership, assessed_star=seller.assessed_star, **figures),
    )
    points = {f"{each.key}_points": each.points for each in score.factors}
    return {
        **figures,
        **points,
        "bonus": score.bonus,
        "total": score.total,
        "marketing_bonus": score.marketing_bonus,
    }


def benchmark(seller: Seller, factor: str, threshold: object, peers: int = 30) -> PeerBenchmark:
    """Store where the best tenth of a seller's industry begins."""
    return PeerBenchmark.objects.create(
        industry=seller.industry,
        factor=factor,
        peers=peers,
        threshold=Decimal(str(threshold)),
        valid_from=date(2022, 7, 1),
    )


def outlook_row(seller: Seller, **over: Any) -> ScoreOutlook:
    """Store what 2022-08 makes of `FIGURES`, as the night's outlook would, for `DAY`."""
    version = over.pop("rulebook", "2022-08")
    fields = _scored(seller, version, FIGURES | over)
    with unscoped():
        return ScoreOutlook.objects.create(
            seller=seller, valid_from=DAY, rulebook=version, **fields
        )
