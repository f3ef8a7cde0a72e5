"""Admissions to restricted goods, labels of products and metrics of certificates (CRT-1)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from compliance.admissions.rules import Admission, Document, HeldDocument, admission_of
from compliance.admissions.schema import RESTRICTED_CHEMICALS
from compliance.certificates.labels import labels_of
from compliance.choices import AdmissionBarrier, CertificateStatus, CertificateType
from compliance.models import Certificate, Violation
from compliance.services.admissions import admission_rules, admitted, admitted_many
from portal import platform_time
from portal.choices import CompanyType
from portal.metrics import metric_values
from portal.models import Member, Seller
from portal.nightly import ledger
from portal.nightly.engine import run_inline
from portal.platform_time import end_of, start_of
from portal.product_panels import product_panels_for
from portal.scoping import seller_scope, unscoped
from tests.compliance.world import certificate_create, product_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("CRT-1")]

SAFETY, INDUSTRIAL, OPERATING, LICENCE = (
    CertificateType.SAFETY_PRODUCTION,
    CertificateType.INDUSTRIAL_PRODUCTION,
    CertificateType.CHEMICAL_OPERATING,
    CertificateType.BUSINESS_LICENCE,
)
MAKER, TRADER = (SAFETY, INDUSTRIAL, LICENCE), (OPERATING, LICENCE)
MADE, TRADED, BOTH = CompanyType.MANUFACTURER, CompanyType.TRADER, CompanyType.COMBINED


def document(shop: Seller, kind: CertificateType, **over: Any) -> Certificate:
    """Make a verified certificate of another kind than EPR."""
    plain = {"country": "", "category": "", "company_name": ""}
    return certificate_create(seller=shop, **{"type": kind, **plain} | over)


def chemicals(
    company: CompanyType, held: tuple[CertificateType, ...], *, own: bool = True, province: str = ""
) -> Admission:
    rules = admission_rules(platform_time.now())
    assert rules is not None
    rule = rules.admission(RESTRICTED_CHEMICALS)
    assert rule is not None
    documents = [HeldDocument(place, Document(kind), own) for place, kind in enumerate(held)]
    return admission_of(rules, rule, company_type=company, province=province, held=documents)


@pytest.mark.rule("CMP-4")
@pytest.mark.parametrize(
    ("company", "held", "missing"),
    [
        (MADE, MAKER, ()),
        (MADE, (SAFETY, LICENCE), (INDUSTRIAL,)),
        (MADE, TRADER, (SAFETY, INDUSTRIAL)),
        (TRADED, TRADER, ()),
        (TRADED, (OPERATING,), (LICENCE,)),
        (TRADED, MAKER, (OPERATING,)),
        # Who makes and trades needs either set; nearest to complete is named, the maker's first.
        (BOTH, MAKER, ()),
        (BOTH, TRADER, ()),
        (BOTH, (SAFETY, INDUSTRIAL), (LICENCE,)),
        (BOTH, (LICENCE,), (OPERATING,)),
    ],
)
def test_documents_for_restricted_chemicals(
    clock: Any, company: CompanyType, held: tuple[Any, ...], missing: tuple[Any, ...]
) -> None:
    found = chemicals(company, held)
    assert tuple(one.type for one in found.missing) == missing
    assert found.ok == (not missing)


@pytest.mark.rule("CMP-4")
def test_borrowed_licences_and_sellers_outside_the_mainland(clock: Any) -> None:
    assert len(chemicals(TRADED, TRADER, own=False).missing) == 2
    for province in ("Hong Kong", "hong kong ", "香港"):
        found = chemicals(TRADED, TRADER, province=province)
        assert (found.ok, found.barrier, found.missing) == (False, AdmissionBarrier.REGION, ())
    for province in ("Jiangsu", "江苏", ""):
        assert chemicals(TRADED, TRADER, province=province).ok


def test_epidemic_goods_are_for_makers_with_that_very_admission(shop: Seller, clock: Any) -> None:
    document(shop, CertificateType.ADMISSION, admission="medical_devices")
    assert not admitted(seller=shop, admission="epidemic_goods").ok
    mine = document(shop, CertificateType.ADMISSION, admission="epidemic_goods")
    found = admitted(seller=shop, admission="epidemic_goods")
    assert (found.ok, found.certificates) == (True, (mine.pk,))
    assert admitted(seller=shop, admission="medical_devices").ok
    shop.company_type = TRADED
    assert (
        admitted(seller=shop, admission="epidemic_goods").barrier == AdmissionBarrier.COMPANY_TYPE
    )
    with pytest.raises(LookupError):
        admitted(seller=shop, admission="epidemic_good")


def test_an_admission_begins_and_ends_with_its_documents(
    shop: Seller, other_shop: Seller, clock: Any, django_assert_num_queries: Any
) -> None:
    now, until = platform_time.now(), end_of(date(2022, 8, 31))
    for kind in MAKER:
        document(shop, kind, valid_until=until)
        document(other_shop, kind, status=CertificateStatus.SUBMITTED)
    with django_assert_num_queries(2):
        both = admitted_many(sellers=[shop, other_shop], admission=RESTRICTED_CHEMICALS, at=now)
    assert (both[shop.pk].ok, len(both[other_shop.pk].missing)) == (True, 3)

    def at(instant: Any) -> bool:
        return admitted(seller=shop, admission=RESTRICTED_CHEMICALS, at=instant).ok

    assert at(until - timedelta(microseconds=1))
    assert not at(until)
    # Not asked for before 22 November 2021, nor before there were admissions at all.
    asked = start_of(date(2021, 11, 22))
    assert [at(asked), at(asked - timedelta(seconds=1)), at(start_of(date(2021, 1, 1)))] == [
        False,
        True,
        True,
    ]


def test_the_page_and_the_api_name_each_document(
    shop: Seller, owner_client: Client, colleague_client: Client, owner_api: Any, clock: Any
) -> None:
    held = document(shop, SAFETY, number="SP-1", expires_on=date(2022, 12, 1))
    waiting = document(shop, LICENCE, status=CertificateStatus.IN_REVIEW)
    page = owner_client.get(reverse("compliance:admissions")).content.decode()
    upload = reverse("compliance:certificate-new")
    assert f"{upload}?type=industrial_production" in page
    assert f"{upload}?type=admission&amp;admission=epidemic_goods" in page
    assert f"{upload}?type=safety_production" not in page
    assert upload not in colleague_client.get(reverse("compliance:admissions")).content.decode()
    rows = {
        row["code"]: row for row in owner_api.get("/api/v1/compliance/admissions").json()["results"]
    }
    row = rows[RESTRICTED_CHEMICALS]
    assert (row["state"], row["barrier"], row["ends_on"]) == ("missing", None, "2022-12-01")
    assert [(one["type"], one["certificate"], one["in_review"]) for one in row["documents"]] == [
        ("safety_production", held.pk, None),
        ("industrial_production", None, None),
        ("business_licence", None, waiting.pk),
    ]
    shop.company_type = TRADED
    shop.save()
    rows = {
        row["code"]: row for row in owner_api.get("/api/v1/compliance/admissions").json()["results"]
    }
    assert rows["epidemic_goods"]["barrier"] == "company_type"


# --- Labels -------------------------------------------------------------------------------------


def test_products_carry_the_certificates_that_cover_them(
    shop: Seller, other_shop: Seller, owner: Member, categories: Any, clock: Any
) -> None:
    kit, flask = (
        product_create(seller=shop, category=categories[code])
        for code in ("e-bike-kits", "vacuum-flasks")
    )
    report = document(shop, CertificateType.TEST_REPORT, products=[kit], name="CE")
    patent = document(shop, CertificateType.PATENT, categories=[categories["bicycles"]])
    system = document(shop, CertificateType.MANAGEMENT_SYSTEM, name="ISO 9001")
    document(shop, CertificateType.HONOUR, valid_until=platform_time.now())
    document(shop, CertificateType.TRADEMARK, status=CertificateStatus.SUBMITTED)
    document(shop, LICENCE)
    document(other_shop, CertificateType.HONOUR)

    def found(product: Any) -> list[tuple[int, str, bool]]:
        with seller_scope(shop):
            labels = labels_of(product, platform_time.now())
        return [(one.certificate, one.text, one.linked) for one in labels]

    assert found(kit) == [
        (report.pk, "CE", True),
        (system.pk, "ISO 9001", False),
        (patent.pk, "Patent", False),
    ]
    assert found(flask) == [(system.pk, "ISO 9001", False)]
    with seller_scope(shop):
        panels = product_panels_for(seller=shop, member=owner, product_id=kit.product_id)
    panel = next(one for one in panels if one.template.endswith("_label_panel.html"))
    shown = render_to_string(panel.template, {"panel": panel})
    assert reverse("compliance:certificate", args=[report.pk]) in shown
    assert f"?type=test_report&amp;products={kit.product_id}" in shown


# --- Metrics ------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_metrics_of_compliance(
    shop: Seller, other_shop: Seller, owner: Member, categories: Any, clock: Any
) -> None:
    clock.noon(date(2022, 12, 30))
    night = date(2022, 12, 28)
    began = start_of(date(2022, 8, 1))
    kit = product_create(seller=shop, countries=("DE",), epr_traits=["packaging", "electrical"])
    product_create(seller=shop, countries=("DE",))
    product_create(seller=shop, countries=("US",), epr_traits=["electrical"])
    certificate_create(seller=shop, category="packaging", valid_from=began)
    certificate_create(
        seller=shop, category="electrical", valid_from=began, valid_until=end_of(night) - timedelta(seconds=1)
    )  # fmt: skip
    document(shop, CertificateType.TEST_REPORT, products=[kit], valid_from=began)
    document(shop, CertificateType.TRADEMARK, valid_from=began, valid_until=end_of(night))
    document(shop, CertificateType.TRADEMARK, valid_from=end_of(night))
    document(other_shop, CertificateType.PATENT, valid_from=began)

    def violation(points: int, key: str, **over: Any) -> None:
        until = began + timedelta(days=365)
        with unscoped():
            Violation.objects.create(
                seller=shop, rule="x", rulebook="y", step=1, happened_at=began, points=points, key=key,
                penalised_at=began, appeal_until=until, **{"points_until": until} | over,
            )  # fmt: skip

    violation(6, "a")
    violation(3, "b", overturned_at=end_of(night))
    violation(12, "c", overturned_at=end_of(night) - timedelta(seconds=1))
    violation(24, "d", points_until=end_of(night) - timedelta(seconds=1))
    run = ledger.night_start(as_of=night, jobs=["metrics.derived"])
    assert run_inline(run_id=run.pk).state == "complete"
    found = {
        one.key.removeprefix("compliance."): one.value
        for one in metric_values(shop)
        if one.key.startswith("compliance.") and one.value
    }
    assert found == {
        "verified_certificates": Decimal(3),
        "company_certificates": Decimal(2),
        "certificates_epr": Decimal(1),
        "certificates_test_report": Decimal(1),
        "certificates_trademark": Decimal(1),
        "linked_products": Decimal(1),
        "epr_missing": Decimal(1),
        "products_blocked": Decimal(1),
        "points": Decimal(9),
    }
    titles = {one.key: one.title for one in metric_values(shop)}
    assert titles["compliance.certificates_patent"] == "Verified certificates: Patent"
