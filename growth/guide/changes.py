"""What a new edition of the growth guide changes for one shop (K-17); registered with the kernel.

What a shop has reached since it opened does not depend on the edition, and the numbers behind tasks are
counted every night: so the facts of one day tell its stage, milestones and tasks under any edition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from growth.choices import Phase, Stage
from growth.guide.reading import GuideReading, guide_day
from growth.guide.rules import GuideFacts, phase_of, stage_ends_on, stage_of
from growth.guide.schema import GUIDE, GuideRules, Milestone
from growth.models import StageStanding
from growth.tasks.reading import TaskProgress, task_progress
from portal.models import Seller
from portal.rule_changes import (
    ChangeRow,
    ChangeTable,
    ChangeTeller,
    Outlook,
    RuleChange,
    Text,
    direction_of,
    register_rule_change,
)
from portal.services.rulebooks import RulebookInForce, rulebooks_published
from portal.templatetags.portal_ui import day_text, number_text
from rfq.score.words import money_text


@dataclass(frozen=True)
class GuideFigures:
    """Where a shop stands on the day after its figures by one edition, and what that stage asks.

    `ends_on` is the last day the stage may last, none without one; `tasks` are those of the stage.
    """

    rules: GuideRules
    stage: Stage
    phase: Phase | None
    ends_on: date | None
    tasks: Sequence[TaskProgress]


def change_ahead(reading: GuideReading) -> RuleChange | None:
    """Return what an announced edition, or one in force since, makes of the newest figures (K-17).

    None when theirs is the newest, and when the new one changes nothing for the shop.
    """
    if reading.standing is None:
        return None
    change = CHANGES.ahead(reading.seller, reading.as_of, rulebooks_published(GUIDE))
    return change if change and change.tables else None


def outlook_of(
    seller: Seller, after: RulebookInForce, rulebooks: Sequence[RulebookInForce]
) -> Outlook[GuideFigures] | None:
    """Return what `after` changes for a shop, on the newest facts from before it starts (K-17).

    None while nothing is counted, and for an edition without a predecessor. A constant number of queries.
    """
    day = guide_day(after.effective_from - timedelta(days=1))
    if day is None:
        return None
    row = StageStanding.objects.as_of(day).filter(seller=seller).first()
    before = next((book for book in rulebooks if row and book.version == row.rulebook), None)
    if row is None or before is None or before.version == after.version:
        return None
    asked = [*_tasks(before.content), *_tasks(after.content)]
    progress = iter(task_progress(seller, asked, day))
    figures = [
        _figures(book.content, row, seller, day, [next(progress) for _task in _tasks(book.content)])
        for book in (before, after)
    ]
    return Outlook(
        as_of=day, before=before, after=after, figures_before=figures[0], figures_after=figures[1]
    )


def _tasks(rules: GuideRules) -> list:
    return [*rules.preparation, *rules.core, *rules.tasks]


def _figures(
    rules: GuideRules,
    row: StageStanding,
    seller: Seller,
    day: date,
    progress: Sequence[TaskProgress],
) -> GuideFigures:
    """Judge the day after the figures: a stage ends the day after what it asks for."""
    first = len(rules.preparation)
    core = progress[first : first + len(rules.core)]
    facts = GuideFacts(
        opened_on=seller.opened_on,
        opportunities=row.opportunities,
        orders=row.orders,
        received=row.received,
        star=seller.assessed_star,
        # Once all were done together that stays, whatever an edition calls core.
        core_done_on=row.core_done_on or (day if all(task.done for task in core) else None),
    )
    judged = day + timedelta(days=1)
    stage = stage_of(rules, facts, judged)
    shown = {
        Stage.PRE_OPENING: progress[:first],
        Stage.NOVICE_30: core,
        Stage.NOVICE_90: progress[first + len(rules.core) :],
    }
    return GuideFigures(
        rules=rules,
        stage=stage,
        phase=phase_of(rules, facts, judged),
        ends_on=stage_ends_on(rules, seller.opened_on, stage),
        tasks=shown.get(stage, ()),
    )


# --- As tables ----------------------------------------------------------------------------------


def change_of(outlook: Outlook[GuideFigures]) -> RuleChange:
    """Write an outlook as the tables readers are shown; what stays as it is is left out."""
    before, after = outlook.figures_before, outlook.figures_after
    tables = [
        ChangeTable(_("Your shop"), tuple(_shop_rows(before, after))),
        # Translators: 任务
        ChangeTable(_("Tasks of your stage"), tuple(_task_rows(before, after))),
        # Translators: 里程碑
        ChangeTable(_("Milestones"), tuple(_milestone_rows(before, after))),
    ]
    return outlook.told(
        summary=_summary(outlook),
        tables=[table for table in tables if table.rows],
        notes=(_("Both columns are told from the same facts, each by its own edition."),),
    )


def _summary(outlook: Outlook[GuideFigures]) -> str:
    before, after = outlook.figures_before.stage, outlook.figures_after.stage
    values = {
        "day": day_text(outlook.after.effective_from),
        "before": before.label,
        "after": after.label,
    }
    if before == after:
        return _("A new edition holds from %(day)s on. Your stage stays: %(after)s.") % values
    text = _("A new edition holds from %(day)s on. By it your stage is %(after)s, not %(before)s.")
    return text % values


def _shop_rows(before: GuideFigures, after: GuideFigures) -> Iterator[ChangeRow]:
    rows: list[tuple[str, Text, Text]] = [
        (_("Stage"), before.stage.label, after.stage.label),
        (_("Phase"), _phase(before), _phase(after)),
        (_("The stage lasts at most until"), _day(before.ends_on), _day(after.ends_on)),
        (
            _("Mature from received since opening"),
            money_text(before.rules.mature_received),
            money_text(after.rules.mature_received),
        ),
    ]
    if before.stage == after.stage == Stage.MATURE:
        rows = []  # what made it mature is behind it
    for label, old, new in rows:
        if old != new:
            yield ChangeRow(label, old, new)


def _phase(figures: GuideFigures) -> str:
    milestone = figures.rules.milestone(figures.phase)
    return milestone.title if milestone else "–"


def _day(day: date | None) -> str:
    return day_text(day) if day else "–"


def _task_rows(before: GuideFigures, after: GuideFigures) -> Iterator[ChangeRow]:
    """Yield the tasks that are asked otherwise, no more, or only now."""
    old = {task.key: task for task in before.tasks}
    for task in after.tasks:
        was = old.pop(task.key, None)
        if was is None or (was.op, was.target) != (task.op, task.target) or was.done != task.done:
            difference = direction_of(task.done - was.done) if was else 0
            yield ChangeRow(task.title, _asked(was), _asked(task), direction=difference)
    for gone in old.values():
        yield ChangeRow(gone.title, _asked(gone), _asked(None))


def _asked(task: TaskProgress | None) -> str:
    if task is None:
        return _("not asked")
    if isinstance(task.target, Decimal) and task.countable:
        return _("%(value)s of %(target)s") % {
            "value": number_text(task.reached),
            "target": number_text(task.target),
        }
    return _("done") if task.done else _("open")


def _milestone_rows(before: GuideFigures, after: GuideFigures) -> Iterator[ChangeRow]:
    """Yield the milestones with another target, while they are not behind the shop by both editions."""
    if before.stage == after.stage == Stage.MATURE:
        return
    old = {each.key: each for each in before.rules.milestones}
    for each in after.rules.milestones:
        was = old.pop(each.key, None)
        if was is None:
            yield ChangeRow(each.title, _("not asked"), _target(each))
        elif was.target != each.target:
            easier = direction_of(was.target - each.target)
            yield ChangeRow(Phase(each.key).label, _target(was), _target(each), direction=easier)
    for gone in old.values():
        yield ChangeRow(gone.title, _target(gone), _("not asked"))


def _target(milestone: Milestone) -> str:
    if milestone.key == Phase.GMV:
        return money_text(milestone.target)
    return number_text(milestone.target)


CHANGES = ChangeTeller(GUIDE, outlook_of, change_of)

register_rule_change(GUIDE, CHANGES.under)
