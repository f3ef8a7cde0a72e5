"""Typed content of the rulebooks of the diagnosis (智能诊断): `growth.diagnosis` (GRO-11, K-16)."""

from __future__ import annotations

from typing import Self

from django.utils.translation import pgettext_lazy
from pydantic import Field, field_validator, model_validator

from portal.bilingual import in_language
from portal.metrics import FINAL, metric_job, metric_known
from portal.rulebook_schemas import (
    RulebookContent,
    register_rulebook_module,
    register_rulebook_words,
)

DIAGNOSIS = "growth.diagnosis"


class DiagnosisItem(RulebookContent):
    """A metric that is compared with its benchmark, and what a shop does about it.

    `weight` is its share of the growth score, relative to the other items. `page` is the name of a page
    of the portal where it is improved (`listings:themes`), perhaps with a query string.
    """

    key: str = Field(pattern=r"^[a-z0-9_]+$")
    metric: str = Field(max_length=80)
    weight: int = Field(ge=1, le=100)
    lower_is_better: bool = False
    title_en: str
    title_zh: str = ""
    gain_en: str = ""
    gain_zh: str = ""
    guide_en: str = ""
    guide_zh: str = ""
    page: str = ""

    @field_validator("metric")
    @classmethod
    def _counted_before(cls, metric: str) -> str:
        if not metric_known(metric):
            raise ValueError(f"there is no metric “{metric}”")
        if metric_job(metric) == FINAL:
            raise ValueError(f"“{metric}” is counted after the diagnosis")
        return metric

    @property
    def title(self) -> str:
        """Title in the active language."""
        return in_language(self.title_en, self.title_zh)

    @property
    def gain(self) -> str:
        """What a better value brings, in the active language; often empty."""
        return in_language(self.gain_en, self.gain_zh)

    @property
    def guide(self) -> str:
        """How it is improved, in the active language; often empty."""
        return in_language(self.guide_en, self.guide_zh)


class DiagnosisRules(RulebookContent):
    """What the diagnosis looks at (GRO-11); the order is that of the full list."""

    items: list[DiagnosisItem] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for name in ("key", "metric"):
            values = [getattr(item, name) for item in self.items]
            if twice := sorted({value for value in values if values.count(value) > 1}):
                raise ValueError(f"two items have the same {name}: {', '.join(twice)}")
        return self


register_rulebook_module(DIAGNOSIS, DiagnosisRules)
register_rulebook_words(
    {
        # Translators: 诊断任务项
        "items": pgettext_lazy("rulebook", "Items"),
        "key": pgettext_lazy("rulebook", "Key"),
        "metric": pgettext_lazy("rulebook", "Number"),
        "weight": pgettext_lazy("rulebook", "Weight"),
        "lower_is_better": pgettext_lazy("rulebook", "Lower is better"),
        "title": pgettext_lazy("rulebook", "Title"),
        "gain": pgettext_lazy("rulebook", "What it brings"),
        "guide": pgettext_lazy("rulebook", "How it is done"),
        "page": pgettext_lazy("rulebook", "Page"),
    }
)
