"""Typed content of the growth guide's editions (成长指引): `growth.guide` (GRO-1 … GRO-5, K-16)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, Self

from django.utils.translation import pgettext_lazy
from pydantic import Field, field_validator, model_validator

from growth.choices import Operator, Phase, Stage
from growth.tasks.rules import TaskRule
from portal.audience import audience_errors
from portal.bilingual import in_language
from portal.metrics import metric_known
from portal.rulebook_schemas import (
    RulebookContent,
    register_rulebook_module,
    register_rulebook_words,
)

GUIDE = "growth.guide"

OperatorKey = Literal["eq", "ne", "gte", "gt", "lte", "lt", "in"]
StageKey = Literal["pre_opening", "novice_30", "novice_90", "mature"]
PhaseKey = Literal["opportunities", "order", "gmv", "star"]
KEY = r"^[a-z0-9_]+$"


class GuideTask(RulebookContent):
    """A task: a rule on a metric, what it brings, how and where it is done (GRO-4, GRO-5).

    `page` is the name of a page of the portal (`listings:themes`), perhaps with a query string.
    """

    key: str = Field(pattern=KEY)
    metric: str
    op: OperatorKey = "gte"
    value: Decimal | list[Decimal]
    title_en: str
    title_zh: str = ""
    gain_en: str = ""
    gain_zh: str = ""
    guide_en: str = ""
    guide_zh: str = ""
    page: str = ""

    @field_validator("metric")
    @classmethod
    def _metric_exists(cls, metric: str) -> str:
        if not metric_known(metric):
            raise ValueError(f"there is no metric “{metric}”")
        return metric

    @model_validator(mode="after")
    def _value_fits(self) -> Self:
        if (self.op == Operator.IN) != isinstance(self.value, list):
            raise ValueError("“in” takes a list, every other comparison one number")
        return self

    @property
    def rule(self) -> TaskRule:
        """The rule that tells whether it is done."""
        return TaskRule.of({"metric": self.metric, "op": self.op, "value": self.value})

    @property
    def title(self) -> str:
        """Title in the active language."""
        return in_language(self.title_en, self.title_zh)

    @property
    def gain(self) -> str:
        """What doing it brings, in the active language."""
        return in_language(self.gain_en, self.gain_zh)

    @property
    def guide(self) -> str:
        """How it is done, in the active language."""
        return in_language(self.guide_en, self.guide_zh)


class Milestone(RulebookContent):
    """A phase of the first 90 days: it ends the day after its target is met (GRO-3).

    Units: opportunities and orders since opening, USD received since opening, stars. `unlocks` is what
    reaching it brings, `unlock_page` where that is found. `tasks` are those shown first meanwhile.
    """

    key: PhaseKey
    target: Decimal = Field(gt=0)
    title_en: str
    title_zh: str = ""
    unlocks_en: str = ""
    unlocks_zh: str = ""
    unlock_page: str = ""
    tasks: list[str] = []

    @property
    def title(self) -> str:
        """Title in the active language."""
        return in_language(self.title_en, self.title_zh)

    @property
    def unlocks(self) -> str:
        """What reaching it brings, in the active language; often nothing."""
        return in_language(self.unlocks_en, self.unlocks_zh)


class GuideCondition(RulebookContent):
    """A condition on a seller, as in audiences: about a field or a metric."""

    field: str | None = None
    metric: str | None = None
    op: OperatorKey
    value: str | int | list[str] | list[int]


class GuideLink(RulebookContent):
    """A course or a service recommended in some stages, to all shops or to those of an audience (GRO-5).

    `url` is an address beginning with https:// or the name of a page of the portal.
    """

    stages: list[StageKey] = Field(min_length=1)
    title_en: str
    title_zh: str = ""
    text_en: str = ""
    text_zh: str = ""
    url: str
    audience: list[GuideCondition] = []

    @field_validator("url")
    @classmethod
    def _safe(cls, url: str) -> str:
        if not (url.startswith("https://") or re.fullmatch(r"[a-z]+:[a-z0-9-]+(\?[^#]*)?", url)):
            raise ValueError("an address begins with https://, or names a page")
        return url

    @model_validator(mode="after")
    def _audience_is_valid(self) -> Self:
        if errors := audience_errors(self.conditions):
            raise ValueError("; ".join(errors))
        return self

    @property
    def conditions(self) -> list[Mapping[str, Any]]:
        """The audience as the kernel takes it."""
        return [condition.model_dump(exclude_none=True) for condition in self.audience]

    @property
    def title(self) -> str:
        """Title in the active language."""
        return in_language(self.title_en, self.title_zh)

    @property
    def text(self) -> str:
        """A sentence on it in the active language; often none."""
        return in_language(self.text_en, self.text_zh)


class GuideRules(RulebookContent):
    """One edition of the growth guide (GRO-1 … GRO-5).

    Days are counted from opening: day 1 is the day after. `core_days` is the last day of the first
    stage after opening, `novice_days` the last before a shop is mature; `mature_received` USD received
    since opening make it mature before that.
    """

    core_days: int = Field(ge=1)
    novice_days: int = Field(ge=2)
    mature_received: Decimal = Field(gt=0)
    preparation: list[GuideTask]
    """Before opening."""
    core: list[GuideTask] = Field(min_length=1)
    """First stage after opening; stars are assessed only once all are done (GRO-2)."""
    milestones: list[Milestone] = Field(min_length=1)
    tasks: list[GuideTask]
    """Second stage after opening."""
    courses: list[GuideLink] = []
    services: list[GuideLink] = []

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.core_days >= self.novice_days:
            raise ValueError("core_days ends before novice_days")
        for tasks in (self.preparation, self.core, self.tasks):
            keys = [task.key for task in tasks]
            if len(set(keys)) < len(keys):
                raise ValueError("two tasks of a stage have the same key")
        phases = [milestone.key for milestone in self.milestones]
        if len(set(phases)) < len(phases):
            raise ValueError("two milestones have the same key")
        named = {key for milestone in self.milestones for key in milestone.tasks}
        if unknown := named - {task.key for task in self.tasks}:
            raise ValueError(f"no task is called {', '.join(sorted(unknown))}")
        return self

    @property
    def rules(self) -> list[TaskRule]:
        """Every distinct rule the edition names."""
        tasks = [*self.preparation, *self.core, *self.tasks]
        return list({task.rule.code: task.rule for task in tasks}.values())

    def tasks_of(self, stage: str) -> list[GuideTask]:
        """Return the tasks a stage asks for; mature shops have task packs instead."""
        return {
            Stage.PRE_OPENING.value: self.preparation,
            Stage.NOVICE_30.value: self.core,
            Stage.NOVICE_90.value: self.tasks,
        }.get(stage, [])

    def milestone(self, phase: str | None) -> Milestone | None:
        """Return the milestone of a phase, or none."""
        return next((each for each in self.milestones if each.key == phase), None)


register_rulebook_module(GUIDE, GuideRules)
register_rulebook_words(
    {
        "core_days": pgettext_lazy("rulebook", "Last day of the core tasks, from opening"),
        "novice_days": pgettext_lazy("rulebook", "Last day before a shop is mature, from opening"),
        "mature_received": pgettext_lazy("rulebook", "Mature from received (USD)"),
        # Translators: 开店准备
        "preparation": pgettext_lazy("rulebook", "Before opening"),
        # Translators: 新手推荐任务
        "core": pgettext_lazy("rulebook", "Core tasks"),
        # Translators: 里程碑
        "milestones": pgettext_lazy("rulebook", "Milestones"),
        "tasks": pgettext_lazy("rulebook", "Tasks"),
        # Translators: 推荐课程
        "courses": pgettext_lazy("rulebook", "Recommended courses"),
        # Translators: 推荐服务
        "services": pgettext_lazy("rulebook", "Recommended services"),
        "key": pgettext_lazy("rulebook", "Key"),
        "metric": pgettext_lazy("rulebook", "Number"),
        "field": pgettext_lazy("rulebook", "Field"),
        "op": pgettext_lazy("rulebook", "Comparison"),
        "value": pgettext_lazy("rulebook", "Target"),
        "target": pgettext_lazy("rulebook", "Target"),
        "title": pgettext_lazy("rulebook", "Title"),
        "gain": pgettext_lazy("rulebook", "What it brings"),
        "guide": pgettext_lazy("rulebook", "How it is done"),
        "page": pgettext_lazy("rulebook", "Page"),
        "unlocks": pgettext_lazy("rulebook", "Unlocks"),
        "unlock_page": pgettext_lazy("rulebook", "Page of what it unlocks"),
        "stages": pgettext_lazy("rulebook", "Stages"),
        "text": pgettext_lazy("rulebook", "Text"),
        "url": pgettext_lazy("rulebook", "Address"),
        "audience": pgettext_lazy("rulebook", "For whom"),
        **{stage.value: stage.label for stage in Stage},
        **{phase.value: phase.label for phase in Phase},
        **{operator.value: operator.label for operator in Operator},
    }
)
