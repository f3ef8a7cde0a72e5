"""Where one shop stands in the growth guide, for pages and the API (GRO-1 … GRO-5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import QuerySet

from growth.choices import Phase, Stage
from growth.guide.rules import (
    GuideFacts,
    day_number,
    milestone_value,
    stage_ends_on,
)
from growth.guide.schema import GUIDE, GuideLink, GuideRules, Milestone
from growth.models import StageStanding
from growth.nightly.stages import STAGES
from growth.tasks.reading import TaskProgress, page_url, task_progress
from portal import platform_time
from portal.audience import audiences_concerning
from portal.models import Seller
from portal.nightly.published import published_day
from portal.prepared_reads import prepared
from portal.read_once import read_once
from portal.services.rulebooks import RulebookMissing, rulebook_for


@dataclass(frozen=True)
class MilestoneReading:
    """A milestone with what the shop has reached through the end of the day (GRO-3).

    `current` is the phase the shop is in. `unlock_url` leads to what it brings, or is empty.
    """

    milestone: Milestone
    value: Decimal
    current: bool
    unlock_url: str

    @property
    def done(self) -> bool:
        """Tell whether it is reached; the next phase begins the day after."""
        return self.value >= self.milestone.target

    @property
    def is_money(self) -> bool:
        """Tell whether it counts USD."""
        return self.milestone.key == Phase.GMV.value


@dataclass(frozen=True)
class LinkReading:
    """A recommended course or service, with an address that works."""

    title: str
    text: str
    url: str

    @property
    def outside(self) -> bool:
        """Tell whether it leaves the portal."""
        return self.url.startswith("https://")


@dataclass(frozen=True)
class GuideReading:
    """What the guide says of a shop as of a day; empty while there is no standing.

    `day` is which day of the shop `as_of` was, `ends_on` the last day of its stage. `tasks` are those
    of the stage, those of the current milestone first; `core` the core tasks, whatever the stage:
    once it is missed they stay open until all are done (GRO-2).
    """

    seller: Seller
    as_of: date | None = None
    standing: StageStanding | None = None
    rules: GuideRules | None = None
    day: int | None = None
    ends_on: date | None = None
    tasks: Sequence[TaskProgress] = ()
    core: Sequence[TaskProgress] = ()
    milestones: Sequence[MilestoneReading] = ()
    courses: Sequence[LinkReading] = ()
    services: Sequence[LinkReading] = ()

    @property
    def stage(self) -> Stage | None:
        """The stage, none before the first night."""
        return Stage(self.standing.stage) if self.standing else None

    @property
    def phase(self) -> Phase | None:
        """The phase, none outside the second stage after opening."""
        if self.standing is None or self.standing.phase is None:
            return None
        return Phase(self.standing.phase)

    @property
    def done(self) -> int:
        """How many of the stage's tasks are done."""
        return sum(task.done for task in self.tasks)

    @property
    def ends_at(self) -> datetime | None:
        """The first instant after the last day of the stage; what is done before counts for it."""
        return platform_time.end_of(self.ends_on) if self.ends_on else None

    @property
    def core_missed(self) -> bool:
        """Tell whether the shop went on without its core tasks: its star is not assessed (GRO-2)."""
        after = self.stage in (Stage.NOVICE_90, Stage.MATURE)
        return after and self.standing is not None and self.standing.core_done_on is None

    @property
    def current_milestone(self) -> MilestoneReading | None:
        """The milestone of the phase the shop is in."""
        return next((each for each in self.milestones if each.current), None)


def guide_day(wanted: date | None = None) -> date | None:
    """Return the newest published day of stages, at or before `wanted` (T+2, K-2)."""
    return published_day(STAGES, wanted)


@read_once
def guide_reading(seller: Seller, as_of: date | None = None) -> GuideReading:
    """Return where a shop stood on the newest published day at or before `as_of` (GRO-1 … GRO-5).

    A constant number of queries. Without a published day, or before the first edition, it is empty.
    """
    day = guide_day(as_of)
    if day is None:
        return GuideReading(seller)
    standing = next(iter(_standing(seller.pk, day)), None)
    if standing is None:
        return GuideReading(seller, day)
    try:
        rules: GuideRules = rulebook_for(GUIDE, day).content
    except RulebookMissing:  # withdrawn since
        return GuideReading(seller, day)
    of_stage = rules.tasks_of(standing.stage)
    milestone = rules.milestone(standing.phase)
    if milestone is not None:
        of_stage = sorted(of_stage, key=lambda task: task.key not in milestone.tasks)
    progress = task_progress(seller, [*of_stage, *rules.core], day)
    courses, services = _links(seller, standing.stage, rules)
    return GuideReading(
        seller=seller,
        as_of=day,
        standing=standing,
        rules=rules,
        day=day_number(seller.opened_on, day),
        ends_on=stage_ends_on(rules, seller.opened_on, standing.stage),
        tasks=progress[: len(of_stage)],
        core=progress[len(of_stage) :],
        milestones=_milestones(rules, standing, seller),
        courses=courses,
        services=services,
    )


@prepared
def _standing(seller_id: int, day: date) -> QuerySet[StageStanding]:
    return StageStanding.objects.as_of(day).filter(seller=seller_id).order_by("pk")[:1]


def _milestones(
    rules: GuideRules, standing: StageStanding, seller: Seller
) -> list[MilestoneReading]:
    through = GuideFacts(
        opened_on=seller.opened_on,
        opportunities=standing.opportunities,
        orders=standing.orders,
        received=standing.received,
        star=seller.assessed_star,
    )
    return [
        MilestoneReading(
            milestone=each,
            value=milestone_value(each.key, through),
            current=each.key == standing.phase,
            unlock_url=page_url(each.unlock_page),
        )
        for each in rules.milestones
    ]


def _links(
    seller: Seller, stage: str, rules: GuideRules
) -> tuple[list[LinkReading], list[LinkReading]]:
    """Return the courses and the services of a stage that are meant for the shop (GRO-5)."""
    courses = [each for each in rules.courses if stage in each.stages]
    services = [each for each in rules.services if stage in each.stages]
    limited = [each for each in (*courses, *services) if each.audience]
    if limited:
        concerned = audiences_concerning(seller, [each.conditions for each in limited])
        left_out = {
            id(each) for each, concerns in zip(limited, concerned, strict=True) if not concerns
        }
        courses = [each for each in courses if id(each) not in left_out]
        services = [each for each in services if id(each) not in left_out]
    return _readings(courses), _readings(services)


def _readings(links: list[GuideLink]) -> list[LinkReading]:
    found = [LinkReading(each.title, each.text, page_url(each.url)) for each in links]
    return [each for each in found if each.url]
