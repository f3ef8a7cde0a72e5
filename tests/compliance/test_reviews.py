"""Claiming and approving certificates, also many and by two persons (EPR-4, EPR-7, EPR-12)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from auditlog.models import LogEntry

from compliance.choices import CertificateEventKind as Event
from compliance.choices import CertificateStatus as Status
from compliance.epr.schema import EPR
from compliance.gate import gate, products_forgotten
from compliance.models import Certificate, CertificateEvent
from compliance.services import review_steps
from compliance.services.certificates import (
    certificate_save,
    certificate_submit,
    certificate_take_back,
)
from compliance.services.reviews import (
    certificate_approve,
    certificate_claim,
    certificate_reject,
    certificate_release,
    certificate_revoke,
    certificates_approve_many,
)
from portal import platform_time
from portal.errors import NotAllowed, Refusal
from portal.models import Member, Notice, Rulebook, User
from portal.scoping import unscoped
from portal.services.rulebooks import content_digest
from tests import factories
from tests.compliance.review_world import approved, events, refused, stored
from tests.compliance.world import given, product_create, submitted

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-4")]

NUMBER = "DE2755553072093"


@pytest.fixture(autouse=True)
def _world(settings: Any, tmp_path: Path, clock: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    clock("2022-12-28T12:00:00-08:00")


# --- Claiming -----------------------------------------------------------------------------------


@pytest.mark.rule("EPR-7")
def test_a_claim_is_one_reviewers_alone_until_it_is_two_hours_old(
    waiting: Certificate, reviewer: User, second: User, clock: Any
) -> None:
    certificate_claim(actor=reviewer, certificate=waiting)
    certificate_claim(actor=reviewer, certificate=waiting)
    assert events(waiting)[2:] == [Event.CLAIMED], "claiming again is no event"
    clock.advance(hours=2, seconds=-1)
    refused("claimed", waiting, lambda: certificate_claim(actor=second, certificate=waiting))
    refused("claimed", waiting, lambda: certificate_release(actor=second, certificate=waiting))
    clock.advance(seconds=1)
    certificate_claim(actor=second, certificate=waiting)
    assert stored(waiting).claimed_by == second
    with unscoped():
        told = Notice.objects.filter(kind="review_taken_over", seller=None)
        assert {one.user for one in told} == {reviewer, second}
    refused(
        "claimed",
        waiting,
        lambda: certificate_approve(actor=reviewer, certificate=waiting, digest=waiting.digest),
    )


def test_a_released_certificate_waits_again_with_its_due_time(
    waiting: Certificate, reviewer: User
) -> None:
    certificate_claim(actor=reviewer, certificate=waiting)
    certificate_release(actor=reviewer, certificate=waiting)
    found = stored(waiting)
    assert (found.status, found.claimed_by, found.claimed_at) == (Status.SUBMITTED, None, None)
    assert found.due_at == waiting.due_at
    assert events(waiting)[-2:] == [Event.CLAIMED, Event.RELEASED]


@pytest.mark.rule("EPR-7")
def test_only_reviewers_of_other_shops_claim_and_decide(
    waiting: Certificate, owner: Member, reviewer: User
) -> None:
    operator = factories.user_create("operator", is_staff=True)
    with pytest.raises(NotAllowed):
        certificate_claim(actor=operator, certificate=waiting)
    Member.everywhere.create(user=reviewer, seller=owner.seller, role="viewer", is_active=False)
    refused(
        "own_certificate", waiting, lambda: certificate_claim(actor=reviewer, certificate=waiting)
    )


def test_what_is_not_claimed_is_not_decided(waiting: Certificate, reviewer: User) -> None:
    digest = waiting.digest
    for act in (
        lambda: certificate_approve(actor=reviewer, certificate=waiting, digest=digest),
        lambda: certificate_reject(actor=reviewer, certificate=waiting, code="expired"),
    ):
        refused("not_claimed", waiting, act)


# --- Approving ----------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.rule("EPR-7", "EPR-11")
def test_an_approved_certificate_counts_at_once_and_its_owner_hears_of_it(
    waiting: Certificate, owner: Member, colleague: Member, reviewer: User
) -> None:
    product = product_create(seller=owner.seller, countries=["DE"])
    assert gate(product.product_id, "DE").decision == "blocked"
    approved(reviewer, waiting)
    found = stored(waiting)
    now = platform_time.now()
    assert (found.status, found.valid_from, found.valid_until) == (Status.VERIFIED, now, None)
    assert (found.decided_by, found.claimed_by) == (reviewer, None)
    assert gate(product.product_id, "DE").decision == "allowed"
    assert events(waiting) == [Event.CREATED, Event.SUBMITTED, Event.CLAIMED, Event.APPROVED]
    with unscoped():
        decision = CertificateEvent.objects.get(kind=Event.APPROVED)
        notice = Notice.objects.get(kind="certificate_decided")
    assert decision.digest == waiting.digest
    assert decision.content["number"] == NUMBER
    assert decision.content["files"][0]["sha256"]
    assert (notice.user, notice.link) == (owner.user, f"/compliance/certificates/{waiting.pk}/")
    assert notice.title == f"Certificate Germany · Packaging {NUMBER}: Approved"
    action = LogEntry.objects.order_by("-pk").first()
    assert action is not None
    assert action.additional_data["action"] == "certificate.approve"


@pytest.mark.rule("EPR-7")
def test_an_approval_names_what_it_saw(waiting: Certificate, owner: Member, reviewer: User) -> None:
    seen = waiting.digest
    draft = certificate_take_back(member=owner, certificate=waiting)
    certificate_save(member=owner, fields=given(entity_name="Other Ltd"), certificate=draft)
    again = certificate_submit(member=owner, certificate=waiting)
    certificate_claim(actor=reviewer, certificate=again)
    for digest in (seen, ""):
        refused(
            "changed_meanwhile",
            waiting,
            lambda digest=digest: certificate_approve(
                actor=reviewer, certificate=waiting, digest=digest
            ),
        )
    with unscoped():
        # Nobody does this through a service: the digest still finds out.
        Certificate.objects.filter(pk=again.pk).update(entity_name="Someone Else Ltd")
    refused(
        "changed_meanwhile",
        waiting,
        lambda: certificate_approve(actor=reviewer, certificate=again, digest=again.digest),
    )


@pytest.mark.rule("EPR-4", "EPR-7")
def test_a_product_that_goes_meanwhile_is_seen_before_approving(
    owner: Member, reviewer: User
) -> None:
    left = product_create(seller=owner.seller, countries=["DE"])
    gone = product_create(seller=owner.seller)
    waiting = submitted(owner, products=[left.product_id, gone.product_id])
    certificate_claim(actor=reviewer, certificate=waiting)
    products_forgotten([gone.product_id])
    refused(
        "changed_meanwhile",
        waiting,
        lambda: certificate_approve(actor=reviewer, certificate=waiting, digest=waiting.digest),
    )
    approved(reviewer, stored(waiting))
    assert gate(left.product_id, "DE").decision == "allowed"


@pytest.mark.rule("EPR-6", "EPR-7")
@pytest.mark.parametrize("gone", [False, True])
def test_a_stored_file_that_is_not_what_was_uploaded_stops_the_approval(
    waiting: Certificate, reviewer: User, gone: bool
) -> None:
    certificate_claim(actor=reviewer, certificate=waiting)
    with unscoped():
        path = Path(waiting.files.get().file.file.path)
    if gone:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b" ")
    refused(
        "file_changed",
        waiting,
        lambda: certificate_approve(actor=reviewer, certificate=waiting, digest=waiting.digest),
    )


def test_the_last_day_counts_whole_and_is_over_after_it(
    owner: Member, reviewer: User, clock: Any
) -> None:
    on_time = submitted(owner, expires_on="2022-12-31")
    late = submitted(owner, number="DE1234567890123", expires_on="2022-12-31")
    clock("2022-12-31T23:59:59-08:00")
    certificate_claim(actor=reviewer, certificate=late)
    approved(reviewer, on_time)
    assert stored(on_time).valid_until == platform_time.parse_instant("2023-01-01T00:00:00-08:00")
    clock("2023-01-01T00:00:00-08:00")
    refused(
        "expired",
        late,
        lambda: certificate_approve(actor=reviewer, certificate=late, digest=late.digest),
    )


@pytest.mark.both_databases
@pytest.mark.rule("EPR-12")
def test_a_renewal_takes_the_place_of_the_verified_one_at_the_same_instant(
    owner: Member, reviewer: User, clock: Any
) -> None:
    old = submitted(owner, expires_on="2023-06-30")
    approved(reviewer, old)
    clock.advance(days=3)
    new = submitted(owner, expires_on="2024-06-30")
    assert stored(old).status == Status.VERIFIED, "it counts until the new one does"
    approved(reviewer, new)
    before, after = stored(old), stored(new)
    assert (before.status, after.status) == (Status.REPLACED, Status.VERIFIED)
    assert before.valid_until == after.valid_from == platform_time.now()
    assert after.replaces == before
    assert events(old)[-1] == Event.REPLACED


def test_a_renewal_of_one_that_is_over_leaves_the_gap_as_it_was(
    owner: Member, reviewer: User, clock: Any
) -> None:
    old = submitted(owner, expires_on="2022-12-30")
    approved(reviewer, old)
    clock.advance(days=10)
    approved(reviewer, submitted(owner, expires_on="2023-12-30"))
    found = stored(old)
    assert found.status == Status.EXPIRED
    assert found.valid_until == platform_time.parse_instant("2022-12-31T00:00:00-08:00")


@pytest.mark.both_databases
@pytest.mark.rule("EPR-5", "EPR-7")
def test_a_number_is_verified_as_own_for_one_shop_only(
    owner: Member, stranger: Member, reviewer: User
) -> None:
    first, other = submitted(owner), submitted(stranger)
    approved(reviewer, first)
    certificate_claim(actor=reviewer, certificate=other)
    refusal = refused(
        "number_elsewhere",
        other,
        lambda: certificate_approve(actor=reviewer, certificate=other, digest=other.digest),
    )
    assert owner.seller.member_id in str(refusal)
    certificate_revoke(actor=reviewer, certificate=first, code="not_genuine")
    certificate_approve(actor=reviewer, certificate=other, digest=other.digest)
    assert stored(other).status == Status.VERIFIED


@pytest.mark.rule("EPR-3", "EPR-5")
def test_an_upstream_number_may_be_verified_for_many_shops(
    owner: Member, stranger: Member, reviewer: User
) -> None:
    approved(reviewer, submitted(owner))
    upstream = submitted(stranger, own=False)
    approved(reviewer, upstream)
    assert stored(upstream).status == Status.VERIFIED


# --- Two persons --------------------------------------------------------------------------------


def two_persons() -> None:
    book = Rulebook.objects.get(module=EPR)
    book.content["review"]["two_person"] = True
    Rulebook.objects.filter(pk=book.pk).update(
        content=book.content, digest=content_digest(book.content)
    )


@pytest.mark.rule("EPR-7")
def test_where_two_persons_decide_the_second_is_another_one(
    waiting: Certificate, reviewer: User, second: User
) -> None:
    two_persons()
    approved(reviewer, waiting)
    found = stored(waiting)
    assert (found.status, found.first_approved_by) == (Status.SUBMITTED, reviewer)
    refused(
        "second_person", waiting, lambda: certificate_claim(actor=reviewer, certificate=waiting)
    )
    approved(second, waiting)
    assert stored(waiting).status == Status.VERIFIED
    assert events(waiting)[-3:] == [Event.FIRST_APPROVAL, Event.CLAIMED, Event.APPROVED]


@pytest.mark.rule("EPR-7")
def test_a_first_approval_is_of_what_was_seen(
    waiting: Certificate, owner: Member, reviewer: User, second: User
) -> None:
    two_persons()
    approved(reviewer, waiting)
    draft = certificate_take_back(member=owner, certificate=waiting)
    certificate_save(member=owner, fields=given(entity_name="Other Ltd"), certificate=draft)
    again = certificate_submit(member=owner, certificate=waiting)
    approved(second, again)
    assert stored(waiting).status == Status.SUBMITTED, "the second is now the first"


# --- Many ---------------------------------------------------------------------------------------


@pytest.mark.rule("EPR-7")
def test_a_bulk_approval_decides_each_on_its_own(
    owner: Member, stranger: Member, reviewer: User, second: User
) -> None:
    good, changed, claimed = (
        submitted(owner, number=number)
        for number in ("DE1111111111111", "DE2222222222222", "DE3333333333333")
    )
    certificate_claim(actor=second, certificate=claimed)
    picks = {good.pk: good.digest, changed.pk: "f" * 64, claimed.pk: claimed.digest, 0: ""}
    result = certificates_approve_many(actor=reviewer, picks=picks)
    assert result.approved == [good.pk]
    assert {pk: refusal.code for pk, refusal in result.refused.items()} == {
        changed.pk: "changed_meanwhile", claimed.pk: "claimed", 0: "not_found",
    }  # fmt: skip
    assert stored(changed).status == Status.SUBMITTED, "not left claimed"
    assert stored(claimed).claimed_by == second


@pytest.mark.rule("EPR-7")
def test_every_step_is_in_the_table_of_steps(waiting: Certificate, reviewer: User) -> None:
    with pytest.raises(Refusal):
        review_steps.certificate_step(
            waiting,
            Status.VERIFIED,
            Event.APPROVED,
            action="certificate.approve",
            actor=reviewer,
            now=platform_time.now(),
        )
