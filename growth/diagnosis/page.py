"""The diagnosis in words and figures, for pages and the home page (GRO-11). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from growth.choices import BenchmarkScope
from growth.diagnosis.reading import DiagnosisAccess, DiagnosisReading, ScoreOfDay
from growth.diagnosis.rules import FULL, Benchmark, ItemResult, ItemState
from growth.guide.texts import milestone_text
from growth.tasks.reading import page_url
from portal.charts import Number, Point, line_plot
from portal.choices import MetricUnit
from portal.metrics import METRICS
from portal.templatetags.portal_ui import day_text, number_text
from portal.views.numbers import value_text

TOP = 5
"""Suggestions on the card; the full list has them all."""
FULL_SCORE = 100
"""The growth score of a shop that reaches every benchmark."""

WHY_LEFT_OUT: dict[ItemState, str | Promise] = {
    ItemState.NO_VALUE: gettext_lazy("Your shop has no value yet, so it does not count."),
    ItemState.NO_BENCHMARK: gettext_lazy(
        "Fewer than five sellers of your industry have a value, so it does not count."
    ),
}


@dataclass(frozen=True)
class ItemCard:
    """One item as readers see it; texts are empty where there is nothing to say.

    `share` is the part of the benchmark that is reached, in whole percent; `reached` says it to the
    hundredth. Both are rounded down: what is below its benchmark never shows 100 %.
    """

    key: str
    metric: str
    title: str
    state: ItemState
    value: str
    benchmark: str
    peers: str
    share: int | None
    reached: str
    score_gain: str
    weight: int
    gain: str
    guide: str
    url: str
    why: str | Promise

    @property
    def below(self) -> bool:
        """Tell whether it is worse than its benchmark."""
        return self.state == ItemState.BELOW

    @property
    def known_metric(self) -> bool:
        """Tell whether the number has a page of its own."""
        return self.metric in METRICS


def item_cards(results: Iterable[ItemResult]) -> list[ItemCard]:
    """Return items as readers see them, in their order."""
    return [_card(each) for each in results]


def _card(result: ItemResult) -> ItemCard:
    item = result.item
    unit = metric_unit(item.metric)
    benchmark = result.benchmark
    return ItemCard(
        key=item.key,
        metric=item.metric,
        title=item.title,
        state=result.state,
        value="" if result.value is None else value_text(result.value, unit),
        benchmark=benchmark_text(benchmark, unit, lower_is_better=item.lower_is_better),
        peers=peers_text(benchmark),
        share=None if result.share is None else result.share * 100 // FULL,
        reached=reached_text(result.share),
        score_gain=gain_text(result.gain) if result.gain else "",
        weight=item.weight,
        gain=item.gain,
        guide=item.guide,
        url=page_url(item.page),
        why=WHY_LEFT_OUT.get(result.state, ""),
    )


def metric_unit(metric: str) -> str:
    """Return the unit of a metric; what upstream counts itself is a number."""
    return METRICS[metric].unit if metric in METRICS else MetricUnit.COUNT


def benchmark_text(benchmark: Benchmark | None, unit: str, *, lower_is_better: bool) -> str:
    """Write what is to be reached: `30`, or `at most 2`."""
    if benchmark is None:
        return ""
    text = value_text(benchmark.value, unit)
    return _("at most %(value)s") % {"value": text} if lower_is_better else text


def peers_text(benchmark: Benchmark | None) -> str:
    """Say over whom a benchmark is, never who they are (K-8)."""
    if benchmark is None:
        return ""
    number = {"number": number_text(benchmark.sellers)}
    if benchmark.scope == BenchmarkScope.STARRED:
        # Translators: 标杆值参考同行业星级商家
        return _("Median of %(number)s starred sellers of your industry") % number
    return _("Median of all %(number)s sellers of your industry with a value") % number


def reached_text(share: int | None) -> str:
    """Write a share of the benchmark: `33.33%`, `100%`; empty where an item does not count."""
    if share is None:
        return ""
    return f"{score_text(Decimal(share * 100 * FULL_SCORE // FULL) / 100)}%"


def gain_text(gain: Decimal) -> str:
    """Write points of the growth score: `+3.25`."""
    return f"+{number_text(gain, 2)}"


# --- The card -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class DiagnosisCard:
    """Score, number of suggestions and the most rewarding ones, as guide and home page show them."""

    score: Decimal | None
    suggestions: int
    top: list[ItemCard]
    items: int
    """How many items were looked at: those of "see all N scan results"."""
    as_of: date | None
    most: int = FULL_SCORE

    @property
    def more(self) -> int:
        """How many suggestions the card does not show."""
        return self.suggestions - len(self.top)


def card_of(reading: DiagnosisReading, *, top: int = TOP) -> DiagnosisCard | None:
    """Return the card of a reading with so many suggestions; none while there is no figure."""
    if reading.diagnosis is None:
        return None
    suggestions = reading.diagnosis.suggestions
    return DiagnosisCard(
        score=reading.score,
        suggestions=len(suggestions),
        top=item_cards(suggestions[:top]),
        items=len(reading.diagnosis.items),
        as_of=reading.as_of,
    )


# --- What opens it ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unlock:
    """A way to the diagnosis: what to reach, and how far the shop is (in words)."""

    text: str
    progress: str = ""
    done: Decimal | None = None
    target: Decimal | None = None


def unlocks(access: DiagnosisAccess) -> list[Unlock]:
    """Return what opens the diagnosis to a shop that does not see it yet (GRO-3, GRO-11)."""
    ways = []
    if (one := access.milestone) is not None:
        ways.append(
            Unlock(
                _("Reach the milestone “%(milestone)s”") % {"milestone": one.milestone.title},
                milestone_text(one),
                min(one.value, one.milestone.target),
                one.milestone.target,
            )
        )
    if access.mature_on is not None:
        ways.append(
            Unlock(
                _("Or wait: your shop is mature on %(day)s") % {"day": day_text(access.mature_on)}
            )
            if ways
            else Unlock(_("Your shop is mature on %(day)s") % {"day": day_text(access.mature_on)})
        )
    elif access.guide.rules is not None:
        ways.append(
            Unlock(
                _("Open the shop: it is mature %(days)s days after opening")
                % {"days": access.guide.rules.novice_days + 1}
            )
        )
    return ways


# --- Trend --------------------------------------------------------------------------------------


def score_text(value: Number) -> str:
    """Write a score for axis and table: whole numbers without decimals."""
    amount = Decimal(str(value))
    return number_text(amount, 0 if amount == amount.to_integral_value() else 2)


def trend_plot(history: list[ScoreOfDay]) -> SafeString:
    """Draw the growth score over the published days with its table; nothing below two days."""
    if len(history) < 2:
        return SafeString("")
    return line_plot(
        [Point(each.as_of, each.score) for each in history],
        title=_("Growth score by day"),
        value_label=_("Growth score"),
        text=score_text,
    )
