"""Task packs as one shop reads them: state, tasks, places left (GRO-6, GRO-7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Count, F, Prefetch, Q, QuerySet

from growth.choices import ClaimOutcome, PackState, RewardStatus
from growth.models import (
    Pack,
    PackClaim,
    PackReward,
    PackStanding,
    PackTask,
    RewardGrant,
)
from growth.nightly.packs import asked_rows, rules_of
from growth.packs.rules import PACKS, granted_by, pack_state, quota_left
from growth.services.packs import packs_open_to
from growth.shop_values import values_by_day
from growth.tasks.reading import TaskProgress, progress_of
from portal import platform_time
from portal.bilingual import in_language
from portal.metrics import metric_empty
from portal.models import Seller
from portal.nightly.published import published_day
from portal.nightly.registry import adapt_params
from portal.prepared_reads import prepared, relate
from portal.read_once import read_once
from portal.scoping import seller_scope, unscoped
from portal.templatetags.portal_ui import list_text


@dataclass(frozen=True)
class PackReading:
    """A pack for one shop. `as_of` is the day its tasks are judged by: the last day at most.

    `quota_left` counts down with the claims that are complete as of the day; after settling with those
    rewarded. None means that places are not limited.
    """

    pack: Pack
    state: PackState
    tasks: list[TaskProgress]
    quota_left: int | None
    as_of: date | None
    claim: PackClaim | None

    @property
    def rewards(self) -> list[PackReward]:
        """What it gives, in order."""
        return list(self.pack.rewards.all())

    @property
    def reward_rows(self) -> list[tuple[PackReward, str]]:
        """What it gives, in order, with the tools to choose from by name."""
        return [
            (reward, list_text(tool.name for tool in tools_named(reward.choices)))
            for reward in self.rewards
        ]

    @property
    def done(self) -> int:
        """Number of tasks done."""
        return sum(task.done for task in self.tasks)

    @property
    def opens_at(self) -> datetime:
        """First instant at which it can be claimed."""
        return platform_time.start_of(self.pack.opens_on)

    @property
    def closes_at(self) -> datetime:
        """First instant at which it can no longer be claimed."""
        return platform_time.end_of(self.pack.closes_on)

    @property
    def granted_by(self) -> date:
        """Day by which rewards are granted."""
        return granted_by(self.pack.edition, self.pack.closes_on)

    @property
    def is_running(self) -> bool:
        """Whether something can still be done for it."""
        return platform_time.now() < self.closes_at

    @property
    def is_over(self) -> bool:
        """Whether its window has ended."""
        return not self.is_running

    @property
    def waits(self) -> bool:
        """Whether it was claimed and its last day is over but not counted yet."""
        return self.claim is not None and not self.claim.outcome and not self.is_running


def packs_published() -> QuerySet[Pack]:
    """Return the packs shops may see, with their tasks and rewards, newest first."""
    return (
        Pack.objects.filter(published=True)
        .prefetch_related(
            Prefetch("tasks", PackTask.objects.order_by("position", "pk")),
            Prefetch("rewards", PackReward.objects.order_by("position", "pk")),
        )
        .order_by("-opens_on", "code")
    )


@read_once
def running_packs(seller: Seller) -> list[PackReading]:
    """Return the packs whose window holds today and which concern the shop, the first to end first."""
    today = platform_time.today()
    packs = _running(today)
    if pks := frozenset(pack.pk for pack in packs):
        relate(packs, "tasks", _pack_tasks(pks), by="pack_id")
        relate(packs, "rewards", _pack_rewards(pks), by="pack_id")
    readings = pack_readings(seller, packs)
    return sorted(
        (each for each in readings if each.state != PackState.NOT_ELIGIBLE),
        key=lambda each: (each.pack.closes_on, each.pack.code),
    )


@prepared
def _running(today: date) -> QuerySet[Pack]:
    packs = Pack.objects.filter(published=True, opens_on__lte=today, closes_on__gte=today)
    return packs.order_by("-opens_on", "code")


@prepared
def _pack_tasks(packs: Collection[int]) -> QuerySet[PackTask]:
    return PackTask.objects.filter(pack__in=packs).order_by("position", "pk")


@prepared
def _pack_rewards(packs: Collection[int]) -> QuerySet[PackReward]:
    return PackReward.objects.filter(pack__in=packs).order_by("position", "pk")


def pack_reading(seller: Seller, code: str) -> PackReading | None:
    """Return one published pack as a shop reads it, or none."""
    found = pack_readings(seller, list(packs_published().filter(code=code)))
    return found[0] if found else None


def pack_readings(seller: Seller, packs: Sequence[Pack]) -> list[PackReading]:
    """Return packs as a shop reads them, in their order (GRO-6, GRO-7).

    A constant number of queries, and one per field or metric that audiences name. A list that falls due is
    closed on the way (GRO-10).
    """
    now, newest = platform_time.now(), published_day(PACKS)
    days = {pack.pk: min(newest, pack.closes_on) if newest else None for pack in packs}
    eligible = packs_open_to(seller, packs)
    with seller_scope(seller):
        claims = {claim.pack_id: claim for claim in _claims([pack.pk for pack in packs])}
    tasks = _tasks_of(seller, packs, days)
    taken = _places_taken(packs, days)
    readings = []
    for pack in packs:
        claim = claims.get(pack.pk)
        state = pack_state(
            now=now,
            opens_on=pack.opens_on,
            closes_on=pack.closes_on,
            eligible=pack.pk in eligible,
            claimed=claim is not None,
            complete=all(task.done for task in tasks[pack.pk]),
            outcome=claim.outcome if claim else "",
        )
        left = quota_left(pack.quota, taken.get(pack.pk, 0))
        readings.append(PackReading(pack, state, tasks[pack.pk], left, days[pack.pk], claim))
    return readings


@prepared
def _claims(packs: Collection[int]) -> QuerySet[PackClaim]:
    return PackClaim.objects.filter(pack__in=packs)


# --- Tasks --------------------------------------------------------------------------------------

Days = dict[int, date | None]
"""Pack → the day its tasks are judged by; none before the first night."""


def _tasks_of(seller: Seller, packs: Sequence[Pack], days: Days) -> dict[int, list[TaskProgress]]:
    """Return the tasks of each pack with what the shop had reached on the pack's day; one query."""
    asked: dict[date, set[str]] = defaultdict(set)
    for pack in packs:
        if day := days[pack.pk]:
            asked[day] |= {task.metric for task in pack.tasks.all()}
    reached = values_by_day(seller, asked)
    found: dict[int, list[TaskProgress]] = {}
    for pack in packs:
        day = days[pack.pk]
        values = reached[day] if day else {}
        found[pack.pk] = [_task(task, values, known=day is not None) for task in pack.tasks.all()]
    return found


def _task(task: PackTask, values: Mapping[str, Decimal], *, known: bool) -> TaskProgress:
    """Return a task with its value; nothing is done before the first night has counted."""
    value = values.get(task.metric, metric_empty(task.metric) if known else None)
    progress = progress_of(task, value)
    return progress if known else replace(progress, done=False)


# --- Places -------------------------------------------------------------------------------------


def _places_taken(packs: Iterable[Pack], days: Days) -> dict[int, int]:
    """Return how many places are taken of packs that have a quota; three queries at most.

    Running packs: claims complete as of the day, those made since included. Settled ones: rewarded.
    """
    limited = [pack for pack in packs if pack.quota is not None]
    settled = [pack.pk for pack in limited if pack.settled_at is not None]
    running = [pack for pack in limited if pack.settled_at is None and days[pack.pk]]
    taken: dict[int, int] = defaultdict(int)
    with unscoped():
        if settled:
            rewarded = PackClaim.objects.filter(pack__in=settled, outcome=ClaimOutcome.REWARDED)
            taken |= dict(_by_pack(rewarded))
        if running:
            taken |= _complete(running, days)
            for pack_id, number in _complete_since_claimed(running, days):
                taken[pack_id] += number
    return taken


def _complete(packs: Sequence[Pack], days: Days) -> dict[int, int]:
    """Return, per pack, the claims complete as of its day; one query."""
    asked = {days[pack.pk] for pack in packs}
    if len(asked) == 1 and (day := asked.pop()):
        return dict(_complete_on(day, [pack.pk for pack in packs]))
    complete = Q(pk__in=[])
    for pack in packs:
        day = days[pack.pk]
        complete |= Q(pack=pack, valid_from__lte=day, valid_to__gte=day)
    return dict(_by_pack(PackStanding.objects.filter(complete, done=F("tasks"))))


@prepared
def _complete_on(day: date, packs: Collection[int]) -> QuerySet[PackStanding, tuple[int, int]]:
    return _by_pack(PackStanding.objects.as_of(day).filter(pack__in=packs, done=F("tasks")))


def _by_pack(rows: QuerySet) -> QuerySet[Any, tuple[int, int]]:
    return rows.order_by().values_list("pack_id").annotate(number=Count("pk"))


def _complete_since_claimed(packs: Sequence[Pack], days: Days) -> list[tuple[int, int]]:
    """Return, per pack, the claims newer than the day whose tasks all held on it already."""
    fresh = [(pack, days[pack.pk]) for pack in packs]
    day = max(day for _pack, day in fresh if day)
    asked = [(pack.pk, rules_of(pack)) for pack, its_day in fresh if its_day == day]
    if not any(rules for _pack, rules in asked):
        return []
    rows, params = asked_rows(asked)
    params |= {"as_of": day, "ends": platform_time.end_of(day)}
    with connection.cursor() as cursor:
        cursor.execute(FRESH.format(asked=rows), adapt_params(connection, params))
        return list(cursor.fetchall())


FRESH = """
SELECT n.pack_id, COUNT(*) FROM (
    SELECT c.pack_id, c.seller_id FROM growth_packclaim c
    JOIN ({asked}) a ON a.pack_id = c.pack_id
    JOIN growth_taskdone d ON d.seller_id = c.seller_id AND d.rule = a.rule
        AND d.valid_from <= %(as_of)s AND d.valid_to >= %(as_of)s
    WHERE c.claimed_at >= %(ends)s
    GROUP BY c.pack_id, c.seller_id, a.tasks HAVING COUNT(d.id) = a.tasks
) n GROUP BY n.pack_id
"""


# --- Rewards ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tool:
    """A tool of a coupon in the reader's language."""

    code: str
    name: str
    url: str


def tools_named(choices: Iterable[Mapping[str, str]]) -> list[Tool]:
    """Return the tools of a coupon as readers see them."""
    return [
        Tool(tool["code"], in_language(tool["name_en"], tool["name_zh"]), tool["url"])
        for tool in choices
    ]


@dataclass(frozen=True)
class RewardReading:
    """A reward in the shop's hands, as it is at this moment: a late one is lapsed before the night says so."""

    grant: RewardGrant
    status: RewardStatus

    @property
    def tools(self) -> list[Tool]:
        """The tools to choose from."""
        return tools_named(self.grant.reward.choices)

    @property
    def chosen(self) -> Tool | None:
        """The tool chosen, or none."""
        return next((tool for tool in self.tools if tool.code == self.grant.choice), None)

    @property
    def may_choose(self) -> bool:
        """Whether a tool is to be chosen."""
        return self.status == RewardStatus.GRANTED and bool(self.tools) and not self.grant.choice

    @property
    def may_use(self) -> bool:
        """Whether it can be used now."""
        return self.status == RewardStatus.GRANTED and not self.may_choose

    @property
    def is_over(self) -> bool:
        """Whether what it brought has ended."""
        until = self.grant.valid_until
        return until is not None and platform_time.now() >= until

    @property
    def pack(self) -> Pack:
        """The pack that brought it."""
        return self.grant.claim.pack


def reward_grants() -> QuerySet[RewardGrant]:
    """Return the rewards of the shop in scope, newest first, with what they are."""
    return RewardGrant.objects.select_related("reward", "claim__pack").order_by(
        "-granted_at", "-pk"
    )


def reward_reading(grant: RewardGrant) -> RewardReading:
    """Return a reward as it is now (GRO-8)."""
    status = RewardStatus(grant.status)
    if status == RewardStatus.GRANTED and platform_time.now() >= grant.usable_until:
        status = RewardStatus.LAPSED
    return RewardReading(grant, status)


@read_once
def rewards_waiting(seller: Seller) -> list[RewardReading]:
    """Return the rewards a shop can still choose or use, the first to lapse first."""
    with seller_scope(seller):
        return [reward_reading(grant) for grant in _usable(platform_time.now())]


@prepared
def _usable(now: datetime) -> QuerySet[RewardGrant]:
    grants = reward_grants().filter(status=RewardStatus.GRANTED, usable_until__gt=now)
    return grants.order_by("usable_until", "pk")
