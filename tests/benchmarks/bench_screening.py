"""Screening: one product against 10,000 terms, and 10,000 live products once the terms are published.

    python -m tests.benchmarks.bench_screening                                    both databases
    python -m tests.benchmarks.bench_screening --terms 50000 --database sqlite

Ten classes of Latin and Chinese terms. A product has a title, three keywords, eight attributes and 150 words of
description; one of ten names a term, a fifth of them in disguise. The references find the same terms in the same
folded text one by one, and by regular expressions. Then the terms are published: the round through all live
products runs on the real tables, once with every hit new and once with nothing to change, against screening
product by product as one save after the other would; these by the clock. All have to agree before anything is reported.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from tests.benchmarks import frame

NOW = "2022-08-03T12:00:00-07:00"
GOAL = 5.0
"""Milliseconds for one product, of 95 in 100 products."""
AUTOMATON, EXPRESSIONS, LOOP = "one automaton", "an expression per class", "term by term"
FIRST, AGAIN, ALONE = "a round, hits are new", "a round, nothing changed", "product by product"
TEST = "staff's test of a class"


def main() -> int:
    """Run the benchmark on each database asked for."""
    parser = frame.parser(__doc__)
    parser.add_argument("--terms", type=int, default=10_000)
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--sample", type=int, default=200, help="products the references screen")
    parser.add_argument("--rounds", type=int, default=3)
    return frame.run(parser, "bench_screening", _measured, now=NOW)


# --- In the child -------------------------------------------------------------------------------


def _measured(options: argparse.Namespace) -> None:
    from tests.benchmarks.worlds.screening import World

    world = World(options.terms, options.products, seed=options.seed)
    frame.size(f"{options.terms:,} terms, {options.products:,} products")
    _one_product(world, options)
    _rounds(world, options)


def _timed(
    way: Callable[[], Any], clock: Callable[[], float] = time.perf_counter
) -> tuple[float, Any]:
    began = clock()
    found = way()
    return clock() - began, found


# --- One product --------------------------------------------------------------------------------


def _one_product(world: Any, options: argparse.Namespace) -> None:
    """Report each way; the goal is in milliseconds that 95 in 100 products stay below."""
    from compliance.matching.automaton import Automaton
    from compliance.services.screening import _places
    from tests.benchmarks.screening_references import Expressions, TermByTerm

    texts = [[words for _place, words in _places(text)] for text in world.texts]
    letters = statistics.mean(sum(map(len, parts)) for parts in texts)
    compiling, automaton = _timed(lambda: Automaton(world.entries))
    ids = frozenset(entry.class_id for entry in world.entries)
    ways: dict[str, Callable[[str], Iterable[Any]]] = {
        AUTOMATON: lambda words: {one.entry for one in automaton.find(words, ids)},
        EXPRESSIONS: Expressions(world.entries).find,
        LOOP: TermByTerm(world.entries).find,
    }
    times: dict[str, list[float]] = {}
    answers: dict[str, list[list[set[Any]]]] = {}
    for name, find in ways.items():
        asked = texts if name == AUTOMATON else texts[: options.sample]
        # By processor time: what others do on the machine would be most of the slowest of a millisecond.
        measured = [
            _timed(lambda p=parts, f=find: [set(f(words)) for words in p], time.thread_time)
            for parts in asked
        ]
        times[name] = sorted(1000 * seconds for seconds, _found in measured)
        answers[name] = [found for _seconds, found in measured[: options.sample]]
    if any(found != answers[AUTOMATON] for found in answers.values()):
        raise SystemExit("the ways do not agree")
    named = sum(any(parts) for parts in answers[AUTOMATON])
    print(
        f"{len(automaton):,} patterns compiled in {1000 * compiling:.0f} ms; {letters:.0f} characters a "
        f"product; the ways agree on {options.sample} products, {named} of which name a term"
    )
    print(
        f"{'milliseconds (processor) a product':36}{'median':>9}{'p95':>9}{f'to {AUTOMATON}':>30}"
    )
    for name, found in times.items():
        ratio = statistics.median(found) / statistics.median(times[AUTOMATON])
        print(
            f"{name:36}{statistics.median(found):9.2f}{_p95(found):9.2f}{ratio:29.1f}×", flush=True
        )
    print(f"goal: 95 of 100 products in {GOAL:.0f} ms", flush=True)
    ratio = statistics.median(times[LOOP]) / statistics.median(times[AUTOMATON])
    frame.ratio("CMP", "screening: one automaton over term by term", ratio)
    frame.ratio("CMP", f"screening: p95 to {GOAL:.0f} ms", _p95(times[AUTOMATON]) / GOAL, at_most=1)


def _p95(ascending: list[float]) -> float:
    return ascending[int(0.95 * (len(ascending) - 1))]


# --- All live products --------------------------------------------------------------------------


def _rounds(world: Any, options: argparse.Namespace) -> None:
    from compliance.models import ProductHit
    from compliance.services.live_test import live_test

    classes = _load(world)
    frame.tidy()
    best: dict[str, float] = {}
    answers = set()
    tested, result = _timed(lambda: live_test(rule_class=classes[0]))
    best[TEST] = tested
    _publish(classes)
    for _round in range(options.rounds):
        for name, way in ((FIRST, _whole_round), (AGAIN, _whole_round), (ALONE, _each_alone)):
            if name != AGAIN:
                ProductHit.objects.all().delete()
            seconds, _done = _timed(way)
            best[name] = min(best.get(name, seconds), seconds)
            hits = ProductHit.objects.order_by("product", "rule_class", "term", "place")
            rows = tuple(hits.values_list("product", "rule_class", "term", "place", "excerpt"))
            answers.add(rows)
    if len(answers) != 1:
        raise SystemExit("the ways do not agree")
    rows = answers.pop()
    of_first = {product for product, rule_class, *_rest in rows if rule_class == classes[0].pk}
    if result.products != len(of_first) or not result.complete:
        raise SystemExit("staff's test and the round do not agree")
    print(f"{len(rows):,} hits{'':24}{'seconds':>12}{'products/s':>14}{f'to {FIRST}':>32}")
    for name, seconds in best.items():
        ratio = seconds / best[FIRST]
        print(
            f"{name:36}{seconds:9.2f}{options.products / seconds:14,.0f}{ratio:31.2f}×", flush=True
        )


def _load(world: Any) -> list[Any]:
    """Write the products by the service every feed uses, and the classes as drafts."""
    from compliance.goods.term_lists import TermLine, judged
    from compliance.models import RuleClass, Term
    from listings.services.products import ProductRow, products_write
    from tests import factories

    RuleClass.objects.all().delete()
    leaf = factories.tree_create()["e-bike-kits"]
    seller = factories.seller_create(leaf)
    rows = [
        ProductRow(
            text.product_id, seller.pk,
            {
                "category": leaf.code, "kind": "rts", "status": "live", "title": text.title[:128],
                "keywords": list(text.keywords), "custom_attributes": dict(text.attributes),
                "description": text.description,
            },
        )
        for text in world.texts
    ]  # fmt: skip
    for start in range(0, len(rows), 2_000):
        for result in products_write(rows[start : start + 2_000], origin="ingest"):
            if result.state == "rejected":
                raise SystemExit(result.problems)
    classes = [
        RuleClass.objects.create(
            code=f"class-{number}", name_en=f"Class {number}", name_zh=f"类 {number}",
            effect="restrict", starts_on=date(2022, 1, 1),
        )
        for number in range(10)
    ]  # fmt: skip
    for place, rule_class in enumerate(classes, 1):
        lines = [
            TermLine(0, entry.text, entry.excuse)
            for entry in world.entries
            if entry.class_id == place
        ]
        Term.objects.bulk_create(
            Term(rule_class=rule_class, text=one.text, pattern=one.pattern, excuse=one.excuse)
            for one in judged(lines).terms
        )
    return classes


def _publish(classes: list[Any]) -> None:
    from compliance.matching.library import new_version
    from compliance.models import RuleClass
    from portal import platform_time

    for rule_class in classes:
        RuleClass.objects.filter(pk=rule_class.pk).update(
            published_at=platform_time.now(), version=new_version()
        )


def _whole_round() -> None:
    from compliance.models import Rescreening
    from compliance.services.rescreening import rescreen_all
    from portal import platform_time

    Rescreening.objects.all().delete()
    Rescreening.objects.create(key="bench", asked_at=platform_time.now())
    rescreen_all()


def _each_alone() -> None:
    from compliance.screening import products_screened
    from compliance.services.gated_products import product_source

    for text in product_source().texts(None):
        products_screened([text])


if __name__ == "__main__":
    sys.exit(main())
