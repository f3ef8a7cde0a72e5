"""The stage on the home page: a card with its tasks, or a tile once they are behind (UI-2, GRO-1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from growth.choices import Stage
from growth.guide.reading import GuideReading, guide_reading
from growth.guide.texts import stage_end_text, tasks_text, tile_hint
from growth.tasks.reading import TaskProgress
from portal.addresses import reverse
from portal.home_tiles import HomeCard, HomeTile, register_home_cards, register_home_tiles
from portal.models import Member, Seller

TASKS_SHOWN = 6
"""Tasks on the card; the guide has them all."""


@dataclass(frozen=True)
class StageCard:
    """The stage, what ends it, and its tasks: those that are open first, and then in the guide's order."""

    reading: GuideReading
    progress: str
    ends: str
    tasks: Sequence[TaskProgress]


@register_home_cards
def stage_card(seller: Seller, member: Member, day: date) -> Iterator[HomeCard]:
    """Show the stage with its tasks while it has any (GRO-1, GRO-2, GRO-4)."""
    reading = guide_reading(seller)
    if not reading.tasks:
        return
    tasks = sorted(reading.tasks, key=lambda task: task.done)[:TASKS_SHOWN]
    progress = tile_hint(reading) if reading.current_milestone else tasks_text(reading)
    yield HomeCard(
        "growth/_stage_card.html",
        StageCard(reading, progress, stage_end_text(reading), tasks),
        stylesheets=("css/growth.css",),
    )


@register_home_tiles
def stage_tile(seller: Seller, member: Member, day: date) -> Iterator[HomeTile]:
    """Show a stage that has no tasks; nothing before the first night, or once the diagnosis takes over (GRO-1)."""
    reading = guide_reading(seller)
    if reading.stage in (None, Stage.MATURE) or reading.tasks:
        return
    yield HomeTile(
        # Translators: 成长指引
        label=_("Growth guide"),
        value=str(reading.stage.label),
        url=reverse("growth:guide"),
        hint=tile_hint(reading),
        icon="signpost-split",
        order=23,
    )
