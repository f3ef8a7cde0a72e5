"""Task packs for tests: written by the service, claimed and done without waiting for nights."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from growth.models import Pack, PackClaim, PackStanding
from growth.services.pack_writing import packs_write
from portal.choices import Membership, RunState
from portal.models import JobRun, NightRun, Seller
from portal.models.standings import FOREVER
from portal.platform_time import start_of
from portal.scoping import unscoped

OPENS, CLOSES = date(2022, 8, 5), date(2022, 9, 2)
CARD = {"key": "card", "metric": "ext.card", "op": "gte", "value": 1}
POWER = {"key": "power", "metric": "ext.power", "op": "gte", "value": 60}
COUPON = {
    "key": "coupon", "kind": "tool_coupon", "title_en": "RFQ tool", "choices": ["Assistant", "Car"],
}  # fmt: skip
VERIFIED = {"field": "membership", "op": "eq", "value": Membership.VERIFIED.value}


def pack_create(**over: Any) -> Pack:
    """Make a published pack with one task through the service; it must be valid."""
    row = {
        "code": "pack", "title_en": "A pack", "opens_on": OPENS, "closes_on": CLOSES,
        "tasks": [CARD], "rewards": [], **over,
    }  # fmt: skip
    [outcome] = packs_write(rows=[row])
    assert not outcome.errors, outcome.errors
    return outcome.pack


def claim_create(seller: Seller, pack: Pack, at: datetime | None = None) -> PackClaim:
    """Write a claim made at an instant, by default when the window began."""
    with unscoped():
        return PackClaim.objects.create(
            pack=pack, seller=seller, claimed_at=at or start_of(pack.opens_on)
        )


def complete(seller: Seller, pack: Pack, since: date | None, **over: Any) -> PackStanding:
    """Write the standing of a claim as the night would; `since` none: not complete."""
    fields = {
        "done": int(since is not None), "tasks": 1, "complete_since": since,
        "valid_from": pack.opens_on, "valid_to": FOREVER, **over,
    }  # fmt: skip
    with unscoped():
        return PackStanding.objects.create(seller=seller, pack=pack, **fields)


def publish(day: date, *jobs: str) -> None:
    """Note in the ledger that jobs have published a day, without computing it."""
    run = NightRun.objects.create(as_of=day, state=RunState.COMPLETE, jobs_asked=list(jobs))
    JobRun.objects.bulk_create(
        JobRun(run=run, job=job, as_of=day, state=RunState.COMPLETE) for job in jobs
    )


def by_member(claims: Iterable[PackClaim]) -> dict[str, str]:
    """Return member id → outcome."""
    return {claim.seller.member_id: claim.outcome for claim in claims}
