"""What shops and staff are told by night, and the review command (EPR-7, EPR-12)."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from compliance.choices import CertificateStatus as Status
from compliance.models import Certificate
from compliance.nightly.expiry import expiry
from compliance.services.review_notices import expiring_tell, overdue_tell
from portal import platform_time
from portal.models import Member, Notice, User
from portal.scoping import unscoped
from tests import factories
from tests.compliance.world import certificate_create, reviewer_create, submitted

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _world(settings: Any, tmp_path: Path, clock: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def reviewer(db: None) -> User:
    return reviewer_create("reviewer")


def told(kind: str) -> list[tuple[str, str]]:
    """Who was told what, oldest first: (username, key after the kind)."""
    with unscoped():
        rows = Notice.objects.filter(kind=kind).order_by("pk")
        return [(one.user.username, one.key.partition(":")[2]) for one in rows]


def verified_until(owner: Member, days: int) -> Certificate:
    last = platform_time.today() + timedelta(days=days)
    return certificate_create(
        seller=owner.seller, expires_on=last, valid_until=platform_time.end_of(last)
    )


def night() -> None:
    """Run the job as the night would."""

    class Context:
        rows_written = 0

    with unscoped():
        expiry(Context())  # type: ignore[arg-type]


# --- Endings ------------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.rule("EPR-12")
def test_a_shop_is_told_90_30_and_7_days_before_and_after_each_once(
    owner: Member, colleague: Member, clock: Any
) -> None:
    certificate = verified_until(owner, 91)
    last = certificate.expires_on
    assert last is not None
    heard = []
    for left in (91, 90, 89, 31, 30, 8, 7, 1, 0, -1, -2):
        clock.noon(last - timedelta(days=left))
        before = len(told("certificate_expiring") + told("certificate_expired"))
        night()
        if len(told("certificate_expiring") + told("certificate_expired")) > before:
            heard.append(left)
    assert heard == [90, 30, 7, -1]
    assert told("certificate_expiring") == [
        ("owner", f"{certificate.pk}:{days}") for days in (90, 30, 7)
    ]
    assert told("certificate_expired") == [("owner", str(certificate.pk))]
    with unscoped():
        assert Certificate.objects.get(pk=certificate.pk).status == Status.EXPIRED
        first = Notice.objects.filter(kind="certificate_expiring").earliest("pk")
    assert first.params["days"] == 90


@pytest.mark.rule("EPR-12")
def test_a_missed_night_is_made_up_with_the_nearest_stage_alone(owner: Member, clock: Any) -> None:
    certificate = verified_until(owner, 100)
    clock.advance(days=75)
    night()
    assert told("certificate_expiring") == [("owner", f"{certificate.pk}:30")]


@pytest.mark.rule("EPR-12")
@pytest.mark.parametrize("status", [Status.REVOKED, Status.REPLACED, Status.SUBMITTED])
def test_only_what_is_verified_is_spoken_of(owner: Member, status: str) -> None:
    last = platform_time.today() + timedelta(days=5)
    certificate_create(
        seller=owner.seller, status=status, expires_on=last,
        valid_until=platform_time.end_of(last) if status != Status.SUBMITTED else None,
    )  # fmt: skip
    assert expiring_tell(now=platform_time.now()) == 0


# --- Overdue ------------------------------------------------------------------------------------


@pytest.mark.rule("EPR-7")
def test_reviewers_and_operators_hear_once_a_day_of_what_is_overdue(
    owner: Member, reviewer: User, staff: User, clock: Any
) -> None:
    certificate = submitted(owner)
    assert certificate.due_at is not None
    clock((certificate.due_at - timedelta(seconds=1)).isoformat())
    assert overdue_tell(now=platform_time.now()) == 0
    clock(certificate.due_at.isoformat())
    assert overdue_tell(now=platform_time.now()) == 2
    assert overdue_tell(now=platform_time.now()) == 0
    assert {user for user, _key in told("reviews_overdue")} == {"reviewer", "staff"}
    clock.advance(days=1)
    assert overdue_tell(now=platform_time.now()) == 2


@pytest.mark.rule("EPR-7")
def test_a_decision_is_due_after_three_chinese_working_days(owner: Member, clock: Any) -> None:
    clock("2022-09-29T10:00:00+08:00")
    # Friday the 30th is worked; 1 to 7 October are the national holiday, Saturday the 8th makes up.
    assert submitted(owner).due_at == platform_time.parse_instant("2022-10-09T10:00:00+08:00")


# --- The command --------------------------------------------------------------------------------


def run(*arguments: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("review", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def failed(code: int, *arguments: Any) -> str:
    with pytest.raises(CommandError) as raised:
        run(*arguments)
    assert raised.value.returncode == code
    return str(raised.value)


def status_of(certificate: Certificate) -> tuple[str, str, str]:
    with unscoped():
        found = Certificate.objects.get(pk=certificate.pk)
    return found.status, found.reason_code, found.reason_en


@pytest.mark.rule("EPR-7")
def test_the_command_claims_and_approves(owner: Member, reviewer: User) -> None:
    certificate = submitted(owner)
    out, err = run(certificate.pk, "--approve", "--by", "reviewer")
    assert (out, err) == (f"certificate {certificate.pk}: verified\n", "")
    assert status_of(certificate)[0] == Status.VERIFIED
    text = failed(1, certificate.pk, "--reject", "expired", "--by", "reviewer")
    assert text.startswith("already_decided: ")


@pytest.mark.rule("EPR-7")
def test_the_command_rejects_with_a_canned_reason_or_any_word(
    owner: Member, reviewer: User
) -> None:
    canned, worded = submitted(owner), submitted(owner, number="DE1111111111111")
    run(canned.pk, "--reject", "illegible", "--by", "reviewer", "--text-en", "Page 2.")
    assert status_of(canned)[:2] == (Status.REJECTED, "illegible")
    assert status_of(canned)[2].endswith("\nPage 2.")
    out, err = run(worded.pk, "--reject", "smudged", "--by", "reviewer")
    assert out == f"certificate {worded.pk}: rejected\n"
    assert "no canned reason" in err
    assert status_of(worded) == (Status.REJECTED, "smudged", "smudged")


@pytest.mark.rule("EPR-7")
def test_the_command_says_what_is_wrong_and_leaves_nothing_claimed(
    owner: Member, reviewer: User
) -> None:
    certificate = submitted(owner)
    factories.user_create("operator", is_staff=True)
    failed(2, certificate.pk, "--approve", "--by", "nobody")
    failed(2, certificate.pk + 1, "--approve", "--by", "reviewer")
    assert failed(1, certificate.pk, "--approve", "--by", "operator").startswith(
        "permission_denied: "
    )
    failed(1, certificate.pk, "--reject", "x" * 41, "--by", "reviewer")
    with pytest.raises(CommandError):
        run(certificate.pk, "--by", "reviewer")
    assert status_of(certificate)[0] == Status.SUBMITTED
