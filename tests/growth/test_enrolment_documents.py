"""What enrolling in a programme takes: certificates, files and answers (GRO-17, GRO-18)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from compliance.choices import CertificateStatus, CertificateType
from growth.models import EnrolmentFile, Programme
from growth.services.enrolments import enrolment_leave
from portal import platform_time
from portal.choices import Membership
from portal.errors import InvalidInput
from portal.models import Category, Member, Seller
from portal.scoping import unscoped
from tests.compliance.world import certificate_create, upload
from tests.growth.programme_world import (
    APPLIED,
    apply,
    at,
    change,
    refused,
    shipped,
)
from tests.growth.world import night, told

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("GRO-17")]


@pytest.fixture
def brand(owner: Member, shop: Seller, clock: Any) -> Programme:
    """The brand station, with the shop in an industry it is open to."""
    Category.objects.filter(pk=shop.industry_id).update(name_en="Electrical Equipment")
    return shipped("brand_station")


def known(shop: Seller, **metrics: int) -> None:
    """Let upstream tell numbers of a shop, and a night count them."""
    for name, value in metrics.items():
        told(shop, f"ext.{name}", d2022_07_01=value)
    with unscoped():
        night(date(2022, 7, 30), "metrics")


OWN = {"yearly_export_cny": 100_000_000, "rd_staff": 10, "marketing_spend_cny": 500_000}


@pytest.mark.rule("GRO-18")
def test_an_own_brand_needs_a_registered_trademark_not_an_acceptance_notice(
    owner: Member, shop: Seller, other_shop: Seller, brand: Programme, clock: Any
) -> None:
    known(shop, **OWN)
    kind = {"type": CertificateType.TRADEMARK, "country": "", "category": ""}
    waiting = certificate_create(seller=shop, status=CertificateStatus.SUBMITTED, **kind)
    over = certificate_create(seller=shop, valid_until=platform_time.now(), **kind)
    patent = certificate_create(seller=shop, **kind | {"type": CertificateType.PATENT})
    foreign = certificate_create(seller=other_shop, **kind)
    own = {"route": "own_verified"}
    assert refused(apply, owner, brand, **own) == "documents_needed"
    for useless in (waiting, over, patent):
        assert refused(apply, owner, brand, certificates=[useless.pk], **own) == "documents_needed"
    for unknown in (foreign.pk, 10**9):
        assert refused(apply, owner, brand, certificates=[unknown], **own) == "invalid"
    mark = certificate_create(seller=shop, **kind)
    enrolment = apply(owner, brand, certificates=[mark.pk], **own)
    assert enrolment.state == APPLIED
    with unscoped():
        [document] = enrolment.documents.all()
    assert (document.requirement, document.certificate) == ("mark", mark)


@pytest.mark.rule("GRO-18")
@pytest.mark.parametrize(
    ("metric", "below"),
    [("yearly_export_cny", 99_999_999), ("rd_staff", 9), ("marketing_spend_cny", 499_999)],
)
def test_an_own_brand_meets_all_of_its_conditions(
    owner: Member, shop: Seller, brand: Programme, metric: str, below: int
) -> None:
    known(shop, **OWN | {metric: below})
    assert refused(apply, owner, brand, route="own_verified") == "not_eligible"


@pytest.mark.rule("GRO-18")
def test_a_high_tech_company_needs_no_team_of_ten(
    owner: Member, shop: Seller, brand: Programme
) -> None:
    known(shop, **OWN | {"rd_staff": 0, "high_tech_company": 1})
    assert refused(apply, owner, brand, route="own_verified") == "documents_needed"


@pytest.mark.rule("GRO-18")
def test_a_leader_proves_one_of_three_things(
    owner: Member, shop: Seller, brand: Programme, clock: Any
) -> None:
    mark = certificate_create(seller=shop, type=CertificateType.TRADEMARK, country="", category="")
    leader = {"route": "leader_verified", "certificates": [mark.pk]}
    assert refused(apply, owner, brand, **leader) == "documents_needed"
    stock = apply(owner, brand, answers={"stock": "Wheels 600000"}, **leader)
    assert stock.answers == {"stock": "Wheels 600000"}
    enrolment_leave(member=owner, programme=brand)
    known(shop, yearly_export_cny=999_999_999)
    assert refused(apply, owner, brand, **leader) == "documents_needed"
    told(shop, "ext.yearly_export_cny", d2022_07_31=1_000_000_000)
    with unscoped():
        night(date(2022, 7, 31), "metrics")
    assert apply(owner, brand, **leader).state == APPLIED, "the verification report proves it"


@pytest.mark.rule("GRO-18")
def test_other_sellers_hand_in_papers_of_their_own(
    owner: Member, shop: Seller, brand: Programme, settings: Any, tmp_path: Any, clock: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    known(shop, marketing_spend_cny=500_000)
    change(shop, membership=Membership.BASIC)
    kinds = (CertificateType.TRADEMARK, CertificateType.HONOUR)
    held = [certificate_create(seller=shop, type=one, country="", category="").pk for one in kinds]
    own = {"route": "own_basic", "certificates": held}
    assert refused(apply, owner, brand, **own) == "documents_needed"
    assert refused(apply, owner, brand, files={"export_papers": [upload()] * 6}, **own) == "invalid"
    assert refused(apply, owner, brand, files={"something": [upload()]}, **own) == "invalid"
    assert not list(tmp_path.rglob("*.pdf"))
    enrolment = apply(owner, brand, files={"export_papers": [upload(), upload()]}, **own)
    with unscoped():
        files = EnrolmentFile.objects.filter(enrolment=enrolment)
        assert [one.requirement for one in files] == ["export", "export"]


def test_answers_are_checked(owner: Member, clock: Any) -> None:
    at(clock, "2022-11-25T12:00")
    programme = shipped("site_builder")
    for answers in ({}, {"plan": "castle"}, {"plan": "self_built", "colour": "red"}, {"plan": " "}):
        assert refused(apply, owner, programme, answers=answers) == "invalid"
    assert apply(owner, programme, answers={"plan": "self_built"}).answers == {"plan": "self_built"}
    fairs = shipped("campus_fairs_2022")
    for answers in ({"fair": "nanning", "jobs": "x" * 501}, {"fair": "shijiazhuang", "jobs": "x"}):
        with pytest.raises(InvalidInput):
            apply(owner, fairs, answers=answers)  # too long; held the day before
    assert apply(owner, fairs, answers={"fair": "nanning", "jobs": "x"}).state == APPLIED
