"""Self-check of a quote before it is sent: does it answer what was asked, does it convince (RFQ-25).

Pure: values in, a checklist out; English and Chinese. It reads texts as a quick buyer would, by words, so
it only ever advises and never stands in the way of sending.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.text import normalise, padded, pattern
from rfq.quotes.units import quantity_text

ELEMENTS: MappingProxyType[str, Promise] = MappingProxyType(
    {
        # Translators: 生产年限
        "years": gettext_lazy("Years in production"),
        # Translators: 年产量
        "output": gettext_lazy("Yearly output"),
        # Translators: 产能
        "capacity": gettext_lazy("Capacity"),
        # Translators: 支持定制
        "customization": gettext_lazy("Customization supported"),
        # Translators: 服务品牌
        "brands": gettext_lazy("Brands served"),
        # Translators: 证书
        "certificates": gettext_lazy("Certificates"),
    }
)
"""The six elements of a company introduction, in the order buyers read them."""

INTRODUCTION = "intro_"
MOST_ATTRIBUTES = 12
"""More than this nobody answers one by one."""


@dataclass(frozen=True)
class AttributeWords:
    """A system attribute of the RFQ's category: its names and values in both languages."""

    names: tuple[str, ...]
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What the buyer wrote. `target_price` is USD per unit."""

    quantity: Decimal
    unit: str
    text: str
    target_price: Decimal | None = None
    attributes: tuple[AttributeWords, ...] = ()


@dataclass(frozen=True)
class Answered:
    """What the quote says so far; nothing where nothing was typed, or nothing that can be read."""

    message: str = ""
    unit_price: Decimal | None = None
    currency: str = "USD"
    moq: int | None = None
    lead_time_days: int | None = None
    sample_offered: bool = False
    has_validity: bool = False


@dataclass(frozen=True)
class CheckItem:
    """One line of the checklist; `advice` says what to do while it is not met."""

    key: str
    met: bool
    label: str
    advice: str = ""

    @property
    def introduces(self) -> bool:
        """Whether it is one of the elements of the company introduction."""
        return self.key.startswith(INTRODUCTION)


@dataclass(frozen=True)
class SelfCheck:
    """The checklist, in reading order."""

    items: tuple[CheckItem, ...] = field(default_factory=tuple)

    @property
    def met(self) -> int:
        """How many lines are met."""
        return sum(item.met for item in self.items)

    @property
    def answers(self) -> list[CheckItem]:
        """The lines about the RFQ, the price and the terms."""
        return [item for item in self.items if not item.introduces]

    @property
    def introduction(self) -> list[CheckItem]:
        """The lines about the company introduction."""
        return [item for item in self.items if item.introduces]

    def item(self, key: str) -> CheckItem | None:
        """Return a line by its key."""
        return next((item for item in self.items if item.key == key), None)


def self_check(asked: Asked, answered: Answered) -> SelfCheck:
    """Check a quote against what the buyer asked and what convinces buyers (RFQ-25). Never blocks.

    Keys: `quantity`, `attributes` (only when the RFQ names any), `price`, `sample`, `lead_time`,
    `validity`, and `intro_…` for the six elements of the company introduction.
    """
    said = padded(normalise(answered.message))
    return SelfCheck(
        (
            _quantity(asked, answered),
            *_attributes(asked, answered.message, said),
            _price(asked, answered, said),
            *_terms(answered, said),
            *_introduction(said),
        )
    )


# --- What was asked -----------------------------------------------------------------------------


def _quantity(asked: Asked, answered: Answered) -> CheckItem:
    fits = answered.moq is not None and answered.moq <= asked.quantity
    wanted = quantity_text(asked.quantity, asked.unit)
    return CheckItem(
        "quantity",
        fits or asked.quantity in set(_numbers(answered.message)),
        _("Answers the quantity asked: %(quantity)s") % {"quantity": wanted},
        _("The minimum order is above it: say what you can do for this quantity.")
        if answered.moq is not None and not fits
        else _("Give a minimum order up to it, or write what you can do for it."),
    )


_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def _numbers(text: str) -> Iterator[Decimal]:
    """Yield the numbers of a text; commas separate thousands."""
    for found in _NUMBER.findall(unicodedata.normalize("NFKC", text)):
        try:
            yield Decimal(found.replace(",", ""))
        except InvalidOperation:
            continue


@dataclass(frozen=True)
class Detail:
    """One detail an RFQ asks about, and the words or measures that answer it."""

    name: str
    patterns: tuple[str, ...] = ()
    measures: frozenset[str] = frozenset()

    def answered_in(self, said: str, measures: frozenset[str]) -> bool:
        """Tell whether a normalised, padded text with these measures speaks of it."""
        if any(one in said for one in self.patterns):
            return True
        return bool(self.measures) and self.measures <= measures


def _attributes(asked: Asked, message: str, said: str) -> Iterator[CheckItem]:
    wanted = details_asked(asked)
    if not wanted:
        return
    measures = measures_of(message)
    missing = [one.name for one in wanted if not one.answered_in(said, measures)]
    yield CheckItem(
        "attributes",
        not missing,
        ngettext(
            "Answers the %(count)d detail asked", "Answers the %(count)d details asked", len(wanted)
        )
        % {"count": len(wanted)},
        _("Not mentioned yet: %(names)s.") % {"names": ", ".join(missing)},
    )


def details_asked(asked: Asked) -> list[Detail]:
    """Return the details an RFQ names, at most `MOST_ATTRIBUTES`.

    Found are system attributes of the category (by name or value), lines such as “Colour: red”, and
    measures such as “48V”, each once.
    """
    text = padded(normalise(asked.text))
    found: list[Detail] = []
    for attribute in asked.attributes:
        values = [value for value in attribute.values if _in(value, text)]
        if values or any(_in(name, text) for name in attribute.names):
            found.append(_detail((values or attribute.names)[0], *values, *attribute.names))
    for name, value in _LINE.findall(asked.text):
        known = {one for detail in found for one in detail.patterns}
        if pattern(name) not in known and normalise(name) not in _NOT_DETAILS:
            found.append(_detail(name.strip(), name, value))
    counted = {one for detail in found for one in detail.measures}
    found += [
        Detail(one, measures=frozenset({one})) for one in sorted(measures_of(asked.text) - counted)
    ]
    return found[:MOST_ATTRIBUTES]


def _detail(name: str, *words: str) -> Detail:
    patterns = tuple(dict.fromkeys(one for one in map(pattern, words) if one))
    return Detail(name, patterns, measures_of(" ".join(words)))


def measures_of(text: str) -> frozenset[str]:
    """Return the measures in a text without spaces: “48 V, 10.5Ah” → `{"48v", "10.5ah"}`."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return frozenset(
        f"{number.replace(',', '')}{unit}" for number, unit in _MEASURE.findall(folded)
    )


_LINE = re.compile(r"^[\s\-•*·]*([^:：\n]{2,40}?)\s*[:：]\s*(\S[^\n]{0,80})$", re.MULTILINE)
_MEASURE = re.compile(
    r"(?<![a-z0-9.])(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?) ?"
    r"(v|kv|w|kw|mm|cm|m|inch|in|kg|g|ml|l|ah|mah|wh|kwh|hz|mpa|bar|gsm|oz)(?![a-z0-9])"
)
# Lines that say what has a field of its own in the RFQ and in the quote.
_NOT_DETAILS = frozenset(
    normalise(name)
    for name in (
        "quantity", "order quantity", "moq", "price", "target price", "unit price", "destination",
        "port", "email", "e-mail", "phone", "whatsapp", "website", "http", "https", "note", "notes",
        "数量", "订购数量", "起订量", "价格", "目标价", "目的地", "目的港", "邮箱", "电话", "备注",
    )
)  # fmt: skip


def _in(word: str, text: str) -> bool:
    searched = pattern(word)
    return bool(searched) and searched in text


# --- Price and terms ----------------------------------------------------------------------------


def _price(asked: Asked, answered: Answered, said: str) -> CheckItem:
    price, target = answered.unit_price, asked.target_price
    comparable = price is not None and target is not None and answered.currency == "USD"
    fits = comparable and price <= target  # type: ignore[operator]
    if comparable:
        advice = _("The price is above the target price: say what the buyer gets for it.")
    else:
        advice = _("Say why the price is good: quantity discount, factory price, what is included.")
    return CheckItem(
        "price",
        fits or _says(_ADVANTAGE, said),
        _("Price at or below the target price, or its advantage stated"),
        advice,
    )


def _terms(answered: Answered, said: str) -> Iterator[CheckItem]:
    yield CheckItem(
        "sample",
        answered.sample_offered or _says(_SAMPLE, said),
        _("Sample offered or mentioned"),
        _("Most buyers want to see a sample first: say whether there is one."),
    )
    yield CheckItem(
        "lead_time",
        answered.lead_time_days is not None,
        _("Lead time given"),
        _("Say how many days you need."),
    )
    yield CheckItem(
        "validity",
        answered.has_validity,
        _("Validity of the price given"),
        _("Say until when the price holds: it helps the buyer decide."),
    )


def _introduction(said: str) -> Iterator[CheckItem]:
    for key, name in ELEMENTS.items():
        yield CheckItem(
            f"{INTRODUCTION}{key}",
            _says(_INTRODUCTION[key], said),
            str(name),
            _("Say it in one sentence, or use a company introduction from your templates."),
        )


def _says(expression: re.Pattern[str], said: str) -> bool:
    """Tell whether a normalised, padded text says something."""
    return expression.search(said) is not None


def _any(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives))


# On normalised text: lower case, single spaces instead of punctuation, a space between Chinese and
# anything else ("15年" is "15 年", "OEM/ODM" is "oem odm").
_ADVANTAGE = _any(
    r" (best|better|competitive|lower|lowest|factory|ex factory|wholesale|bulk|preferential|special) (unit )?(price|prices|pricing|offer|cost|rate)s? ",
    r" (discount|discounts|discounted|rebate) ",
    r" (price|cost) (advantage|advantages|break|breaks) ",
    r" (factory|manufacturer) direct(ly)? ",
    r" (price|cost) effective ",
    r" (save|saves|saving) ",
    "优惠|折扣|让利|价格优势|出厂价|工厂价|厂家直销|工厂直供|性价比|更低|低于|批发价",
)
_SAMPLE = _any(r" samples? ", "样品|打样|寄样|样板")
_INTRODUCTION = {
    "years": _any(
        r" years? (of |in )?(rich |production |manufacturing |export |industry )?(experience|experiences|production|manufacturing|business|history|exporting)",
        r" (founded|established|built|started|operating|producing|manufacturing|exporting|production) (in |since )?(19|20)\d\d ",
        r" since (19|20)\d\d ",
        r"(成立|创立|创建|建厂|始建)于?",
        r"年 ?(的)?(生产|制造|行业|出口|外贸)?(经验|历史|老厂|工厂)",
        "生产年限|生产经验",
    ),
    "output": _any(
        r" (annual|yearly) (output|production|turnover|volume|shipment|export)",
        r" (output|production|produce|make|ship)s? [^\n]{0,60}(per|a|each|every) year ",
        r" (pcs|pieces|units|sets|tons|pairs) (per|a|each) year ",
        "年产|年产量|年产值|年出货",
    ),
    "capacity": _any(
        r" (capacity|capacities|production lines?|assembly lines?) ",
        r" (pcs|pieces|units|sets|tons|pairs|containers) (per|a|each) (day|week|month) ",
        r" (monthly|daily|weekly) (output|production) ",
        "产能|生产线|流水线|月产|日产|生产能力",
    ),
    "customization": _any(
        r" (custom|customi[sz](e|ed|es|ing|ation|able)|bespoke|tailor made|made to order) ",
        r" (oem|odm|private label|your (own )?(logo|design|brand|drawings?)) ",
        "定制|订制|定做|订做|来图|来样|贴牌|代工",
    ),
    "brands": _any(
        r" brands? (served|we serve|we supply|such as|like|including|clients|customers) ",
        r" (serve|serves|served|serving|supply|supplies|supplied|supplier|suppliers|work|worked|works|working|cooperate|cooperated|partner|partners|partnered|manufacture|manufactured|produce|produced) (to |for |with |of )?[^\n]{0,40}brands? ",
        r" (clients|customers|partners) (include|including|are|such as|like) ",
        r" (supplier|suppliers|oem) (of|for|to) ",
        "服务品牌|合作品牌|知名品牌|品牌客户|合作客户|服务客户|供应商|为[^ ]{1,20}品牌",
    ),
    "certificates": _any(
        r" (certificates?|certifications?|certified|certify) ",
        r" (iso ?\d{4,5}|ce|rohs|reach|fda|fcc|ul|bsci|sedex|gots|fsc|en ?\d{3,5}|lfgb|cpc|msds|un38 3) ",
        "证书|认证|质检报告|检测报告",
    ),
}
