"""`growth.rewards`: settles packs, closes lists, tells what ends, lets rewards lapse (GRO-7, GRO-8, GRO-10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from growth.choices import RewardStatus
from growth.models import Pack, PackClaim, PackStanding, RewardGrant
from growth.nightly.assess import ASSESS
from growth.packs.notices import pack_title, rewards_text, tell
from growth.packs.rules import PACKS, night_closes_list
from growth.services.pack_settling import packs_settle
from growth.services.packs import pack_list_close
from growth.services.rewards import rewards_lapse
from portal import platform_time
from portal.nightly.days import endings_to_warn_of, night_day
from portal.nightly.export import register_standing
from portal.nightly.registry import ShardContext, job
from portal.services.notices import NoticeDraft

REWARDS = "growth.rewards"
Endings = Mapping[date, int]
"""Last days of packs and of rewards that are spoken of, with which warning each is due."""


# Lists are closed after stars are assessed: one may be for shops without a star that very day.
@job(
    REWARDS,
    app="growth",
    needs=(PACKS, ASSESS),
    lasting=_("Packs settled, their places and their rewards stay; nothing is granted twice."),
)
def rewards(ctx: ShardContext) -> None:
    """Settle the packs whose last day is counted, each once; close lists; tell; let lapse.

    Everything but the settling is about today, whichever day the night computes. A pack whose last day
    could not be computed waits until it is.
    """
    for settlement in packs_settle(as_of=ctx.as_of).values():
        ctx.rows_written += settlement.claims + settlement.grants
    for pack in Pack.objects.filter(
        published=True, listed_at__isnull=True, frozen_on__isnull=False
    ).order_by("pk"):
        if pack.frozen_on and night_closes_list(frozen_on=pack.frozen_on, as_of=ctx.as_of):
            ctx.rows_written += pack_list_close(pack=pack)
    ctx.rows_written += rewards_lapse(now=platform_time.now())
    today = night_day(ctx.as_of)
    endings = endings_to_warn_of(ctx.as_of, ctx.previous_day)
    ctx.rows_written += tell(_packs_ending(endings, today, ctx.as_of))
    ctx.rows_written += tell(_rewards_lapsing(endings, today))


def _packs_ending(endings: Endings, today: date, as_of: date) -> Iterator[NoticeDraft]:
    """Yield a notice for each shop that has claimed a pack about to end and has tasks left."""
    rows = PackStanding.objects.as_of(as_of).filter(
        pack__closes_on__in=endings, pack__published=True, done__lt=F("tasks")
    )
    for row in rows.select_related("pack").order_by("pk").iterator():
        last = row.pack.closes_on
        yield NoticeDraft(
            kind="pack_ending",
            key=f"pack_ending:{row.pack.code}:{row.seller_id}:{endings[last]}",
            params={
                "pack": pack_title(row.pack),
                "day": last,
                "done": row.done,
                "total": row.tasks,
                "days": (last - today).days,
            },
            link=reverse("growth:pack", args=[row.pack.code]),
            seller_id=row.seller_id,
        )


def _rewards_lapsing(endings: Endings, today: date) -> Iterator[NoticeDraft]:
    """Yield a notice for each reward that is still to be used and has few days left."""
    for last, warning in endings.items():
        grants = RewardGrant.objects.filter(
            status=RewardStatus.GRANTED,
            usable_until__gt=platform_time.start_of(last),
            usable_until__lte=platform_time.end_of(last),
        )
        for grant in grants.select_related("reward", "claim__pack").order_by("pk").iterator():
            yield NoticeDraft(
                kind="reward_lapsing",
                key=f"reward_lapsing:{grant.pk}:{warning}",
                params={
                    "reward": rewards_text([grant.reward]),
                    "pack": pack_title(grant.claim.pack),
                    "day": last,
                    "days": (last - today).days,
                },
                link=reverse("growth:rewards"),
                seller_id=grant.seller_id,
            )


# --- Export -------------------------------------------------------------------------------------


def outcome_rows(as_of: date) -> Iterator[dict[str, Any]]:
    """Yield what became of the claims of packs whose last day is the day or before it."""
    claims = PackClaim.objects.filter(pack__closes_on__lte=as_of).exclude(outcome="").order_by()
    for seller, pack, outcome, since in claims.values_list(
        "seller__member_id", "pack__code", "outcome", "complete_since"
    ).iterator():
        yield {"seller": seller, "pack": pack, "outcome": outcome, "complete_since": since}


register_standing("growth", "pack_outcomes", outcome_rows, job=REWARDS)
