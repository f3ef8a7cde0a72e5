"""Malformed uploads and rows by the thousand: no failure of ours, nothing taken that is not told (EPR-6, K-15).

`MALFORMED` in the environment says how many in all; 10,000 before a release. The same every time.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from portal import platform_time
from portal.ingest.kinds import IngestKind, ModelKind
from portal.models import Buyer, IngestBatch, Member, Seller, StoredFile, User
from portal.scoping import unscoped
from portal.services import file_content
from rfq.models import SpamReport
from tests.compliance.test_certificate_fuzz import GOOD
from tests.faults import size
from tests.faults.mutations import (
    NAMES,
    TABLE,
    hostile_body,
    hostile_picture,
    hostile_sheet,
    workbook,
)
from tests.portal.ingest_tools import kind
from tests.rfq.world import order_create, rfq_create

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db, pytest.mark.long]

ALL = size("MALFORMED", 400)
UPLOADS, ROWS = ALL // 2, ALL - ALL // 2
REFUSED = range(400, 500)
LONG_AGO = platform_time.parse_instant("2022-01-01T00:00:00Z")


@pytest.fixture
def market(shop: Seller, clock: Any, tmp_path: Path, settings: Any) -> None:
    """What rows and forms refer to; failures of ours are answers, as on a server."""
    settings.MEDIA_ROOT = tmp_path / "media"
    buyer = Buyer.objects.create(buyer_id="B1", country="US")
    rfq_create(rfq_id="R1", buyer=buyer)
    order_create(seller=shop, buyer=buyer, order_id="O1", created_at=platform_time.now())


# --- Rows ---------------------------------------------------------------------------------------


def rows_of(sent: type[IngestKind]) -> int:
    """How many rows a kind has in the database; of kinds that are no single table none are counted."""
    if not issubclass(sent, ModelKind):
        return 0
    with unscoped():
        return sent.model._base_manager.count()


def check_report(
    sent: type[IngestKind], body: Any, report: dict[str, Any], new: int, batch: IngestBatch
) -> None:
    """What the answer says is what was sent, what was stored and what the ledger says."""
    told = {key: report[key] for key in ("created", "updated", "unchanged")}
    rejected = {row["row"] for row in report["rejected"]}
    assert rejected <= set(range(1, len(body["rows"]) + 1))
    assert all(row["message"] for row in report["rejected"])
    if body.get("strict") and rejected:
        assert told == {"created": 0, "updated": 0, "unchanged": 0}
    else:
        assert sum(told.values()) + len(rejected) == len(body["rows"])
    if issubclass(sent, ModelKind):
        assert new == told["created"]
    assert (batch.created, batch.updated, batch.unchanged, batch.rejected, batch.error) == (
        *told.values(),
        len(rejected),
        "",
    )


@pytest.mark.rule("K-15", "API-1")
def test_no_row_fails_and_every_row_is_told(staff_api: APIClient, market: None) -> None:
    staff_api.raise_request_exception = False
    chance = random.Random(20220801)
    answers: Counter[int] = Counter()
    stored = 0
    for number in range(ROWS):
        sent, text = hostile_body(chance, number)
        before, batches = rows_of(sent), IngestBatch.objects.count()
        answer = staff_api.post(
            f"/api/v1/ingest/{sent.name}", text.encode(), content_type="application/json"
        )
        answers[answer.status_code] += 1
        assert answer.status_code in (200, *REFUSED), (number, sent.name, text[:2_000])
        new = rows_of(sent) - before
        batch = IngestBatch.objects.order_by("-pk").first()
        if answer.status_code == 200:
            assert IngestBatch.objects.count() == batches + 1
            assert batch is not None
            check_report(sent, json.loads(text), answer.json(), new, batch)
            stored += new
        else:
            assert answer.json()["code"], text[:200]
            assert new == 0, "a body that is refused leaves nothing"
            if IngestBatch.objects.count() > batches:
                assert batch is not None
                assert batch.error, "a batch that was begun and refused says so"
    assert not IngestBatch.objects.filter(finished_at__isnull=True).exists()
    print(f"{ROWS} calls: {dict(answers)}, {stored} rows stored")
    assert answers[200] > ROWS // 3
    assert answers[400] > 0
    assert stored > 0


# --- Uploads ------------------------------------------------------------------------------------


class Sender:
    """Sends files where files are taken, one place after the other."""

    def __init__(self, owner: Client, staff: Client, api: APIClient, chance: random.Random) -> None:
        self.owner, self.staff, self.api, self.chance = owner, staff, api, chance
        self.good_workbook = workbook(TABLE)
        for client in (owner, staff, api):
            client.raise_request_exception = False
        self.places = (
            self.certificate,
            self.certificate_page,
            self.report,
            self.quote,
            self.products,
            self.rows,
        )

    def file(self, data: bytes) -> SimpleUploadedFile:
        upload = SimpleUploadedFile("x", data)
        upload._name = self.chance.choice(NAMES)
        return upload

    def picture(self) -> SimpleUploadedFile:
        return self.file(hostile_picture(self.chance))

    def sheet(self) -> SimpleUploadedFile:
        return self.file(hostile_sheet(self.chance, self.good_workbook))

    def certificate(self) -> Any:
        sent = {**GOOD, "own": "true", "declaration": "true", "files": [self.picture()]}
        plain = {name: value for name, value in sent.items() if value is not None}
        return self.api.post("/api/v1/compliance/certificates", plain, format="multipart")

    def certificate_page(self) -> Any:
        sent = {"type": "epr", "country": "DE", "category": "packaging", "save": "1"}
        return self.owner.post(
            "/compliance/certificates/new/", {**sent, "new_files": [self.picture()]}
        )

    def report(self) -> Any:
        sent = {"kind": "advert", "description": "Sells things.", "evidence": [self.picture()]}
        answer = self.api.post("/api/v1/rfq/rfqs/R1/spam-reports", sent, format="multipart")
        with unscoped():
            # Or the next one is refused before anybody looks at its picture.
            SpamReport.objects.update(status="dismissed", reported_at=LONG_AGO)
        return answer

    def quote(self) -> Any:
        sent = {"unit_price": "12", "save_draft": "1", "uploads": [self.picture()]}
        return self.owner.post("/rfq/rfqs/R1/quote/", sent)

    def products(self) -> Any:
        return self.owner.post("/listings/products/exchange/", {"file": self.sheet()})

    def rows(self) -> Any:
        sent = {"kind": "buyers", "file": self.sheet()}
        return self.staff.post("/admin/portal/ingestbatch/upload/", sent)


def files_are_their_rows() -> int:
    """Every file has its row with its digest, every row its file; return how many there are."""
    media = Path(settings.MEDIA_ROOT) / "private"
    on_disk = {one for one in media.rglob("*") if one.is_file()}
    with unscoped():
        rows = list(StoredFile.objects.all())
    assert {Path(row.file.path) for row in rows} == on_disk
    for row in rows:
        data = Path(row.file.path).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row.sha256
        assert row.content_type in ("application/pdf", "image/png", "image/jpeg", "image/webp")
    return len(rows)


@pytest.mark.rule("EPR-6", "RFQ-6", "RFQ-24", "LST-2", "K-15")
def test_no_upload_fails_and_none_is_half_taken(
    owner: Member,
    owner_client: Client,
    owner_api: APIClient,
    staff: User,
    staff_client: Client,
    market: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(file_content, "MAX_SECONDS", 2.0)
    sender = Sender(owner_client, staff_client, owner_api, random.Random(20220802))
    answers: Counter[tuple[str, int]] = Counter()
    for number in range(UPLOADS):
        send_one = sender.places[number % len(sender.places)]
        answer = send_one()
        answers[send_one.__name__, answer.status_code] += 1
        assert answer.status_code < 500, (number, send_one.__name__, answer.content[:2_000])
    print(f"{UPLOADS} uploads: {dict(answers)}, {files_are_their_rows()} files kept")
    assert {place for place, _status in answers} == {one.__name__ for one in sender.places}
    for batch in IngestBatch.objects.all():
        told = batch.created + batch.updated + batch.unchanged + batch.rejected
        assert batch.finished_at is not None
        assert told == batch.rows
        assert not batch.upload


# --- Controls -----------------------------------------------------------------------------------


def test_a_row_that_is_not_told_is_found(staff_api: APIClient, market: None) -> None:
    """The control: an answer that forgets a row, or a row that no answer names, does not pass."""
    body = {"rows": [{"buyer_id": "B5", "country": "US", "tier": "L1"}]}
    report = staff_api.post("/api/v1/ingest/buyers", body, format="json").json()
    batch = IngestBatch.objects.get()
    buyers = kind("buyers")
    check_report(buyers, body, report, 1, batch)
    for wrong, new in ((report | {"created": 0}, 1), (report, 2), (report | {"updated": 1}, 1)):
        with pytest.raises(AssertionError):
            check_report(buyers, body, wrong, new, batch)
