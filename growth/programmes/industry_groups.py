"""Groups of industries that programmes speak of, whatever upstream calls its top-level categories (GRO-18).

The briefings name industries in words (机械, 电工电气); codes of categories are upstream's own. A shop
belongs to the first group one of whose words is part of the code or of a name of its industry.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.audience import AudienceField, FieldType, Values, register_audience_field
from portal.models import Seller


@dataclass(frozen=True)
class IndustryGroup:
    """A group: its key, its name, and the words that tell it, in small letters."""

    key: str
    name: Promise
    words: tuple[str, ...]


GROUPS = (
    # Translators: 机械
    IndustryGroup("machinery", _("Machinery"), ("机械", "machinery")),
    # Translators: 电工电气
    IndustryGroup("electrical", _("Electrical equipment"), ("电工", "电气", "electrical")),
    # Translators: 五金工具
    IndustryGroup("hardware", _("Hardware and tools"), ("五金", "hardware", "tools")),
    # Translators: 安防劳保
    IndustryGroup("security", _("Security and protection"), ("安防", "劳保", "security", "safety")),
    # Translators: 包装印刷
    IndustryGroup("packaging", _("Packaging and printing"), ("包装", "印刷", "packaging", "printing")),
)  # fmt: skip
OTHER = "other"


def group_of(*names: str) -> str:
    """Return the key of the group an industry belongs to by its code and names, or `other`. Pure."""
    said = " ".join(names).casefold()
    for group in GROUPS:
        if any(word in said for word in group.words):
            return group.key
    return OTHER


def _load(sellers: QuerySet[Seller], day: date) -> Values:
    rows = sellers.values_list("pk", "industry__code", "industry__name_en", "industry__name_zh")
    return {pk: group_of(*(name or "" for name in names)) for pk, *names in rows}


def _names(keys: Collection[str]) -> Mapping[str, Any]:
    return {OTHER: _("Other industries")} | {group.key: group.name for group in GROUPS}


register_audience_field(
    AudienceField(
        "industry_group",
        FieldType.TEXT,
        _load,
        lambda: [*(group.key for group in GROUPS), OTHER],
        _("Industry"),
        _names,
    )
)
