"""A certificate through all operations in any order, against a model in plain Python (EPR-4, EPR-12).

`CERTIFICATE_EXAMPLES` and `CERTIFICATE_STEPS` in the environment make the run longer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from compliance.choices import CERTIFICATE_TRANSITIONS
from compliance.choices import CertificateEventKind as Event
from compliance.choices import CertificateStatus as Status
from compliance.gate import gate
from compliance.models import Certificate, CertificateEvent, GatedProduct
from compliance.services.certificates import (
    certificate_delete,
    certificate_save,
    certificate_submit,
    certificate_take_back,
)
from compliance.services.reviews import (
    CLAIM_LASTS,
    certificate_approve,
    certificate_claim,
    certificate_reject,
    certificate_release,
    certificate_revoke,
    certificates_expire,
)
from portal import platform_time
from portal.errors import Refusal
from portal.models import Member, User
from portal.scoping import unscoped
from tests.compliance.world import given, product_create, reviewer_create, upload
from tests.machines import UndoneMachine, walk

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.rule("EPR-4", "EPR-7", "EPR-11", "EPR-12", "Q-4"),
]

START = platform_time.parse_instant("2023-01-10T09:00:00-08:00")
DAY = timedelta(days=1)
PICK = st.integers(0, 1_000)
"""Which of the certificates made so far."""
WHO = st.integers(0, 1)
AFTER: dict[str, str] = {
    Event.SUBMITTED: Status.SUBMITTED,
    Event.TAKEN_BACK: Status.DRAFT,
    Event.CLAIMED: Status.IN_REVIEW,
    Event.RELEASED: Status.SUBMITTED,
    Event.APPROVED: Status.VERIFIED,
    Event.REJECTED: Status.REJECTED,
    Event.REVOKED: Status.REVOKED,
    Event.EXPIRED: Status.EXPIRED,
    Event.REPLACED: Status.REPLACED,
}
"""What an event makes of a certificate; the others leave it as it is."""


@dataclass
class Made:
    """A certificate as the model knows it."""

    pk: int
    shop: int
    status: str = Status.DRAFT
    last: date | None = None
    claimed: tuple[int, datetime] | None = None
    digest: str = ""
    span: tuple[datetime, datetime | None] | None = None

    def counts(self, at: datetime) -> bool:
        """It covers what it is for."""
        return self.span is not None and (
            self.span[0] <= at and (self.span[1] is None or at < self.span[1])
        )


class Desk(UndoneMachine):
    """Two shops upload one German number as their own; two reviewers decide, while days pass."""

    owners: list[Member] = []
    reviewers: list[User] = []
    products: list[GatedProduct] = []

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Made] = []
        self.move(START)

    def picked(self, pick: int) -> Made | None:
        """One of the certificates made so far."""
        return self.made[pick % len(self.made)] if self.made else None

    def row(self, made: Made) -> Certificate:
        """The certificate as it is stored."""
        with unscoped():
            return Certificate.objects.get(pk=made.pk)

    def attempt(self, expected: str, act: Callable[[], Any]) -> Any:
        """Do what the model expects to succeed (empty) or to be refused with a code."""
        done, code = None, ""
        try:
            with transaction.atomic():
                done = act()
        except Refusal as refusal:
            code = refusal.code
        event(code or act.__qualname__.split(".")[1])
        assert code == expected
        return done

    def today(self) -> date:
        """The Pacific day."""
        return platform_time.day_of(self.now)

    # --- The shops --------------------------------------------------------------------------------

    @rule(shop=WHO, days=st.one_of(st.none(), st.integers(0, 6)))
    def draft(self, shop: int, days: int | None) -> None:
        last = None if days is None else self.today() + days * DAY
        fields = given(expires_on=last, issued_on=START.date() - 30 * DAY)
        done = certificate_save(member=self.owners[shop], fields=fields, files=[upload()])
        self.made.append(Made(done.pk, shop, last=last))

    @rule(pick=PICK, days=st.integers(0, 6))
    def correct(self, pick: int, days: int) -> None:
        made = self.picked(pick)
        if made is None:
            return
        expected = {
            Status.DRAFT: "", Status.REJECTED: "",
            Status.SUBMITTED: "already_submitted", Status.IN_REVIEW: "already_submitted",
        }.get(Status(made.status), "not_editable")  # fmt: skip
        last = self.today() + days * DAY
        fields = given(expires_on=last, issued_on=START.date() - 30 * DAY)
        row = self.row(made)
        done = self.attempt(
            expected,
            lambda: certificate_save(member=self.owners[made.shop], fields=fields, certificate=row),
        )
        if done:
            made.last = last

    @rule(pick=PICK)
    def submit(self, pick: int) -> None:
        made = self.picked(pick)
        if made is None:
            return
        row = self.row(made)
        done = self.attempt(
            self.submit_expected(made),
            lambda: certificate_submit(member=self.owners[made.shop], certificate=row),
        )
        if done:
            made.status, made.digest = Status.SUBMITTED, done.digest

    def submit_expected(self, made: Made) -> str:
        """The refusal of a submission."""
        if made.status in (Status.SUBMITTED, Status.IN_REVIEW):
            return "already_submitted"
        if made.status not in (Status.DRAFT, Status.REJECTED):
            return "not_editable"
        if made.last is not None and made.last < self.today():
            return "invalid"
        if any(
            one.status == Status.VERIFIED and one.counts(self.now)
            for one in self.made
            if one.shop != made.shop
        ):
            return "number_of_another_seller"
        waiting = (Status.SUBMITTED, Status.IN_REVIEW)
        if any(one.status in waiting for one in self.made if one.shop == made.shop):
            return "already_waiting"
        return ""

    @rule(pick=PICK)
    def take_back(self, pick: int) -> None:
        made = self.picked(pick)
        if made is None:
            return
        expected = {Status.SUBMITTED: "", Status.IN_REVIEW: "in_review"}
        row = self.row(made)
        done = self.attempt(
            expected.get(Status(made.status), "not_waiting"),
            lambda: certificate_take_back(member=self.owners[made.shop], certificate=row),
        )
        if done:
            made.status, made.digest = Status.DRAFT, ""

    @rule(pick=PICK)
    def delete(self, pick: int) -> None:
        made = self.picked(pick)
        if made is None:
            return
        row = self.row(made)
        with unscoped():
            decided = row.events.filter(kind=Event.REJECTED).exists()
        expected = "has_history" if decided else ""
        if made.status != Status.DRAFT:
            expected = "not_draft"
        self.attempt(
            expected,
            lambda: certificate_delete(member=self.owners[made.shop], certificate=row),
        )
        if not expected:
            self.made.remove(made)

    # --- The reviewers ----------------------------------------------------------------------------

    @rule(pick=PICK, who=WHO)
    def claim(self, pick: int, who: int) -> None:
        made = self.picked(pick)
        if made is None:
            return
        expected = self.open_expected(made)
        if made.claimed is not None:
            by, since = made.claimed
            fresh = since > self.now - CLAIM_LASTS
            expected = "claimed" if by != who and fresh else ""
        row = self.row(made)
        done = self.attempt(
            expected, lambda: certificate_claim(actor=self.reviewers[who], certificate=row)
        )
        if done and (made.claimed is None or made.claimed[0] != who):
            made.status, made.claimed = Status.IN_REVIEW, (who, self.now)

    def open_expected(self, made: Made) -> str:
        """The refusal of claiming what does not wait."""
        if made.status == Status.DRAFT:
            return "not_submitted"
        return "" if made.status in (Status.SUBMITTED, Status.IN_REVIEW) else "already_decided"

    def held_expected(self, made: Made, who: int) -> str:
        """The refusal of a decision by one who has no claim."""
        if made.status == Status.SUBMITTED:
            return "not_claimed"
        if made.claimed is None:
            return self.open_expected(made)
        return "" if made.claimed[0] == who else "claimed"

    @rule(pick=PICK, who=WHO)
    def release(self, pick: int, who: int) -> None:
        made = self.picked(pick)
        if made is None:
            return
        row = self.row(made)
        done = self.attempt(
            self.held_expected(made, who),
            lambda: certificate_release(actor=self.reviewers[who], certificate=row),
        )
        if done:
            made.status, made.claimed = Status.SUBMITTED, None

    @rule(pick=PICK, who=WHO, seen=st.sampled_from(["now", "now", "now", "older"]))
    def approve(self, pick: int, who: int, seen: str) -> None:
        made = self.picked(pick)
        if made is None:
            return
        expected = self.held_expected(made, who)
        if not expected and seen != "now":
            expected = "changed_meanwhile"
        if not expected and made.last is not None and made.last < self.today():
            expected = "expired"
        if not expected and any(
            one.shop != made.shop and one.status == Status.VERIFIED and one.counts(self.now)
            for one in self.made
        ):
            expected = "number_elsewhere"
        row = self.row(made)
        digest = made.digest if seen == "now" else "0" * 64
        done = self.attempt(
            expected,
            lambda: certificate_approve(actor=self.reviewers[who], certificate=row, digest=digest),
        )
        if not done:
            return
        for one in self.made:
            if one.shop == made.shop and one.status == Status.VERIFIED and one.span is not None:
                over = not one.counts(self.now)
                one.status = Status.EXPIRED if over else Status.REPLACED
                one.span = one.span if over else (one.span[0], self.now)
        until = platform_time.end_of(made.last) if made.last else None
        made.status, made.claimed, made.span = Status.VERIFIED, None, (self.now, until)

    @rule(pick=PICK, who=WHO)
    def reject(self, pick: int, who: int) -> None:
        made = self.picked(pick)
        if made is None:
            return
        row = self.row(made)
        done = self.attempt(
            self.held_expected(made, who),
            lambda: certificate_reject(
                actor=self.reviewers[who], certificate=row, code="illegible"
            ),
        )
        if done:
            made.status, made.claimed = Status.REJECTED, None

    @rule(pick=PICK, who=WHO)
    def revoke(self, pick: int, who: int) -> None:
        made = self.picked(pick)
        if made is None:
            return
        holds = made.status == Status.VERIFIED and made.counts(self.now)
        row = self.row(made)
        done = self.attempt(
            "" if holds else "not_verified",
            lambda: certificate_revoke(
                actor=self.reviewers[who], certificate=row, code="not_genuine"
            ),
        )
        if done and made.span:
            made.status, made.span = Status.REVOKED, (made.span[0], self.now)

    @rule(picks=st.tuples(PICK, PICK), who=WHO)
    def go_through(self, picks: tuple[int, int], who: int) -> None:
        """The usual way, so that long lives are common."""
        self.submit(picks[0])
        self.claim(picks[0], who)
        self.approve(picks[0], who, "now")

    # --- Time -------------------------------------------------------------------------------------

    @rule(hours=st.sampled_from([1, 2, 24, 24, 72]))
    def time_passes(self, hours: int) -> None:
        self.move(self.now + timedelta(hours=hours))

    @rule()
    def night(self) -> None:
        over = [
            one for one in self.made if one.status == Status.VERIFIED and not one.counts(self.now)
        ]
        assert certificates_expire(now=self.now) == len(over)
        for one in over:
            one.status = Status.EXPIRED

    # --- What always holds ------------------------------------------------------------------------

    @invariant()
    def rows_are_what_the_model_says(self) -> None:
        with unscoped():
            rows = {row.pk: row for row in Certificate.objects.all()}
        assert set(rows) == {one.pk for one in self.made}
        for one in self.made:
            row = rows[one.pk]
            assert row.status == one.status
            assert (row.valid_from, row.valid_until) == (one.span or (None, None))
            assert row.counts_at(self.now) == one.counts(self.now)
            claim = (row.claimed_by, row.claimed_at) if row.claimed_by else None
            assert claim == (one.claimed and (self.reviewers[one.claimed[0]], one.claimed[1]))

    @invariant()
    def at_most_one_of_a_number_counts(self) -> None:
        assert sum(one.counts(self.now) for one in self.made) <= 1

    @invariant()
    def the_gate_is_open_for_who_has_one_that_counts(self) -> None:
        for shop, product in enumerate(self.products):
            covered = any(one.counts(self.now) for one in self.made if one.shop == shop)
            decision = gate(product.product_id, "DE", self.now).decision
            assert decision == ("allowed" if covered else "blocked")

    @invariant()
    def events_tell_the_whole_story_by_allowed_steps(self) -> None:
        with unscoped():
            rows = CertificateEvent.objects.order_by("certificate", "at", "pk")
            story: dict[int, list[str]] = {}
            for pk, kind in rows.values_list("certificate", "kind"):
                story.setdefault(pk, []).append(kind)
        for one in self.made:
            status: str = Status.DRAFT
            for kind in story[one.pk]:
                after = AFTER.get(kind, status)
                if after == status:
                    # Taken over, corrected, created: no step.
                    assert kind in (Event.CREATED, Event.CHANGED, Event.CLAIMED)
                    continue
                assert after in CERTIFICATE_TRANSITIONS[status]
                status = after
            assert status == one.status


def test_a_certificate_in_any_order_of_events(
    owner: Member, stranger: Member, settings: Any, tmp_path: Path, clock: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    clock(START.isoformat())
    Desk.owners = [owner, stranger]
    Desk.reviewers = [reviewer_create("first"), reviewer_create("second")]
    Desk.products = [product_create(seller=one.seller, countries=["DE"]) for one in Desk.owners]
    walk(Desk, "CERTIFICATE", examples=(12, 6), steps=40)
