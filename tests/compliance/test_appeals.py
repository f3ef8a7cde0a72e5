"""Appeals: until when, by whom, and what staff decide (CMP-8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from compliance.models import Violation
from compliance.services.violations import (
    appeal_decide,
    effects_in_force,
    points_of,
    violation_overturn,
)
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Notice, Seller, StoredFile, User
from portal.scoping import unscoped
from tests.compliance.penalty_world import (
    DRUGS,
    PHONES,
    appeal,
    confirm,
    state,
)
from tests.compliance.world import upload

pytestmark = [pytest.mark.django_db, pytest.mark.rule("CMP-8")]


@pytest.fixture(autouse=True)
def _world(clock: Any, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def told(member: Member) -> set[str]:
    with unscoped():
        return set(Notice.objects.filter(user=member.user).values_list("kind", flat=True))


# --- Making one ----------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_the_last_second_of_seven_days_is_in_time(
    owner: Member, violation: Violation, clock: Any
) -> None:
    end = violation.penalised_at + timedelta(days=7)
    assert violation.appeal_until == end
    clock(end.isoformat())
    unchanged = state()
    with pytest.raises(Refusal) as refusal:
        appeal(owner, violation)
    assert (refusal.value.code, state()) == ("appeal_closed", unchanged)
    clock((end - timedelta(seconds=1)).isoformat())
    made = appeal(owner, violation, files=[upload(), upload("chat.png")])
    assert made.status == "open"
    with unscoped():
        assert made.files.count() == 2
        assert set(StoredFile.objects.values_list("purpose", flat=True)) == {"appeal"}


def test_seven_days_over_the_change_of_clocks_end_at_the_same_time_of_day(
    staff: User, shop: Seller, clock: Any
) -> None:
    clock("2022-11-03T12:00:00-07:00")
    made = confirm(staff, shop, PHONES)
    assert made.appeal_until.isoformat() == "2022-11-10T20:00:00+00:00"  # noon, Pacific standard
    assert made.appeal_until - made.penalised_at == timedelta(days=7, hours=1)


def test_one_appeal_per_penalty_by_the_owner_alone(
    owner: Member, colleague: Member, viewer: Member, stranger: Member, violation: Violation
) -> None:
    unchanged = state()
    for member in (colleague, viewer):
        with pytest.raises(NotAllowed):
            appeal(member, violation)
    with pytest.raises(Violation.DoesNotExist):
        appeal(stranger, violation)
    assert state() == unchanged
    appeal(owner, violation)
    with pytest.raises(Refusal) as refusal:
        appeal(owner, violation)
    assert refusal.value.code == "already_appealed"


def test_what_is_wrong_is_all_named_and_nothing_is_kept(
    owner: Member, violation: Violation
) -> None:
    script = SimpleUploadedFile("proof.pdf", b"<script>alert(1)</script>")
    unchanged = state()
    with pytest.raises(InvalidInput) as refusal:
        appeal(owner, violation, reason="mood", text=" ", files=[upload(), script])
    assert [field for field, _text in refusal.value.fields] == ["reason", "text", "files"]
    with pytest.raises(InvalidInput):
        appeal(owner, violation, files=[upload() for _file in range(6)])
    assert state() == unchanged


def test_what_was_taken_back_needs_no_appeal(
    owner: Member, staff: User, violation: Violation
) -> None:
    violation_overturn(actor=staff, violation=violation, note="A mistake.")
    with pytest.raises(Refusal) as refusal:
        appeal(owner, violation)
    assert refusal.value.code == "appeal_closed"


# --- Deciding ------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_an_appeal_that_is_right_takes_everything_back(owner: Member, officer: User) -> None:
    closing = confirm(officer, owner.seller, DRUGS)
    made = appeal(owner, closing)
    appeal_decide(actor=officer, appeal=made, overturn=True, answer="You are right.")
    owner.seller.refresh_from_db()
    assert (made.status, made.answer, made.decided_by) == ("overturned", "You are right.", officer)
    assert (points_of(owner.seller), effects_in_force(owner.seller)) == (0, [])
    assert owner.seller.status == "active"
    assert {"violation_recorded", "shop_closed", "appeal_decided", "shop_reopened"} <= told(owner)


def test_an_appeal_that_is_wrong_leaves_everything(owner: Member, officer: User) -> None:
    closing = confirm(officer, owner.seller, DRUGS)
    made = appeal(owner, closing)
    with pytest.raises(InvalidInput):
        appeal_decide(actor=officer, appeal=made, overturn=False, answer=" ")
    appeal_decide(actor=officer, appeal=made, overturn=False, answer="The photos show it.")
    owner.seller.refresh_from_db()
    assert (made.status, points_of(owner.seller)) == ("penalty_upheld", 48)
    assert owner.seller.status == "closed"
    # The people of a closed shop hear of it too.
    assert "appeal_decided" in told(owner)
    unchanged = state()
    with pytest.raises(Refusal) as refusal:
        appeal_decide(actor=officer, appeal=made, overturn=True, answer="After all.")
    assert (refusal.value.code, state()) == ("already_decided", unchanged)


def test_nobody_decides_about_a_shop_of_theirs(
    owner: Member, officer: User, violation: Violation
) -> None:
    made = appeal(owner, violation)
    Member.everywhere.create(user=officer, seller=owner.seller, role="viewer")
    unchanged = state()
    for actor in (officer, owner.user):
        with pytest.raises(NotAllowed):
            appeal_decide(actor=actor, appeal=made, overturn=True, answer="x")
    assert state() == unchanged


def test_a_mistake_of_staff_closes_the_appeal_with_it(
    owner: Member, officer: User, violation: Violation
) -> None:
    made = appeal(owner, violation)
    violation_overturn(actor=officer, violation=violation, note="Our mistake.")
    made.refresh_from_db()
    assert (made.status, made.answer) == ("overturned", "Our mistake.")
