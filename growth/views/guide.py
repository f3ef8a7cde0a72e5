"""The growth guide of a shop: stage, milestones, tasks, courses and services (GRO-1 … GRO-5)."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from growth.choices import Stage
from growth.guide.changes import change_ahead
from growth.guide.reading import GuideReading, guide_reading
from growth.guide.texts import (
    PHASE_ICONS,
    STAGE_ABOUT,
    milestone_text,
    stage_end_text,
    tasks_text,
)
from growth.tasks.reading import page_url
from portal.http import MemberRequest
from portal.views.base import SellerPage


class GuidePage(SellerPage):
    """Where the shop stands on its way, and what to do there; constant queries."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show it as of the newest published day."""
        reading = guide_reading(request.seller)
        return render(
            request,
            "growth/guide.html",
            {
                "reading": reading,
                "stages": _stages(reading),
                "milestones": _milestones(reading),
                "ends": stage_end_text(reading),
                "tasks_done": tasks_text(reading),
                "change": change_ahead(reading),
                "star_url": page_url("growth:star"),
                "packs_url": page_url("growth:packs"),
                "diagnosis_url": page_url("growth:diagnosis"),
            },
        )


def _stages(reading: GuideReading) -> list[dict[str, Any]]:
    """Return the four stages as steps: behind, here, ahead."""
    order = list(Stage)
    here = order.index(reading.stage) if reading.stage else -1
    places = ["behind", "here", "ahead"]
    return [
        {
            "name": stage.label,
            "about": STAGE_ABOUT[stage],
            "place": places[(position > here) + (position >= here)],
        }
        for position, stage in enumerate(order)
    ]


def _milestones(reading: GuideReading) -> list[dict[str, Any]]:
    """Return the milestones with the goal: the first not reached, also on the day before its phase."""
    goal = next((each for each in reading.milestones if not each.done), None)
    return [
        {
            "reading": each,
            "goal": each is goal,
            "text": milestone_text(each),
            "icon": PHASE_ICONS[each.milestone.key],
            "shown": min(each.value, each.milestone.target),
        }
        for each in reading.milestones
    ]
