"""What a rulebook of the diagnosis changes for one shop (K-17); registered with the kernel.

While rules are announced, the night also takes the benchmarks that only they need: so values and benchmarks
of one day tell the growth score under both, and no second score is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from django.utils.translation import gettext as _

from growth.diagnosis.page import benchmark_text, metric_unit, reached_text, score_text
from growth.diagnosis.reading import (
    DiagnosisReading,
    benchmarks_of,
    benchmarks_taken,
    diagnosis_access,
    diagnosis_day,
    diagnosis_values,
)
from growth.diagnosis.rules import Diagnosis, ItemResult, diagnose
from growth.diagnosis.schema import DIAGNOSIS, DiagnosisRules
from growth.judged_before import judged_before
from growth.models import GrowthScore
from portal.models import Rulebook, Seller
from portal.rule_changes import (
    ChangeRow,
    ChangeTable,
    ChangeTeller,
    Outlook,
    RuleChange,
    direction_of,
    register_rule_change,
)
from portal.services.rulebooks import RulebookInForce
from portal.templatetags.portal_ui import day_text, number_text
from portal.views.numbers import value_text


def diagnosis_change(seller: Seller, rulebook: Rulebook) -> RuleChange | None:
    """Return a shop's growth score under the rules before and under `rulebook`, item by item.

    None for shops that do not see their diagnosis yet.
    """
    return CHANGES.under(seller, rulebook) if diagnosis_access(seller).open else None


def change_ahead(reading: DiagnosisReading) -> RuleChange | None:
    """Return what announced rules, or those in force since, make of the newest figures (K-17).

    None when they are the rules of those figures.
    """
    return CHANGES.ahead(reading.seller, reading.as_of, reading.rulebooks)


def outlook_of(
    seller: Seller, after: RulebookInForce, rulebooks: Iterable[RulebookInForce]
) -> Outlook[Diagnosis] | None:
    """Return what `after` changes for a shop, on the newest figures from before it starts (K-17).

    None while nothing is counted or can be compared, for rules without a predecessor, and until a night
    has taken the benchmarks that only `after` needs. Constant queries.
    """
    found = judged_before(
        after, seller=seller, standing=GrowthScore, newest_day=diagnosis_day, rulebooks=rulebooks
    )
    if found is None:
        return None
    day, before = found
    if not benchmarks_taken(_metrics(after.content) - _metrics(before.content), day):
        return None
    values = diagnosis_values(seller, [before.content, after.content], day)
    benchmarks = benchmarks_of(seller, day)
    now, then = (diagnose(book.content, values, benchmarks) for book in (before, after))
    if now.score is None and then.score is None:
        return None
    return Outlook(as_of=day, before=before, after=after, figures_before=now, figures_after=then)


def _metrics(rules: DiagnosisRules) -> set[str]:
    return {item.metric for item in rules.items}


# --- As tables ----------------------------------------------------------------------------------


def change_of(outlook: Outlook[Diagnosis]) -> RuleChange:
    """Write an outlook as the tables readers are shown."""
    before, after = outlook.figures_before.score, outlook.figures_after.score
    # Translators: 成长评分
    total = ChangeRow(
        _("Growth score"),
        _score(before),
        _score(after),
        direction=direction_of((after or 0) - (before or 0)),
    )
    return outlook.told(
        summary=_summary(outlook),
        tables=[ChangeTable(_("Item"), tuple(_item_rows(outlook)), total)],
        notes=[
            _(
                "Both columns compare the same numbers of your shop with the same benchmarks, each with "
                "its own items and weights. What cannot be compared does not count."
            ),
        ],
    )


def _summary(outlook: Outlook[Diagnosis]) -> str:
    before, after = outlook.figures_before.score, outlook.figures_after.score
    values = {
        "day": day_text(outlook.after.effective_from),
        "before": _score(before),
        "after": _score(after),
    }
    if before == after:
        text = _("Under the rules from %(day)s on, your growth score is %(after)s, as before.")
    else:
        text = _(
            "Under the rules from %(day)s on, your growth score is %(after)s instead of %(before)s."
        )
    return text % values


def _score(score: Decimal | None) -> str:
    return "–" if score is None else score_text(score)


def _item_rows(outlook: Outlook[Diagnosis]) -> Iterator[ChangeRow]:
    """Yield the items that count in the order of the new rules; what they dropped comes last.

    Directions add up to that of the score: an item is better for the shop when it lies above the mean and
    weighs more than before, or below it and weighs less.
    """
    before, after = outlook.figures_before, outlook.figures_after
    mean = before.mean
    old, new = before.by_key, after.by_key
    for key in dict.fromkeys([*new, *old]):
        was, becomes = old.get(key), new.get(key)
        if not any(each.counts for each in (was, becomes) if each):
            continue
        difference = after.above(becomes, mean) - before.above(was, mean)
        shown = becomes or was
        yield ChangeRow(
            shown.item.title if shown else key,
            _reached(was),
            _reached(becomes),
            direction=direction_of(difference),
            note=" → ".join(dict.fromkeys(_figure(each) for each in (was, becomes) if each)),
        )


def _reached(result: ItemResult | None) -> str:
    if result is None:
        return _("not judged")
    if not result.counts:
        # Translators: an item of the diagnosis that lacks a value or a benchmark
        return _("not compared")
    # Translators: how much of its benchmark an item reaches, and its weight in the growth score
    return _("%(share)s, weight %(weight)s") % {
        "share": reached_text(result.share),
        "weight": number_text(result.item.weight),
    }


def _figure(result: ItemResult) -> str:
    """Say what is compared: the shop's number and the benchmark, as far as there are any."""
    unit = metric_unit(result.item.metric)
    own = "–" if result.value is None else value_text(result.value, unit)
    goal = benchmark_text(result.benchmark, unit, lower_is_better=result.item.lower_is_better)
    # Translators: the shop's number, and the benchmark it is compared with
    return _("%(value)s, benchmark %(benchmark)s") % {"value": own, "benchmark": goal or "–"}


CHANGES = ChangeTeller(DIAGNOSIS, outlook_of, change_of)
register_rule_change(DIAGNOSIS, diagnosis_change)
