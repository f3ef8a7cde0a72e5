"""Typed content of strength labels and of the cards buyers see: `growth.strength` (GRO-16, K-16)."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, Self

from django.utils.translation import pgettext_lazy
from pydantic import Field, field_validator, model_validator

from compliance.choices import CertificateType
from growth.choices import Operator
from growth.tasks.rules import TaskRule
from portal.bilingual import in_language
from portal.metrics import metric_known
from portal.rulebook_schemas import (
    RulebookContent,
    register_rulebook_module,
    register_rulebook_words,
)

STRENGTH = "growth.strength"

LabelCategory = Literal[
    "certification",
    "experience",
    "sourcing",
    "design",
    "patents",
    "quality",
    "production",
    "service",
]
CardUnit = Literal["hours", "percent", "usd", "m2", "people", "count"]


def _known_metric(metric: str) -> str:
    if metric and not metric_known(metric):
        raise ValueError(f"there is no metric “{metric}”")
    return metric


class LabelEntry(RulebookContent):
    """A strength label of the catalogue (实力标签).

    It is available to whom one proof it names is there: a verified certificate of one of
    `certificates`, whose name contains `standard` where one is given, or a metric that compares
    with `value`. Without any proof it is what the shop says of itself.
    """

    key: str = Field(pattern=r"^[a-z0-9-]+$", max_length=60)
    category: LabelCategory
    title_en: str
    title_zh: str
    proof_en: str = ""
    proof_zh: str = ""
    certificates: list[str] = []
    standard: str = ""
    metric: str = ""
    op: Literal["gte", "gt", "eq"] = "gte"
    value: Decimal = Decimal(1)

    _metric_exists = field_validator("metric")(_known_metric)

    @model_validator(mode="after")
    def _proofs_fit(self) -> Self:
        if unknown := set(self.certificates) - set(CertificateType.values):
            raise ValueError(f"there is no certificate “{', '.join(sorted(unknown))}”")
        if self.standard and not self.certificates:
            raise ValueError("a standard is that of a certificate")
        if self.needs_proof and not self.proof_en:
            raise ValueError("who asks for a proof says which: proof_en")
        return self

    @property
    def needs_proof(self) -> bool:
        """Whether something has to be there before it can be chosen."""
        return bool(self.certificates or self.metric)

    @property
    def rule(self) -> TaskRule | None:
        """The rule on a metric that proves it, if there is one."""
        if not self.metric:
            return None
        return TaskRule.of({"metric": self.metric, "op": self.op, "value": self.value})

    @property
    def title(self) -> str:
        """Title in the active language."""
        return in_language(self.title_en, self.title_zh)

    @property
    def proof(self) -> str:
        """What proves it, in the active language."""
        return in_language(self.proof_en, self.proof_zh)


class CardEntry(RulebookContent):
    """One piece of data a card may show; without a metric it counts verified management systems.

    `summed`: combined companies add up both entities. `rank` orders offline data, 1 first; of equal
    ranks the earlier entry comes first.
    """

    key: str = Field(pattern=r"^[a-z0-9_]+$")
    title_en: str
    title_zh: str
    unit: CardUnit
    metric: str = ""
    summed: bool = False
    rank: int = Field(default=1, ge=1)

    _metric_exists = field_validator("metric")(_known_metric)

    @property
    def title(self) -> str:
        """Title in the active language."""
        return in_language(self.title_en, self.title_zh)


class StrengthRules(RulebookContent):
    """Content of `growth.strength`: the labels and what the product-page card shows."""

    offline_places: int = Field(ge=0)
    online: list[CardEntry] = Field(min_length=1)
    offline: list[CardEntry] = Field(min_length=1)
    labels: list[LabelEntry] = Field(min_length=2)

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        for entries in (self.labels, [*self.online, *self.offline]):
            keys = [entry.key for entry in entries]
            if len(keys) != len(set(keys)):
                raise ValueError("two entries have the same key")
        return self

    def label(self, key: str) -> LabelEntry | None:
        """Return a label of the catalogue, or none."""
        return next((entry for entry in self.labels if entry.key == key), None)


LABEL_CATEGORIES = {
    # Translators: 证书
    "certification": pgettext_lazy("strength label", "Certificates"),
    # Translators: 经验（线下年限、展会、外贸经验）
    "experience": pgettext_lazy("strength label", "Experience and exhibitions"),
    # Translators: 组货能力
    "sourcing": pgettext_lazy("strength label", "Sourcing and supply chain"),
    # Translators: 定制与ODM
    "design": pgettext_lazy("strength label", "Customization and ODM"),
    # Translators: 专利与私模
    "patents": pgettext_lazy("strength label", "Patents and private moulds"),
    # Translators: 质量控制
    "quality": pgettext_lazy("strength label", "Quality control"),
    # Translators: 生产实力
    "production": pgettext_lazy("strength label", "Production"),
    # Translators: 售后服务
    "service": pgettext_lazy("strength label", "After-sales service"),
}
"""Categories of labels in the order they are shown."""
CARD_UNITS = {
    "hours": pgettext_lazy("unit", "hours"),
    "percent": pgettext_lazy("unit", "percent"),
    "usd": pgettext_lazy("unit", "US dollars"),
    "m2": pgettext_lazy("unit", "square metres"),
    "people": pgettext_lazy("unit", "people"),
    "count": pgettext_lazy("unit", "number"),
}

register_rulebook_module(STRENGTH, StrengthRules)
register_rulebook_words(
    {
        "offline_places": pgettext_lazy("rulebook", "Places for offline data"),
        # Translators: 线上数据
        "online": pgettext_lazy("rulebook", "Online data"),
        # Translators: 线下认证数据
        "offline": pgettext_lazy("rulebook", "Verified offline data"),
        # Translators: 实力标签
        "labels": pgettext_lazy("rulebook", "Strength labels"),
        "key": pgettext_lazy("rulebook", "Key"),
        "category": pgettext_lazy("rulebook", "Category"),
        "title": pgettext_lazy("rulebook", "Title"),
        "proof": pgettext_lazy("rulebook", "Proof"),
        "certificates": pgettext_lazy("rulebook", "Certificates"),
        "standard": pgettext_lazy("rulebook", "Standard in its name"),
        "metric": pgettext_lazy("rulebook", "Number"),
        "op": pgettext_lazy("rulebook", "Comparison"),
        "value": pgettext_lazy("rulebook", "Target"),
        "unit": pgettext_lazy("rulebook", "Unit"),
        "summed": pgettext_lazy("rulebook", "Combined companies add up"),
        "rank": pgettext_lazy("rulebook", "Rank"),
        **LABEL_CATEGORIES,
        **CARD_UNITS,
        **{operator.value: operator.label for operator in Operator},
    }
)
