"""Reviewers who decide at the same moment, in real processes (EPR-7)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.db.models import QuerySet

from compliance.choices import CertificateEventKind as Event
from compliance.choices import CertificateStatus as Status
from compliance.models import Certificate, CertificateEvent
from compliance.services import review_steps
from compliance.services.certificates import certificate_take_back
from compliance.services.review_steps import number_hold
from compliance.services.reviews import (
    certificate_approve,
    certificate_approve_found,
    certificate_claim,
    certificate_reject,
    claimed_for,
)
from portal.errors import Refusal
from portal.models import Member, Notice, User
from portal.scoping import unscoped
from tests.compliance.world import reviewer_create, submitted
from tests.concurrency.forks import Failed, Processes

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.django_db(transaction=True),
    pytest.mark.rule("EPR-7"),
]

DECISIONS = (Event.APPROVED, Event.REJECTED)
Work = Callable[[], str]


@pytest.fixture(autouse=True)
def _world(settings: Any, tmp_path: Path, clock: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def reviewers(db: None) -> list[User]:
    return [reviewer_create(f"reviewer-{number}") for number in range(4)]


def said(act: Callable[[], Any]) -> Work:
    """Return a work that says what came of it."""

    def work() -> str:
        try:
            act()
        except Refusal as refusal:
            return refusal.code
        return "done"

    return work


def outcomes(results: list[Any]) -> Counter[str]:
    """How often each thing happened; a failed process shows its trace."""
    for result in results:
        assert not isinstance(result, Failed), result.text
    return Counter(results)


def deciding(actor: User, certificate: Certificate, approve: bool) -> Work:
    """Claims if nobody has, and decides, as the command does."""

    def act() -> None:
        with claimed_for(actor=actor, certificate=certificate) as held:
            if approve:
                certificate_approve(actor=actor, certificate=held, digest=held.digest)
            else:
                certificate_reject(actor=actor, certificate=held, code="illegible")

    return said(act)


def stored() -> dict[str, Any]:
    """What is written of decisions."""
    with unscoped():
        return {
            "decisions": CertificateEvent.objects.filter(kind__in=DECISIONS).count(),
            "notices": Notice.objects.filter(kind="certificate_decided").count(),
            "verified": Certificate.objects.filter(status=Status.VERIFIED).count(),
            "counting": Certificate.objects.filter(
                valid_from__isnull=False, valid_until__isnull=True
            ).count(),
        }


def test_of_reviewers_who_decide_at_once_one_decides(
    owner: Member, reviewers: list[User], processes: Processes
) -> None:
    certificate = submitted(owner)
    works = [
        deciding(reviewer, certificate, approve)
        for reviewer in reviewers
        for approve in (True, False)
    ]
    found = outcomes(processes.run(works))
    assert found["done"] == 1
    assert set(found) <= {"done", "claimed", "already_decided", "not_claimed"}
    after = processes.ask(stored)
    assert (after["decisions"], after["notices"]) == (1, 1)
    assert after["counting"] == after["verified"]


def test_one_reviewer_in_many_windows_decides_once(
    owner: Member, reviewers: list[User], processes: Processes
) -> None:
    certificate = certificate_claim(actor=reviewers[0], certificate=submitted(owner))
    approve = said(
        lambda: certificate_approve(
            actor=reviewers[0], certificate=certificate, digest=certificate.digest
        )
    )
    reject = said(
        lambda: certificate_reject(actor=reviewers[0], certificate=certificate, code="illegible")
    )
    found = outcomes(processes.run([approve, reject] * 5))
    assert found == {"done": 1, "already_decided": 9}
    after = processes.ask(stored)
    assert (after["decisions"], after["notices"]) == (1, 1)


def test_of_a_claim_and_a_taking_back_at_once_one_happens(
    owner: Member, reviewers: list[User], processes: Processes
) -> None:
    certificate = submitted(owner)
    works = [
        said(lambda: certificate_take_back(member=owner, certificate=certificate)),
        *(
            said(lambda actor=actor: certificate_claim(actor=actor, certificate=certificate))
            for actor in reviewers
        ),
    ]
    assert outcomes(processes.run(works))["done"] == 1


@pytest.mark.rule("EPR-5")
def test_one_number_is_not_verified_as_own_for_two_shops_at_once(
    owner: Member, stranger: Member, reviewers: list[User], processes: Processes
) -> None:
    held = [
        certificate_claim(actor=actor, certificate=submitted(member))
        for actor, member in zip(reviewers, (owner, stranger), strict=False)
    ]
    works = [
        said(
            lambda actor=actor, one=one: certificate_approve(
                actor=actor, certificate=one, digest=one.digest
            )
        )
        for actor, one in zip(reviewers, held, strict=False)
    ]
    assert outcomes(processes.run(works)) == {"done": 1, "number_elsewhere": 1}
    assert processes.ask(stored)["verified"] == 1


@pytest.mark.rule("EPR-5", "EPR-8")
def test_a_register_approves_one_number_as_own_for_one_shop(
    owner: Member,
    stranger: Member,
    reviewers: list[User],
    processes: Processes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting = [submitted(member) for member in (owner, stranger)]
    held = certificate_claim(actor=reviewers[0], certificate=waiting[0])

    def hold_long(certificate: Certificate) -> list[Certificate]:
        rows = number_hold(certificate)
        time.sleep(0.3)
        return rows

    monkeypatch.setattr("compliance.services.reviews.number_hold", hold_long)
    register = said(
        lambda: certificate_approve_found(
            certificate=waiting[1], digest=waiting[1].digest, reason=review_steps.NO_REASON
        )
    )
    approve = said(
        lambda: certificate_approve(actor=reviewers[0], certificate=held, digest=held.digest)
    )
    assert outcomes(processes.run([register, approve])) == {"done": 1, "number_elsewhere": 1}
    assert processes.ask(stored)["verified"] == 1


# --- Controls -----------------------------------------------------------------------------------


@pytest.fixture
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Reviews that neither hold the row nor compare before they set."""

    def slowly(certificate: Certificate, to: Status, kind: Event, **rest: Any) -> Any:
        time.sleep(0.3)
        Certificate.objects.filter(pk=certificate.pk).update(status=to, claimed_at=None)
        return review_steps.event_add(certificate, kind, actor=rest["actor"], now=rest["now"])

    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_options: self)
    monkeypatch.setattr("compliance.services.reviews.certificate_step", slowly)
    monkeypatch.setattr("compliance.services.reviews.queued_transaction", transaction.atomic)
    return


@pytest.mark.postgres
@pytest.mark.usefixtures("nobody_waits")
def test_without_comparing_before_setting_windows_decide_more_than_once(
    owner: Member, reviewers: list[User], processes: Processes
) -> None:
    """The control: the same services without their guards."""
    certificate = submitted(owner)
    with unscoped():
        Certificate.objects.filter(pk=certificate.pk).update(
            status=Status.IN_REVIEW, claimed_by=reviewers[0], claimed_at=certificate.submitted_at
        )
    works = [
        said(
            lambda: certificate_reject(
                actor=reviewers[0], certificate=certificate, code="illegible"
            )
        )
    ] * 5
    assert outcomes(processes.run(works))["done"] > 1
    assert processes.ask(stored)["decisions"] > 1


def test_reading_first_and_writing_then_would_decide_more_than_once(
    owner: Member, reviewers: list[User], processes: Processes
) -> None:
    """The control that needs no particular database: look, think, write."""
    certificate = submitted(owner)

    def naive(actor: User) -> Work:
        def work() -> str:
            with unscoped():
                row = Certificate.objects.get(pk=certificate.pk)
                if row.status != Status.SUBMITTED:
                    return "already_decided"
                time.sleep(0.3)
                Certificate.objects.filter(pk=row.pk).update(
                    status=Status.REJECTED, decided_by=actor
                )
                review_steps.event_add(row, Event.REJECTED, actor=actor, now=row.changed_at)
            return "done"

        return work

    assert outcomes(processes.run([naive(actor) for actor in reviewers]))["done"] > 1
    assert processes.ask(stored)["decisions"] > 1
