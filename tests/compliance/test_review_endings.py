"""Rejecting certificates and correcting them, revoking them, their last day (EPR-4, EPR-7, EPR-12)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from compliance.choices import CertificateEventKind as Event
from compliance.choices import CertificateStatus as Status
from compliance.gate import gate
from compliance.models import Certificate, CertificateEvent, ReviewReason
from compliance.review.reasons import REJECT, REVOKE
from compliance.services.certificates import (
    certificate_save,
    certificate_submit,
)
from compliance.services.reviews import (
    certificate_approve,
    certificate_claim,
    certificate_reject,
    certificate_release,
    certificate_revoke,
    certificates_expire,
)
from portal import platform_time
from portal.errors import InvalidInput
from portal.models import Member, Notice, User
from portal.scoping import unscoped
from tests.compliance.review_world import approved, events, refused, stored
from tests.compliance.world import given, product_create, submitted, upload

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-4")]


@pytest.fixture(autouse=True)
def _world(settings: Any, tmp_path: Path, clock: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    clock("2022-12-28T12:00:00-08:00")


# --- Rejecting ----------------------------------------------------------------------------------


@pytest.mark.rule("EPR-7")
def test_a_canned_reason_reaches_the_seller_in_both_languages(
    waiting: Certificate, owner: Member, reviewer: User
) -> None:
    certificate_claim(actor=reviewer, certificate=waiting)
    certificate_reject(
        actor=reviewer, certificate=waiting, code="illegible", text_en="Page 2 is dark."
    )
    english, chinese = REJECT["illegible"]
    found = stored(waiting)
    assert (found.status, found.reason_code) == (Status.REJECTED, "illegible")
    assert found.reason_en == f"{english}\nPage 2 is dark."
    assert found.reason_zh == f"{chinese}\nPage 2 is dark."
    with unscoped():
        notice = Notice.objects.get(kind="certificate_decided")
    assert notice.user == owner.user
    assert english in notice.body


@pytest.mark.rule("EPR-7")
def test_a_reason_of_ones_own_needs_words(waiting: Certificate, reviewer: User) -> None:
    certificate_claim(actor=reviewer, certificate=waiting)
    ReviewReason.objects.filter(code="expired", kind="reject").update(active=False)
    for code in ("smudged", "expired", ""):
        with pytest.raises(InvalidInput) as raised:
            certificate_reject(actor=reviewer, certificate=waiting, code=code)
        assert raised.value.fields[0][0] == ("text_en" if code else "code")
    certificate_reject(actor=reviewer, certificate=waiting, code="smudged", text_zh="有污渍。")
    found = stored(waiting)
    assert (found.reason_code, found.reason_en, found.reason_zh) == (
        "smudged",
        "有污渍。",
        "有污渍。",
    )


def test_a_rejected_certificate_is_corrected_and_its_history_stays(
    waiting: Certificate, owner: Member, reviewer: User
) -> None:
    certificate_claim(actor=reviewer, certificate=waiting)
    certificate_reject(actor=reviewer, certificate=waiting, code="name_mismatch")
    certificate_save(
        member=owner,
        fields=given(company_name="Suzhou Kits Co Ltd"),
        files=[upload()],
        certificate=waiting,
    )
    again = certificate_submit(member=owner, certificate=waiting)
    assert again.digest != waiting.digest
    approved(reviewer, again)
    assert stored(waiting).reason_en == ""
    assert events(waiting) == [
        Event.CREATED, Event.SUBMITTED, Event.CLAIMED, Event.REJECTED, Event.CHANGED,
        Event.SUBMITTED, Event.CLAIMED, Event.APPROVED,
    ]  # fmt: skip
    with unscoped():
        rejection = CertificateEvent.objects.get(kind=Event.REJECTED)
    assert rejection.reason_code == "name_mismatch"
    assert rejection.content["company_name"] == "Suzhou E-Bike Kits Ltd"


def test_the_canned_reasons_are_there_after_migration() -> None:
    found = set(ReviewReason.objects.values_list("kind", "code"))
    assert found == {("reject", code) for code in REJECT} | {("revoke", code) for code in REVOKE}


# --- Revoking and ending ------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.rule("EPR-7", "EPR-12")
def test_revoking_closes_the_gate_at_once_and_is_final(
    waiting: Certificate, owner: Member, reviewer: User, clock: Any
) -> None:
    product = product_create(seller=owner.seller, countries=["DE"])
    refused(
        "not_verified",
        waiting,
        lambda: certificate_revoke(actor=reviewer, certificate=waiting, code="not_genuine"),
    )
    approved(reviewer, waiting)
    clock.advance(days=1)
    earlier = platform_time.now() - timedelta(microseconds=1)
    certificate_revoke(actor=reviewer, certificate=waiting, code="not_genuine")
    assert gate(product.product_id, "DE").decision == "blocked"
    assert gate(product.product_id, "DE", earlier).decision == "allowed"
    found = stored(waiting)
    assert (found.status, found.valid_until) == (Status.REVOKED, platform_time.now())
    for act in (
        lambda: certificate_claim(actor=reviewer, certificate=waiting),
        lambda: certificate_approve(actor=reviewer, certificate=waiting, digest=waiting.digest),
        lambda: certificate_reject(actor=reviewer, certificate=waiting, code="expired"),
        lambda: certificate_release(actor=reviewer, certificate=waiting),
    ):
        refused("already_decided", waiting, act)


@pytest.mark.both_databases
@pytest.mark.rule("EPR-12")
def test_the_gate_closes_at_the_end_of_the_last_day_without_a_night(
    owner: Member, reviewer: User, clock: Any
) -> None:
    product = product_create(seller=owner.seller, countries=["DE"])
    certificate = submitted(owner, expires_on="2022-12-31")
    approved(reviewer, certificate)
    clock("2022-12-31T23:59:59-08:00")
    assert gate(product.product_id, "DE").decision == "allowed"
    assert certificates_expire(now=platform_time.now()) == 0
    clock("2023-01-01T00:00:00-08:00")
    assert gate(product.product_id, "DE").decision == "blocked"
    assert stored(certificate).status == Status.VERIFIED, "only the night names it"
    refused(
        "not_verified",
        certificate,
        lambda: certificate_revoke(actor=reviewer, certificate=certificate, code="not_genuine"),
    )
    assert certificates_expire(now=platform_time.now()) == 1
    assert certificates_expire(now=platform_time.now()) == 0
    assert stored(certificate).status == Status.EXPIRED
    assert events(certificate)[-1] == Event.EXPIRED
    with unscoped():
        notice = Notice.objects.get(kind="certificate_expired")
    assert notice.user == owner.user
