"""The GMV challenge and spam reports under many real processes (RFQ-23, RFQ-24)."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from portal import platform_time
from portal.models import Member, Notice, Seller, StoredFile, User
from portal.scoping import unscoped
from rfq.challenge.reading import gmv_of, rules_of
from rfq.models import ChallengeEntry, RightEntry, RightLot, SpamReport
from rfq.services.challenge import challenge_claim, challenge_enrol
from rfq.services.rights import balances_of, right_grant
from rfq.services.spam import spam_report, spam_report_decide
from tests.concurrency.forks import Failed, Processes
from tests.rfq.world import (
    buyer_create,
    lot_create,
    order_create,
    quote_create,
    rfq_create,
)

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

CLAIMS = 50
AUGUST = date(2022, 8, 1)
DAY = timedelta(days=1)


def outcomes(results: list[Any]) -> Counter[str]:
    """How often each thing happened; a refusal counts by its code, a failure shows its trace."""
    for result in results:
        assert not isinstance(result, Failed) or result.code, result.text
    return Counter(one.code if isinstance(one, Failed) else one for one in results)


# --- Challenge ----------------------------------------------------------------------------------


@pytest.fixture
def earned(owner: Member, shop: Seller, clock: Any) -> Member:
    """The owner of a shop that takes part and has earned five rights."""
    buyer = buyer_create()
    at = platform_time.now() - DAY
    rfq = rfq_create(buyer=buyer, posted_at=at - DAY)
    quote_create(seller=shop, rfq=rfq, submitted_at=at)
    order_create(seller=shop, buyer=buyer, amount=Decimal(3000), created_at=at, paid_at=at)
    challenge_enrol(member=owner, month=AUGUST)
    return owner


def grants() -> list[int]:
    with unscoped():
        return list(RightLot.objects.values_list("amount", flat=True))


@pytest.mark.rule("RFQ-23")
def test_of_fifty_claims_at_once_one_is_granted(earned: Member, processes: Processes) -> None:
    def claim() -> str:
        return f"claimed {challenge_claim(member=earned, month=AUGUST).claimed_now}"

    found = outcomes(processes.run([claim] * CLAIMS))
    assert found == {"claimed 5": 1, "nothing_to_claim": CLAIMS - 1}
    assert processes.ask(grants) == [5]
    assert processes.ask(lambda: balances_of(seller=earned.seller)).quote == 5


@pytest.mark.rule("RFQ-23")
def test_reading_what_was_claimed_and_granting_then_would_grant_more(
    earned: Member, processes: Processes
) -> None:
    """The control: without compare-and-set and the key of the total several claims are granted."""

    def naive(number: int) -> Callable[[], str]:
        def claim() -> str:
            with unscoped():
                entry = ChallengeEntry.objects.get()
            total = rules_of(AUGUST).reward(gmv_of(earned.seller, AUGUST, platform_time.now()))
            if total <= entry.claimed:
                return "nothing_to_claim"
            time.sleep(0.05)
            right_grant(
                seller=earned.seller,
                kind="quote",
                amount=total - entry.claimed,
                source="challenge",
                key=f"naive {number}",
            )
            with unscoped():
                ChallengeEntry.objects.update(claimed=total)
            return "claimed"

        return claim

    found = outcomes(processes.run([naive(number) for number in range(CLAIMS)]))
    assert found["claimed"] > 1
    assert len(processes.ask(grants)) > 1


@pytest.mark.rule("RFQ-23")
def test_enrolling_at_once_is_one_entry(owner: Member, clock: Any, processes: Processes) -> None:
    def enrol() -> str:
        return str(challenge_enrol(member=owner, month=AUGUST).pk)

    found = outcomes(processes.run([enrol] * 16))
    assert list(found.values()) == [16]


# --- Spam reports -------------------------------------------------------------------------------


def picture() -> SimpleUploadedFile:
    written = io.BytesIO()
    Image.new("RGB", (4, 4)).save(written, "PNG")
    return SimpleUploadedFile("shot.png", written.getvalue())


def send(member: Member, rfq: Any) -> Callable[[], str]:
    def work() -> str:
        spam_report(
            member=member,
            rfq=rfq,
            kind="advert",
            description="Sells things.",
            evidence=[picture()],
        )
        return "reported"

    return work


def kept() -> tuple[int, int]:
    """Reports and stored files in the database."""
    with unscoped():
        return SpamReport.objects.count(), StoredFile.objects.count()


@pytest.fixture
def media(settings: Any, tmp_path: Path) -> Path:
    # A server at work has read its addresses; a process that starts here would do so under locks.
    reverse("rfq:rights")
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.mark.rule("RFQ-24")
def test_of_twelve_reports_at_once_five_are_taken(
    owner: Member, clock: Any, processes: Processes, media: Path
) -> None:
    rfqs = [rfq_create() for _number in range(12)]
    found = outcomes(processes.run([send(owner, rfq) for rfq in rfqs]))
    assert found == {"reported": 5, "report_limit": 7}
    assert processes.ask(kept) == (5, 5)
    assert len([one for one in media.rglob("*") if one.is_file()]) == 5


@pytest.mark.rule("RFQ-24")
def test_counting_and_writing_then_would_take_more_reports(
    owner: Member, shop: Seller, clock: Any, processes: Processes
) -> None:
    """The control: the same crowd without taking the shop first gets past the limit."""
    now = platform_time.now()

    def naive(rfq: Any) -> Callable[[], str]:
        def work() -> str:
            with unscoped():
                if SpamReport.objects.filter(seller=shop).count() >= 5:
                    return "report_limit"
                time.sleep(0.2)
                SpamReport.objects.create(
                    rfq=rfq, seller=shop, kind="advert", reported_at=now, answer_due_at=now
                )
            return "reported"

        return work

    rfqs = [rfq_create() for _number in range(12)]
    assert outcomes(processes.run([naive(rfq) for rfq in rfqs]))["reported"] > 5


@pytest.mark.rule("RFQ-24")
def test_one_rfq_reported_at_once_is_reported_once(
    owner: Member, clock: Any, processes: Processes, media: Path
) -> None:
    rfq = rfq_create()
    found = outcomes(processes.run([send(owner, rfq)] * 8))
    assert found == {"reported": 1, "already_reported": 7}
    assert processes.ask(kept) == (1, 1)
    assert len([one for one in media.rglob("*") if one.is_file()]) == 1


@pytest.mark.rule("RFQ-24")
def test_of_many_decisions_at_once_one_is_taken(
    owner: Member, shop: Seller, staff: User, clock: Any, processes: Processes, media: Path
) -> None:
    """Upheld and dismissed at the same moment: whichever wins, it is whole and alone."""
    rfq = rfq_create()
    lot = lot_create(seller=shop, amount=10, left=9)
    quote = quote_create(seller=shop, rfq=rfq)
    with unscoped():
        RightEntry.objects.create(
            lot=lot, seller=shop, kind="quote", source="staff", delta=-1, at=lot.granted_at,
            expires_at=lot.expires_at, quote=quote, key="use",
        )  # fmt: skip
        send(owner, rfq)()
        report = SpamReport.objects.get()

    def decide(upheld: bool) -> Callable[[], str]:
        def work() -> str:
            spam_report_decide(actor=staff, report=report, upheld=upheld, answer="So it is.")
            return "upheld" if upheld else "dismissed"

        return work

    found = outcomes(processes.run([decide(number % 2 == 0) for number in range(8)]))
    assert found.pop("already_decided") == 7
    ((winner, once),) = found.items()
    assert once == 1

    def state() -> tuple[str, str, int | None, int]:
        with unscoped():
            report.refresh_from_db()
            rfq.refresh_from_db()
            told = Notice.objects.filter(kind="spam_report_answered").count()
        return report.status, rfq.status, balances_of(seller=shop).quote, told

    removed = winner == "upheld"
    expected = (winner, "removed" if removed else "open", 10 if removed else 9, 1)
    assert processes.ask(state) == expected


@pytest.mark.rule("RFQ-24")
def test_no_report_stays_open_on_an_rfq_that_is_being_removed(
    owner: Member, stranger: Member, staff: User, clock: Any, processes: Processes, media: Path
) -> None:
    rfq = rfq_create()
    send(owner, rfq)()
    with unscoped():
        report = SpamReport.objects.get()

    def uphold() -> str:
        spam_report_decide(actor=staff, report=report, upheld=True, answer="Thank you.")
        return "upheld"

    found = outcomes(processes.run([uphold, send(stranger, rfq)]))
    assert found["upheld"] == 1
    assert found["reported"] + found["removed"] == 1

    def still_open() -> int:
        with unscoped():
            return SpamReport.objects.filter(status="open").count()

    assert processes.ask(still_open) == 0
