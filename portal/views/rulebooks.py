"""The rules in force and their versions by date, for sellers to read (K-16)."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.bilingual import reads_chinese
from portal.choices import RulebookStatus
from portal.http import MemberRequest
from portal.metrics import metric_known, metric_title
from portal.models import Rulebook
from portal.rulebook_schemas import RULEBOOK_WORDS
from portal.views.base import SellerPage

MODULE_NAMES: dict[str, str | Promise] = {
    "portal.buyer_labels": _("Buyer levels"),
    "listings.benefits": _("Benefits of targeted products"),
    "rfq.score": _("RFQ service score and rewards"),
    "rfq.challenge": _("GMV challenge"),
    "rfq.market": _("RFQ market"),
    # Translators: 生产者责任延伸（EPR）
    "compliance.epr": _("EPR: what countries ask for"),
    # Translators: EPR服务报价
    "compliance.services": _("Registration services and prices"),
    # Translators: 行业资质准入
    "compliance.admissions": _("Industry admissions"),
    # Translators: 违规处罚规则
    "compliance.violations": _("Violations, points and appeals"),
    # Translators: 成长指引
    "growth.guide": _("Growth guide"),
    # Translators: 智能诊断
    "growth.diagnosis": _("Diagnosis"),
    # Translators: 商家星等级
    "growth.star": _("Star level"),
    # Translators: 会员身份&权益
    "growth.rights": _("Rights of the membership"),
    # Translators: 工贸一体
    "growth.membership.affiliation": _("Combined companies"),
    # Translators: 企业实力标签与卡片
    "growth.strength": _("Strength labels and cards"),
}
"""Names of rulebook modules; one without a name shows its key."""


def module_name(module: str) -> str | Promise:
    """Return what a module's rules are called."""
    return MODULE_NAMES.get(module, module)


def _place(rulebook: Rulebook, today: Any) -> str:
    """Tell where a version lies from a day: `upcoming`, `active` or `past`."""
    if rulebook.effective_from > today:
        return "upcoming"
    return "past" if rulebook.effective_to and rulebook.effective_to < today else "active"


class RulebooksPage(SellerPage):
    """Every module with the version in force today."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show them."""
        published = Rulebook.objects.filter(status=RulebookStatus.PUBLISHED).defer("content")
        today = platform_time.today()
        modules = []
        for module, rows in groupby(
            published.order_by("module", "effective_from"), key=lambda row: row.module
        ):
            versions = list(rows)
            places = {row.pk: _place(row, today) for row in versions}
            modules.append(
                {
                    "key": module,
                    "name": module_name(module),
                    "active": next((r for r in versions if places[r.pk] == "active"), None),
                    "upcoming": next((r for r in versions if places[r.pk] == "upcoming"), None),
                    "count": len(versions),
                }
            )
        return render(request, "portal/rulebooks.html", {"modules": modules})


class RulebookPage(SellerPage):
    """One module: versions by date, and the content of the one chosen."""

    def get(self, request: MemberRequest, module: str) -> HttpResponse:
        """Show the version `?version=` names, else the one in force, else the latest."""
        today = platform_time.today()
        published = Rulebook.objects.filter(module=module, status=RulebookStatus.PUBLISHED)
        versions = [(row, _place(row, today)) for row in published.order_by("-effective_from")]
        wanted = request.GET.get("version")
        if wanted:
            chosen = next((pair for pair in versions if pair[0].version == wanted), None)
        else:
            in_force = (pair for pair in versions if pair[1] == "active")
            chosen = next(in_force, versions[0] if versions else None)
        if chosen is None:
            raise Http404
        rulebook, place = chosen
        return render(
            request,
            "portal/rulebook.html",
            {
                "module": module,
                "name": module_name(module),
                "versions": versions,
                "chosen": rulebook,
                "place": place,
                "tree": outline(rulebook.content),
            },
        )


def outline(value: Any, label: str = "") -> dict[str, Any]:
    """Turn rulebook content into what the template draws: facts, tables, parts, lists and values.

    Pairs of `…_en` and `…_zh` become one entry in the reader's language. `label` names a table for
    screen readers by the way that leads to it.
    """
    if isinstance(value, dict):
        facts = []
        for key, inner in _localised(value).items():
            words = _words(key)
            facts.append((words, outline(inner, f"{label}, {words}" if label else words)))
        return {"kind": "facts", "facts": facts}
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        rows = [_localised(row) for row in value]
        if any(_is_nested(inner) for row in rows for inner in row.values()):
            return {"kind": "parts", "parts": _parts(rows, label)}
        columns = [
            column
            for column in dict.fromkeys(key for row in rows for key in row)
            if any(row.get(column) not in (None, "", []) for row in rows)
        ]
        return {
            "kind": "table",
            "label": label,
            "heads": [_words(column) for column in columns],
            "rows": [
                [(_words(column), outline(row.get(column))) for column in columns] for row in rows
            ],
        }
    if isinstance(value, list):
        return {"kind": "list", "items": [outline(item, label) for item in value]}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"kind": "number", "value": value}
    try:
        return {"kind": "day", "value": platform_time.parse_day(value)}
    except (platform_time.InvalidInstant, AttributeError):
        named = _named(value) if isinstance(value, str) else None
        return {"kind": "value", "value": value if named is None else str(named)}


NAMES_OF_A_PART = ("name", "title", "key", "code")


def _parts(rows: list[dict[str, Any]], label: str) -> list[dict[str, Any]]:
    """Return rows too deep for a table, each under its own name and without what it leaves open."""
    naming = next(
        (key for key in NAMES_OF_A_PART if all(isinstance(row.get(key), str) for row in rows)), None
    )
    parts = []
    for number, row in enumerate(rows, start=1):
        name = row[naming] if naming else None
        said = {
            key: inner
            for key, inner in row.items()
            if key != naming and inner not in (None, "", [], {})
        }
        part = outline(said, f"{label} {number}")
        parts.append({"name": None if name is None else str(_named(name) or name), "node": part})
    return parts


def _named(value: str) -> str | Promise | None:
    """Return what a fixed value or a metric is called, none for any other text."""
    if value in RULEBOOK_WORDS:
        return RULEBOOK_WORDS[value]
    return metric_title(value) if metric_known(value) else None


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(item, dict) for item in value)
    )


def _localised(content: dict[str, Any]) -> dict[str, Any]:
    """Merge `name_en` and `name_zh` into `name`; the English text where the Chinese one is missing."""
    chinese = reads_chinese()
    merged: dict[str, Any] = {}
    for key, value in content.items():
        stem, _dash, language = key.rpartition("_")
        other = {"en": "zh", "zh": "en"}.get(language)
        if other is None or f"{stem}_{other}" not in content:
            merged[key] = value
        else:
            merged[stem] = (chinese and content[f"{stem}_zh"]) or content[f"{stem}_en"]
    return merged


def _words(key: str) -> str:
    if key in RULEBOOK_WORDS:
        return str(RULEBOOK_WORDS[key])
    text = key.replace("_", " ")
    return text[:1].upper() + text[1:]
