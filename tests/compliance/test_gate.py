"""What the gate answers, at which instant, and why (EPR-1, EPR-11, EPR-12)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.choices import CertificateStatus, ChemicalListing, CoverState, GateDecision
from compliance.gate import Answer, gate, gate_many, requirements_of
from compliance.models import Certificate, Chemical, GateBlock, RuleClass
from portal import platform_time
from portal.platform_time import end_of, parse_instant, start_of
from portal.scoping import unscoped
from tests import factories
from tests.compliance.test_screening import feed
from tests.compliance.world import certificate_create, product_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-11")]

SECOND = timedelta(seconds=1)
INTERRUPTED = parse_instant("2022-12-27T00:00:00-08:00")


@pytest.fixture(autouse=True)
def _clock(clock) -> None:
    clock("2022-12-20T12:00:00-08:00")


def said(answer: Answer) -> tuple[str, list[str]]:
    """Return a decision with its reasons as `code:category`."""
    reasons = [f"{code}:{category}" if category else code for code, category in answer.reasons]
    return answer.decision.value, reasons


# --- Instants -----------------------------------------------------------------------------------


@pytest.mark.rule("EPR-1")
def test_it_warns_until_the_interruption_and_blocks_from_its_first_instant(shop) -> None:
    product = product_create(seller=shop)
    for country in ("DE", "FR"):
        before, at = (gate(product, country, at) for at in (INTERRUPTED - SECOND, INTERRUPTED))
        assert said(before) == ("warn", ["epr_missing:packaging"])
        assert said(at) == ("blocked", ["epr_missing:packaging"])
        assert before.interrupts_at == at.interrupts_at == INTERRUPTED
    assert said(gate(product, "US", INTERRUPTED)) == ("allowed", [])


@pytest.mark.rule("EPR-1")
@pytest.mark.parametrize(
    ("country", "law_from"), [("FR", date(2022, 1, 1)), ("DE", date(2022, 7, 1))]
)
def test_before_the_law_nothing_is_lacking(shop, country: str, law_from: date) -> None:
    product = product_create(seller=shop)
    starts = start_of(law_from)
    assert said(gate(product, country, starts - SECOND)) == ("allowed", [])
    assert said(gate(product, country, starts)) == ("warn", ["epr_missing:packaging"])


@pytest.mark.rule("EPR-12")
def test_a_certificate_counts_from_its_first_instant_to_the_end_of_its_last_day(shop) -> None:
    product = product_create(seller=shop)
    ends = end_of(date(2022, 12, 31))
    certificate = certificate_create(seller=shop, valid_from=INTERRUPTED + SECOND, valid_until=ends)
    assert said(gate(product, "DE", INTERRUPTED)) == ("blocked", ["epr_in_review:packaging"])
    assert said(gate(product, "DE", certificate.valid_from)) == ("allowed", [])
    assert said(gate(product, "DE", ends - SECOND)) == ("allowed", [])
    assert certificate.status == CertificateStatus.VERIFIED  # no night has been
    assert said(gate(product, "DE", ends)) == ("blocked", ["epr_expired:packaging"])


@pytest.mark.rule("EPR-12")
def test_a_revocation_closes_the_gate_at_its_instant_and_not_before(shop) -> None:
    product = product_create(seller=shop)
    revoked = INTERRUPTED + timedelta(hours=5)
    certificate_create(seller=shop, status=CertificateStatus.REVOKED, valid_until=revoked)
    assert said(gate(product, "DE", revoked - SECOND)) == ("allowed", [])
    assert said(gate(product, "DE", revoked)) == ("blocked", ["epr_revoked:packaging"])


@pytest.mark.rule("EPR-12")
def test_a_replacement_takes_over_without_a_gap(shop, category) -> None:
    product = product_create(seller=shop)
    other = product_create(
        seller=shop, category=factories.Category.objects.get(code="vacuum-flasks")
    )
    taken_over = INTERRUPTED + timedelta(days=1)
    old = certificate_create(
        seller=shop, status=CertificateStatus.REPLACED, valid_until=taken_over, number="DE1"
    )
    certificate_create(
        seller=shop, number="DE1", replaces=old, valid_from=taken_over, categories=[category]
    )
    for at in (taken_over - SECOND, taken_over):
        assert said(gate(product, "DE", at)) == ("allowed", [])
    # The new one covers less: what it leaves out is blocked from that instant.
    assert said(gate(other, "DE", taken_over - SECOND)) == ("allowed", [])
    assert said(gate(other, "DE", taken_over)) == ("blocked", ["epr_not_covered:packaging"])


# --- What covers --------------------------------------------------------------------------------


def test_numbers_of_countries_and_categories_never_stand_for_each_other(shop) -> None:
    product = product_create(seller=shop, epr_traits=["packaging", "electrical", "battery"])
    certificate_create(seller=shop, country="DE", category="battery")
    certificate_create(seller=shop, country="FR", category="electrical")
    german, french = (gate(product, country, INTERRUPTED) for country in ("DE", "FR"))
    assert said(german) == ("blocked", ["epr_missing:packaging", "epr_missing:electrical"])
    assert said(french) == ("blocked", ["epr_missing:packaging", "epr_missing:battery"])


def test_a_foreign_certificate_never_covers(shop, other_shop) -> None:
    product = product_create(seller=shop)
    theirs = product_create(seller=other_shop)
    certificate_create(seller=other_shop)
    certificate_create(seller=other_shop, number="DE2", products=[product])
    assert said(gate(product, "DE", INTERRUPTED)) == ("blocked", ["epr_missing:packaging"])
    assert said(gate(theirs, "DE", INTERRUPTED)) == ("allowed", [])


def test_an_upstream_number_counts_like_an_own_one(shop) -> None:
    product = product_create(seller=shop)
    certificate_create(seller=shop, own=False)
    assert said(gate(product, "DE", INTERRUPTED)) == ("allowed", [])


def test_it_covers_all_or_the_named_products_or_the_categories_with_all_below(
    shop, categories
) -> None:
    kit = product_create(seller=shop, category=categories["e-bike-kits"])
    helmet = product_create(seller=shop, category=categories["helmets"])
    flask = product_create(seller=shop, category=categories["vacuum-flasks"])

    def covered(**scope: Any) -> list[str]:
        with unscoped():
            Certificate.objects.all().delete()
        certificate_create(seller=shop, **scope)
        pairs = [(product.product_id, "DE") for product in (kit, helmet, flask)]
        answers = gate_many(pairs, INTERRUPTED)
        lacks = {answer.reasons for answer in answers if answer.decision == GateDecision.BLOCKED}
        assert lacks <= {(("epr_not_covered", "packaging"),)}
        return [
            name
            for name, answer in zip(("kit", "helmet", "flask"), answers, strict=True)
            if answer.decision == GateDecision.ALLOWED
        ]

    assert covered() == ["kit", "helmet", "flask"]
    assert covered(products=[helmet]) == ["helmet"]
    assert covered(categories=[categories["e-bike-parts"]]) == ["kit"]
    assert covered(categories=[categories["bicycles"]]) == ["kit", "helmet"]
    assert covered(products=[flask], categories=[categories["e-bike-kits"]]) == ["kit", "flask"]


# --- Reasons ------------------------------------------------------------------------------------

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("certificates", "reason"),
    [
        ([{"status": "draft"}], "missing"),
        ([{"status": "submitted"}], "in_review"),
        ([{"status": "in_review"}], "in_review"),
        ([{"status": "rejected"}], "rejected"),
        # A new attempt says more than how the last one ended.
        ([{"status": "rejected"}, {"status": "submitted"}], "in_review"),
        ([{"status": "revoked", "valid_until": INTERRUPTED - DAY}, {"status": "submitted"}],
         "in_review"),
        # Of those that ended the newest counts, whichever way it ended.
        ([{"status": "revoked", "valid_until": INTERRUPTED - 2 * DAY},
          {"status": "verified", "valid_until": INTERRUPTED - DAY}], "expired"),
        ([{"status": "revoked", "valid_until": INTERRUPTED - DAY},
          {"status": "expired", "valid_until": INTERRUPTED - 2 * DAY}], "revoked"),
        ([{"status": "rejected", "decided_at": INTERRUPTED - 9 * DAY},
          {"status": "expired", "valid_until": INTERRUPTED - DAY}], "expired"),
        # What is not submitted yet at the instant does not exist.
        ([{"status": "submitted", "submitted_at": INTERRUPTED + SECOND}], "missing"),
    ],
)  # fmt: skip
def test_the_most_useful_reason_is_given(shop, certificates, reason: str) -> None:
    product = product_create(seller=shop)
    for fields in certificates:
        began = {"valid_from": INTERRUPTED - 99 * DAY} if "valid_until" in fields else {}
        certificate_create(seller=shop, **began, **fields)
    assert said(gate(product, "DE", INTERRUPTED)) == ("blocked", [f"epr_{reason}:packaging"])


def test_what_would_not_cover_the_product_is_no_reason(shop, categories) -> None:
    product = product_create(seller=shop)
    certificate_create(
        seller=shop, status=CertificateStatus.REJECTED, categories=[categories["helmets"]]
    )
    assert said(gate(product, "DE", INTERRUPTED)) == ("blocked", ["epr_missing:packaging"])


def test_an_unknown_product_is_blocked_and_order_is_kept(shop, caplog) -> None:
    product = product_create(seller=shop)
    pairs = [("nobody", "DE"), (product.product_id, "FR"), (product.product_id, "us")] * 2
    answers = gate_many(pairs)
    assert [(one.product_id, one.country) for one in answers] == [
        (product_id, country.upper()) for product_id, country in pairs
    ]
    assert said(answers[0]) == ("blocked", ["unknown_product"])
    assert [one.decision.value for one in answers[:3]] == ["blocked", "warn", "allowed"]
    assert caplog.messages == ["blocked 1 unknown product(s): nobody"], "no shop's list has it"


@pytest.mark.rule("CMP-4")
def test_listed_chemicals_are_not_traded_from_their_day_whatever_the_country(shop) -> None:
    starts = date(2022, 12, 24)
    names = {"67-56-1": ChemicalListing.RESTRICTED, "50-00-0": ChemicalListing.FORBIDDEN}
    Chemical.objects.bulk_create(
        Chemical(cas=cas, name_en=cas, listing=listing, starts_on=starts)
        for cas, listing in names.items()
    )
    restricted, forbidden = (product_create(seller=shop, cas=cas) for cas in names)
    for country in ("US", "DE"):
        before = {gate(one, country, start_of(starts) - SECOND).decision
                  for one in (restricted, forbidden)}  # fmt: skip
        assert GateDecision.BLOCKED not in before
        # What only warns is no reason of the block.
        assert said(gate(restricted, country, start_of(starts))) == ("blocked", ["no_online_trade"])
        assert said(gate(forbidden, country, start_of(starts))) == (
            "blocked", ["forbidden_chemical"],
        )  # fmt: skip
    assert said(gate(restricted, "DE", INTERRUPTED)) == (
        "blocked", ["no_online_trade", "epr_missing:packaging"],
    )  # fmt: skip


@pytest.mark.rule("CMP-2")
def test_used_phones_are_shown_and_not_traded_from_their_day(shop, category) -> None:
    for product_id, title in (
        ("used", "Refurbished iPhones"),
        ("case", "Case for used phones"),
        ("new", "Smartphone"),
    ):
        feed(shop, product_id, title=title)
    from_day = start_of(date(2021, 7, 7))
    assert said(gate("used", "US", from_day - SECOND)) == ("allowed", [])
    assert said(gate("used", "US", from_day)) == ("blocked", ["display_only"])
    assert [said(gate(one, "US", from_day))[0] for one in ("case", "new")] == ["allowed", "allowed"]
    # Words that are corrected open it again; a class that has ended bars nothing.
    RuleClass.objects.filter(code="used-phones").update(ends_on=date(2021, 12, 31))
    assert said(gate("used", "US", start_of(date(2022, 1, 1)) - SECOND))[0] == "blocked"
    assert said(gate("used", "US", start_of(date(2022, 1, 1))))[0] == "allowed"
    feed(shop, "used", title="Smartphone")
    assert said(gate("used", "US", from_day)) == ("allowed", [])


def test_before_the_first_table_nothing_is_asked(shop) -> None:
    product = product_create(seller=shop)
    at = start_of(date(2022, 1, 1)) - SECOND
    assert said(gate(product, "FR", at)) == ("allowed", [])
    assert requirements_of([product], at) == {product.pk: []}


# --- Requirements -------------------------------------------------------------------------------


@pytest.mark.rule("EPR-1", "EPR-2")
def test_requirements_are_the_whole_table_with_what_covers(shop) -> None:
    product = product_create(seller=shop, epr_traits=["packaging", "textile"])
    certificate = certificate_create(seller=shop)
    waiting = certificate_create(seller=shop, country="FR", category="textile", status="submitted")
    lines = {
        (line.country, line.category): line
        for line in requirements_of([product], INTERRUPTED)[product.pk]
    }
    assert [category for country, category in lines if country == "DE"] == [
        "packaging", "electrical", "battery",
    ]  # fmt: skip
    assert len(lines) == 10
    packaging = lines["DE", "packaging"]
    assert (packaging.status, packaging.certificate) == (CoverState.COVERED, certificate.pk)
    assert (packaging.decision, packaging.interrupts_at) == (GateDecision.ALLOWED, None)
    textile = lines["FR", "textile"]
    assert (textile.status, textile.certificate) == (CoverState.IN_REVIEW, waiting.pk)
    assert (textile.decision, textile.interrupts_at) == (GateDecision.BLOCKED, INTERRUPTED)
    assert lines["FR", "packaging"].status == CoverState.MISSING
    assert {key for key, line in lines.items() if not line.required} == {
        ("DE", "electrical"), ("DE", "battery"), ("FR", "electrical"), ("FR", "battery"),
        ("FR", "furniture"), ("FR", "tyre"), ("FR", "paper"),
    }  # fmt: skip


# --- Many at once -------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_thousand_pairs_of_many_shops_cost_the_statements_of_one(category) -> None:
    shops = [factories.seller_create(category) for _number in range(12)]
    products = [product_create(seller=shop) for shop in shops for _number in range(2)]
    products += [product_create(seller=shops[0], cas="67-56-1")]
    for shop in shops[:6]:
        certificate_create(seller=shop, categories=[category])
        certificate_create(seller=shop, country="FR", products=products[:4])
    pairs = [(product.product_id, country) for product in products for country in ("DE", "FR")]
    pairs += [(f"unknown-{number}", "DE") for number in range(1_000)]
    gate(products[0], "DE", INTERRUPTED, log=False)  # a process reads a rulebook once
    with CaptureQueriesContext(connection) as many:
        answers = gate_many(pairs, INTERRUPTED, log=False)
    with CaptureQueriesContext(connection) as one:
        gate(products[-1], "DE", INTERRUPTED, log=False)
    assert len(answers) == len(pairs)
    assert len(many) == len(one) <= 7
    assert {answer.decision for answer in answers[:50]} == {
        GateDecision.ALLOWED, GateDecision.BLOCKED,
    }  # fmt: skip
    for pair, answer in zip(pairs[:50], answers, strict=False):
        assert gate(*pair, INTERRUPTED, log=False) == answer


# --- The log ------------------------------------------------------------------------------------


def blocks() -> list[tuple[Any, ...]]:
    with unscoped():
        rows = GateBlock.objects.order_by("product_id", "country", "day")
        return list(rows.values_list("product_id", "country", "day", "times"))


@pytest.mark.both_databases
def test_blocks_are_counted_once_per_product_country_day_and_reasons(shop, clock) -> None:
    product = product_create(seller=shop, product_id="P")
    gate(product, "DE", INTERRUPTED)  # still to come: a question, not a block
    gate(product, "DE")  # only a warning
    gate("nobody", "DE")  # nobody's to be told
    assert blocks() == []
    clock("2022-12-27T10:00:00-08:00")
    first = platform_time.now()
    gate_many([("P", "DE"), ("P", "FR"), ("P", "DE"), ("P", "US")])
    gate_many([("P", "DE")], log=False)
    clock("2022-12-27T11:00:00-08:00")
    with CaptureQueriesContext(connection) as queries:
        gate_many([("P", "DE"), ("P", "FR")])
    assert sum("gateblock" in query["sql"] for query in queries) == 1
    clock("2022-12-28T00:00:00-08:00")
    gate(product, "DE")
    day = date(2022, 12, 27)
    assert blocks() == [
        ("P", "DE", day, 3), ("P", "DE", day + DAY, 1), ("P", "FR", day, 2),
    ]  # fmt: skip
    with unscoped():
        block = GateBlock.objects.get(country="FR")
    assert block.seller == shop
    assert block.reasons == [{"code": "epr_missing", "category": "packaging"}]
    assert (block.first_at, block.last_at) == (first, first + timedelta(hours=1))


def test_other_reasons_are_another_row(shop, clock) -> None:
    clock("2022-12-27T10:00:00-08:00")
    product = product_create(seller=shop, product_id="P")
    gate(product, "DE")
    certificate_create(seller=shop, status="submitted")
    gate(product, "DE")
    day = date(2022, 12, 27)
    assert blocks() == [("P", "DE", day, 1)] * 2
