"""The staff pages of reviews: queue, page of one, decisions, bulk, figures, registers (EPR-7, UI-7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image

from compliance.choices import CertificateStatus as Status
from compliance.models import Certificate, RegisterImport, ReviewReason
from compliance.review.figures import reviewer_figures
from compliance.review.reasons import REJECT
from compliance.services.registers import register_import
from compliance.services.reviews import (
    certificate_approve,
    certificate_claim,
    certificate_reject,
    certificate_revoke,
)
from portal import platform_time
from portal.models import Member, User
from portal.scoping import unscoped
from tests.compliance.world import certificate_create, reviewer_create, submitted, upload

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-7")]

QUEUE = "admin:compliance_certificate_changelist"


@pytest.fixture(autouse=True)
def _world(settings: Any, tmp_path: Path, clock: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.STAFF_MFA_REQUIRED = False


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def reviewer(db: None) -> User:
    return reviewer_create("reviewer")


@pytest.fixture
def client(reviewer: User) -> Client:
    return signed_in(reviewer)


def page(certificate: Certificate) -> str:
    return reverse("admin:compliance_certificate_change", args=[certificate.pk])


def post(client: Client, certificate: Certificate, action: str, **data: Any) -> Any:
    address = reverse(f"admin:compliance_certificate_{action}", args=[certificate.pk])
    return client.post(address, data)


def decide(client: Client, certificate: Certificate, decision: str, **data: Any) -> Any:
    address = reverse("admin:compliance_certificate_decide", args=[certificate.pk, decision])
    return client.post(address, data)


def status_of(certificate: Certificate) -> str:
    with unscoped():
        return Certificate.objects.get(pk=certificate.pk).status


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


# --- The queue ----------------------------------------------------------------------------------


def test_the_queue_shows_what_is_due_first_and_what_is_overdue(
    owner: Member, client: Client, reviewer: User, clock: Any
) -> None:
    late = submitted(owner, number="DE1111111111111")
    clock.advance(days=7)
    fresh = submitted(owner, number="DE2222222222222")
    certificate_create(seller=owner.seller, number="DE3333333333333", status=Status.DRAFT)
    text = text_of(client.get(reverse(QUEUE)))
    assert text.index(late.number) < text.index(fresh.number)
    assert "overdue by" in text
    assert "DE3333333333333" not in text, "a draft does not wait"
    assert fresh.number not in text_of(client.get(reverse(QUEUE) + "?queue=overdue"))
    certificate_claim(actor=reviewer, certificate=fresh)
    mine = text_of(client.get(reverse(QUEUE) + "?queue=mine"))
    assert fresh.number in mine
    assert late.number not in mine


@pytest.mark.parametrize(
    "typed", ["de-275 5553.072093", "DE2755553072093", "cn1001", "E-Bike Kits"]
)
def test_a_number_is_found_however_it_is_typed_and_after_its_decision(
    owner: Member, stranger: Member, client: Client, typed: str
) -> None:
    certificate_create(seller=owner.seller, number="DE2755553072093")
    certificate_create(
        seller=stranger.seller, number="DE9", company_name="Wheels", entity_name="Wheels"
    )
    text = text_of(client.get(reverse(QUEUE), {"q": typed}))
    assert "DE2755553072093" in text
    assert "Wheels" not in text


def test_the_queue_asks_as_much_for_many_as_for_few(
    owner: Member, client: Client, reviewer: User
) -> None:
    counts = []
    for many in (2, 20):
        for number in range(many):
            certificate_create(
                seller=owner.seller,
                status=Status.IN_REVIEW,
                number=f"DE{many:03d}{number:010d}",
                due_at=platform_time.now(),
                claimed_by=reviewer,
            )
        with CaptureQueriesContext(connection) as queries:
            text_of(client.get(reverse(QUEUE)))
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- The page of one ----------------------------------------------------------------------------


def test_the_page_shows_files_fields_and_what_is_doubtful(
    owner: Member, stranger: Member, client: Client, reviewer: User
) -> None:
    scan = upload("scan.png").read()
    first = submitted(stranger, number="DE1111111111111", files=[SimpleUploadedFile("a.png", scan)])
    certificate = submitted(
        owner,
        number="DE1111111111111",
        company_name="Hamburg Import GmbH",
        files=[SimpleUploadedFile("scan.png", scan), upload("letter.pdf")],
    )
    text = text_of(client.get(page(certificate)))
    with unscoped():
        image, letter = (one.file for one in certificate.files.select_related("file"))
    assert f'<img src="/files/{image.token}/"' in text
    with Image.open(image.file) as picture:
        size = f'width="{picture.width}" height="{picture.height}"'
    assert size in text, "the page keeps the picture's place"
    assert f'href="/files/{letter.token}/" target="_blank"' in text
    assert f'<img src="/files/{letter.token}/"' not in text
    assert f'<iframe class="review-pdf" src="/files/{letter.token}/?framed' in text
    assert "Other shops use this number, too: cn2002." in text
    assert "Another shop uploaded the very same file: cn2002." in text
    assert "not called like the shop" in text
    certificate_claim(actor=reviewer, certificate=first)
    certificate_approve(actor=reviewer, certificate=first, digest=first.digest)
    assert "cn2002 has this number verified as its own" in text_of(client.get(page(certificate)))


@pytest.mark.rule("EPR-8")
def test_the_page_shows_what_the_register_says(
    owner: Member, client: Client, reviewer: User
) -> None:
    certificate = submitted(owner, category="electrical", number="DE12345678", brands="VoltGo")
    export = (
        "WEEE-Reg.-Nr. DE;Marke;Hersteller;Austrittsdatum\n"
        "DE12345678;Other;Müller GmbH;2022-07-01\n"
    )
    register_import(
        actor=reviewer,
        register="ear",
        upload=SimpleUploadedFile("ear.csv", export.encode()),
        dated_on=platform_time.today(),
    )
    text = text_of(client.get(page(certificate)))
    assert "Found in the register of 2022-08-03" in text
    assert "this registration ended on 2022-07-01" in text
    assert "names another holder: Müller GmbH" in text
    assert "names the brand Other" in text
    assert "can also be a Battery registration number" in text, "hints of the number's format"


def test_the_page_asks_as_much_for_many_files_and_twins_as_for_few(
    owner: Member, client: Client, reviewer: User
) -> None:
    counts = []
    for number, files in (("DE1111111111111", 1), ("DE2222222222222", 5)):
        certificate = submitted(owner, number=number, files=[upload() for _ in range(files)])
        for _twin in range(files - 1):
            certificate_create(seller=owner.seller, number=number, status=Status.REVOKED)
        with CaptureQueriesContext(connection) as queries:
            text_of(client.get(page(certificate)))
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- Deciding -----------------------------------------------------------------------------------


def test_a_decision_is_claimed_confirmed_and_opens_the_next(
    owner: Member, client: Client, reviewer: User, clock: Any
) -> None:
    first = submitted(owner, number="DE1111111111111")
    clock.advance(hours=1)
    second = submitted(owner, number="DE2222222222222")
    assert "Approve…" not in text_of(client.get(page(first)))
    assert post(client, first, "claim").url == page(first)
    assert "Approve…" in text_of(client.get(page(first)))
    asked = decide(client, first, "approve", digest=first.digest)
    assert "without end" in text_of(asked)
    assert status_of(first) == Status.IN_REVIEW, "not before it is confirmed"
    done = decide(client, first, "approve", digest=first.digest, confirmed=1)
    assert done.url == page(second)
    assert status_of(first) == Status.VERIFIED
    post(client, second, "claim")
    asked = decide(client, second, "reject", code="illegible", text_en="<b>Page</b> 2")
    text = text_of(asked)
    assert REJECT["illegible"][0] in text
    assert REJECT["illegible"][1] in text
    assert "&lt;b&gt;Page&lt;/b&gt; 2" in text
    data = {"code": "illegible", "text_en": "Page 2", "confirmed": 1}
    done = decide(client, second, "reject", **data)
    assert done.url == reverse(QUEUE), "nothing is left"
    assert status_of(second) == Status.REJECTED


def test_revoking_is_confirmed_too(owner: Member, client: Client, reviewer: User) -> None:
    certificate = certificate_create(seller=owner.seller)
    decide(client, certificate, "revoke", code="not_genuine")
    assert status_of(certificate) == Status.VERIFIED
    done = decide(client, certificate, "revoke", code="not_genuine", confirmed=1)
    assert done.url == page(certificate)
    assert status_of(certificate) == Status.REVOKED


def test_a_refused_form_keeps_what_was_written(
    owner: Member, client: Client, reviewer: User
) -> None:
    certificate = submitted(owner)
    post(client, certificate, "claim")
    text = text_of(decide(client, certificate, "reject", code="", text_en="Keep me", confirmed=1))
    assert "Keep me" in text
    assert "This field is required." in text
    text = text_of(decide(client, certificate, "reject", code="other", confirmed=1))
    assert "Write what the seller is told." in text
    assert status_of(certificate) == Status.IN_REVIEW


def test_two_windows_decide_once(owner: Member, client: Client, reviewer: User) -> None:
    certificate = submitted(owner)
    other = signed_in(reviewer_create("second"))
    post(client, certificate, "claim")
    post(other, certificate, "claim")
    with unscoped():
        assert Certificate.objects.get(pk=certificate.pk).claimed_by == reviewer
    assert "reviewer has been reviewing it" in text_of(other.get(page(certificate)))
    decide(client, certificate, "approve", digest=certificate.digest, confirmed=1)
    late = decide(client, certificate, "reject", code="expired", confirmed=1)
    assert "decided already" in text_of(client.get(late.url))
    assert status_of(certificate) == Status.VERIFIED


@pytest.mark.parametrize("group", ["operator", "risk officer"])
def test_other_staff_look_but_do_not_decide(owner: Member, group: str) -> None:
    user = reviewer_create("looker")
    user.groups.set([Group.objects.get(name=group)])
    client = signed_in(User.objects.get(pk=user.pk))
    certificate = submitted(owner)
    text = text_of(client.get(page(certificate)))
    assert "Reviewers decide about certificates." in text
    assert "Approve" not in text_of(client.get(reverse(QUEUE)))
    for response in (
        post(client, certificate, "claim"),
        decide(client, certificate, "approve", digest=certificate.digest, confirmed=1),
        client.post(reverse("admin:compliance_certificate_bulk"), {"pick": "1:a"}),
        client.get(reverse("admin:compliance_registerimport_upload")),
    ):
        assert response.status_code == 403
    assert status_of(certificate) == Status.SUBMITTED


def test_a_get_decides_nothing(owner: Member, client: Client, reviewer: User) -> None:
    certificate = submitted(owner)
    for name, more in (("claim", []), ("release", []), ("decide", ["approve"])):
        address = reverse(f"admin:compliance_certificate_{name}", args=[certificate.pk, *more])
        assert client.get(address).url == page(certificate)
    assert status_of(certificate) == Status.SUBMITTED
    assert client.post(page(certificate), {"status": "verified"}).status_code in (200, 403)
    assert status_of(certificate) == Status.SUBMITTED


# --- Many, figures ------------------------------------------------------------------------------


def test_a_bulk_approval_lists_what_it_would_approve(
    owner: Member, client: Client, reviewer: User
) -> None:
    first = submitted(owner, number="DE1111111111111")
    second = submitted(owner, number="DE2222222222222")
    asked = client.post(
        reverse(QUEUE),
        {"action": "approve_selected", "_selected_action": [first.pk, second.pk]},
    )
    text = text_of(asked)
    assert "Approve 2 certificates?" in text
    assert f'value="{first.pk}:{first.digest}"' in text
    assert status_of(first) == Status.SUBMITTED
    done = client.post(
        reverse("admin:compliance_certificate_bulk"),
        {"pick": [f"{first.pk}:{first.digest}", f"{second.pk}:{'0' * 64}"]},
        follow=True,
    )
    text = text_of(done)
    assert "1 certificate approved." in text
    assert f"{second.number}: This certificate has changed" in text
    assert (status_of(first), status_of(second)) == (Status.VERIFIED, Status.SUBMITTED)


@pytest.mark.both_databases
def test_figures_count_decisions_waits_and_lateness(
    owner: Member, reviewer: User, clock: Any
) -> None:
    second = reviewer_create("second")
    one, two, three = (submitted(owner, number=f"DE{digit * 13}") for digit in ("1", "2", "3"))
    clock.advance(hours=2)
    certificate_claim(actor=reviewer, certificate=one)
    certificate_approve(actor=reviewer, certificate=one, digest=one.digest)
    clock.advance(hours=4)
    certificate_claim(actor=reviewer, certificate=two)
    certificate_reject(actor=reviewer, certificate=two, code="illegible")
    clock.advance(days=8)
    certificate_claim(actor=second, certificate=three)
    certificate_approve(actor=second, certificate=three, digest=three.digest)
    certificate_revoke(actor=second, certificate=one, code="not_genuine")
    with unscoped(), CaptureQueriesContext(connection) as queries:
        figures = reviewer_figures(days=28, weekly=True)
    assert len(queries) == 1
    first, other = figures.rows
    assert (first.name, first.approved, first.rejected, first.late) == ("reviewer", 1, 1, 0)
    assert first.median_seconds == 4 * 3600
    assert (other.approved, other.revoked, other.decisions, other.late) == (1, 1, 1, 1)
    assert figures.cells(first)[-2:] == [2, 0]
    assert figures.cells(other)[-2:] == [0, 1]
    text = text_of(signed_in(reviewer).get(reverse("admin:compliance_certificate_figures")))
    assert "4 hours" in text


# --- Registers and reasons ----------------------------------------------------------------------


@pytest.mark.rule("EPR-8")
def test_a_register_is_loaded_on_its_page(client: Client) -> None:
    export = "number;producer\nDE12345678;Müller\nnonsense;Nobody\n"
    address = reverse("admin:compliance_registerimport_upload")
    data = {"register": "ear", "dated_on": "2022-08-01"}
    bad = client.post(address, data | {"upload": SimpleUploadedFile("a.csv", b"a;b\n1;2\n")})
    assert "no column holds registration numbers" in text_of(bad)
    good = SimpleUploadedFile("ear.csv", export.encode())
    done = client.post(address, data | {"upload": good}, follow=True)
    made = RegisterImport.objects.get()
    text = text_of(done)
    assert made.sha256 in text
    assert "“nonsense” is no number of this register" in text
    assert "ear.csv" in text_of(client.get(reverse("admin:compliance_registerimport_changelist")))


def test_reviewers_edit_canned_reasons(client: Client) -> None:
    reason = ReviewReason.objects.get(kind="reject", code="illegible")
    address = reverse("admin:compliance_reviewreason_change", args=[reason.pk])
    client.post(address, {"text_en": "Too dark.", "text_zh": "太暗。", "active": "on"})
    reason.refresh_from_db()
    assert (reason.code, reason.text_en) == ("illegible", "Too dark.")
    new = {"kind": "reject", "code": "illegible", "text_en": "x", "text_zh": "y"}
    text = text_of(client.post(reverse("admin:compliance_reviewreason_add"), new))
    assert "already" in text
