"""The three ways in: command, API, upload in the admin (K-15)."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from openpyxl import Workbook
from rest_framework.test import APIClient

from portal.api import ingest as api
from portal.ingest import uploads
from portal.ingest.kinds import all_kinds
from portal.models import Buyer, IngestBatch, Member, Seller, User
from portal.tasks import sweep_ingest_uploads
from tests import factories

pytestmark = [pytest.mark.rule("K-15"), pytest.mark.django_db]

GOOD = "buyer_id,country,tier\nB1,US,L1\nB2,DE,L0\n"
BAD = "buyer_id,country,tier\nB1,US,L1\nB2,DE,L7\n"


def _ingest(
    folder: Path, text: str | bytes, *options: str, kind: str = "buyers"
) -> tuple[int, str, str]:
    """Run the command; return exit code, standard output, standard error."""
    path = folder / "rows.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command("ingest", kind, str(path), *options, stdout=out, stderr=err)
    except SystemExit as stop:
        code = int(stop.code or 0)
    return code, out.getvalue(), err.getvalue()


# --- Command ------------------------------------------------------------------------------------


def test_the_command_prints_one_line_and_succeeds(tmp_path: Path) -> None:
    line = "buyers: created 2, updated 0, unchanged 0, rejected 0\n"
    assert _ingest(tmp_path, GOOD) == (0, line, "")
    line = "buyers: created 0, updated 0, unchanged 2, rejected 0\n"
    assert _ingest(tmp_path, GOOD) == (0, line, "")


def test_the_command_tells_rejected_rows_apart_and_fails(tmp_path: Path) -> None:
    code, out, err = _ingest(tmp_path, BAD)
    assert (code, out) == (1, "buyers: created 1, updated 0, unchanged 0, rejected 1\n")
    assert err.startswith("row 3, field tier: “L7” is not one of")


def test_the_command_can_be_strict(tmp_path: Path) -> None:
    code, out, _err = _ingest(tmp_path, BAD, "--strict")
    assert (code, out) == (1, "buyers: created 0, updated 0, unchanged 0, rejected 1\n")
    assert not Buyer.objects.exists()


def test_the_command_shows_no_more_rejections_than_a_person_reads(tmp_path: Path) -> None:
    rows = "".join(f"B{n},XX,L1\n" for n in range(1_500))
    _code, out, err = _ingest(tmp_path, "buyer_id,country,tier\n" + rows)
    assert out.endswith("rejected 1500\n")
    assert len(err.splitlines()) == 201
    assert err.endswith("… and 1300 more\n")
    assert len(IngestBatch.objects.get().rejections) == 1_000


@pytest.mark.parametrize(
    "text", ["", "\x00\x01", "a,b\n1,2\n", b"\xff\xfe", b"PK\x03\x04", b"\x81"]
)
def test_the_command_refuses_a_bad_file_in_words(tmp_path: Path, text: str | bytes) -> None:
    code, out, err = _ingest(tmp_path, text)
    assert code == 1
    assert out == "buyers: created 0, updated 0, unchanged 0, rejected 0\n"
    assert err.startswith("buyers: ")
    assert len(err.splitlines()) == 1


def test_an_unknown_kind_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="“buyers”"):
        _ingest(tmp_path, GOOD, kind="buyer")


def test_a_workbook_does_as_well(tmp_path: Path, shop: Seller) -> None:
    book = Workbook()
    book.active.append(["buyer_id", "country", "tier"])
    book.active.append([1001, "US", "L1"])
    book.save(tmp_path / "rows.xlsx")
    out = StringIO()
    call_command("ingest", "buyers", str(tmp_path / "rows.xlsx"), stdout=out)
    assert out.getvalue() == "buyers: created 1, updated 0, unchanged 0, rejected 0\n"
    assert Buyer.objects.get().buyer_id == "1001"


def test_a_token_is_printed_and_nothing_else(owner: Member) -> None:
    out = StringIO()
    call_command("issue_token", "owner", stdout=out)
    token = out.getvalue().strip()
    assert out.getvalue() == token + "\n"
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    assert client.get("/api/v1/me").json()["member"] == "owner"
    entry = LogEntry.objects.get(additional_data__action="token.issue")
    assert token not in json.dumps(entry.additional_data) + json.dumps(entry.changes)


def test_no_token_for_nobody(db: None) -> None:
    with pytest.raises(CommandError, match="there is no user “nobody”"):
        call_command("issue_token", "nobody")


# --- API ----------------------------------------------------------------------------------------

ROWS = [{"buyer_id": "B1", "country": "US", "tier": "L1"}, {"buyer_id": "B2", "country": "DE"}]


def test_the_api_answers_row_by_row(staff_api: APIClient) -> None:
    response = staff_api.post("/api/v1/ingest/buyers", {"rows": ROWS})
    assert response.status_code == 200
    assert response.json() == {
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "rejected": [{"row": 2, "field": "tier", "message": "missing: tier"}],
    }
    assert IngestBatch.objects.get().user == User.objects.get(username="staff")


def test_the_api_can_be_strict(staff_api: APIClient) -> None:
    answer = staff_api.post("/api/v1/ingest/buyers", {"rows": ROWS, "strict": True}).json()
    assert (answer["created"], len(answer["rejected"])) == (0, 1)
    assert not Buyer.objects.exists()


def test_the_api_reports_every_rejected_row(staff_api: APIClient) -> None:
    rows = [{"buyer_id": f"B{n}", "country": "XX", "tier": "L1"} for n in range(1_200)]
    answer = staff_api.post("/api/v1/ingest/buyers", {"rows": rows}).json()
    assert [item["row"] for item in answer["rejected"]] == list(range(1, 1_201))


@pytest.mark.parametrize(
    "body",
    [
        "[]", '{"rows": {}}', '{"rows": "x"}', "{}", '{"rows": [], "strict": "yes"}', "{",
        '{"rows": [{"buyer_id": NaN}]}', '{"rows": [{"buyer": "B1"}]}', "[" * 100_000, "\udcff",
        '{"rows": [' + "9" * 5_000 + "]}",
    ],
)  # fmt: skip
def test_a_body_that_is_no_list_of_rows_gets_400(staff_api: APIClient, body: str) -> None:
    raw = body.encode("utf-8", "surrogateescape")
    response = staff_api.post("/api/v1/ingest/buyers", raw, content_type="application/json")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"]
    assert not Buyer.objects.exists()


def test_a_body_beyond_the_limit_gets_413(
    staff_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MAX_ROWS", 1)
    response = staff_api.post("/api/v1/ingest/buyers", {"rows": ROWS})
    assert (response.status_code, response.json()["code"]) == (413, "too_large")
    monkeypatch.setattr(settings, "DATA_UPLOAD_MAX_MEMORY_SIZE", 50)
    response = staff_api.post("/api/v1/ingest/buyers", {"rows": ROWS[:1]})
    assert (response.status_code, response.json()["code"]) == (413, "too_large")
    assert not Buyer.objects.exists()


def test_an_unknown_kind_is_not_found(staff_api: APIClient) -> None:
    assert staff_api.post("/api/v1/ingest/nothing", {"rows": []}).status_code == 404


def test_only_service_tokens_with_the_permission_may_feed(
    owner_api: APIClient, anonymous_api: APIClient
) -> None:
    clerk = factories.api_client(factories.user_create("clerk", is_staff=True))
    for client, status in ((owner_api, 403), (clerk, 403), (anonymous_api, 401)):
        assert client.post("/api/v1/ingest/buyers", {"rows": ROWS}).status_code == status
        assert client.get("/api/v1/ingest").status_code == status
    assert not Buyer.objects.exists()
    assert not IngestBatch.objects.exists()


def test_the_api_describes_its_kinds(staff_api: APIClient) -> None:
    kinds = {item["kind"]: item for item in staff_api.get("/api/v1/ingest").json()}
    assert set(kinds) == {kind.name for kind in all_kinds()}
    assert kinds["buyers"]["columns"][1] == {
        "name": "company",
        "type": "text",
        "optional": True,
        "example": "Harbor Imports LLC",
    }


# --- Admin --------------------------------------------------------------------------------------


def _upload(client: Client, text: str, **fields: Any) -> Any:
    file = SimpleUploadedFile("buyers.csv", text.encode())
    url = reverse("admin:portal_ingestbatch_upload")
    return client.post(url, {"kind": "buyers", "file": file, **fields}, follow=True)


def test_staff_upload_a_file_and_see_what_became_of_it(staff_client: Client) -> None:
    assert staff_client.get(reverse("admin:portal_ingestbatch_upload")).status_code == 200
    page = _upload(staff_client, BAD).content.decode()
    assert "Applied, except for the rejected rows." in page
    assert "“L7” is not one of" in page
    batch = IngestBatch.objects.get()
    assert (batch.created, batch.rejected, batch.source) == (1, 1, "buyers.csv")
    entry = LogEntry.objects.get(additional_data__action="ingest.upload")
    assert entry.object_pk == str(batch.pk)
    listing = staff_client.get(reverse("admin:portal_ingestbatch_changelist"))
    assert "buyers.csv" in listing.content.decode()
    report = staff_client.get(reverse("admin:portal_ingestbatch_rejections", args=[batch.pk]))
    assert report.content.decode("utf-8-sig").splitlines()[1].startswith('3,tier,"“L7”')


def test_staff_can_upload_all_or_nothing(staff_client: Client) -> None:
    assert "Nothing was applied" in _upload(staff_client, BAD, strict="on").content.decode()
    assert not Buyer.objects.exists()


def test_a_refused_file_is_said_so(staff_client: Client) -> None:
    page = _upload(staff_client, "buyer_id,land,tier\n").content.decode()
    assert "The file was refused: unknown column" in page


@pytest.mark.django_db(transaction=True)
def test_a_large_file_is_left_to_a_worker(
    staff_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(uploads, "INLINE_BYTES", 10)
    monkeypatch.setattr(uploads, "enqueue", lambda _task, batch: sent.append(batch))
    page = _upload(staff_client, GOOD)
    batch = IngestBatch.objects.get()
    assert sent == [batch.pk]
    assert 'http-equiv="refresh"' in page.content.decode()
    assert not Buyer.objects.exists()
    path = Path(batch.upload.path)
    assert path.exists()
    sweep_ingest_uploads()
    assert sent == [batch.pk]
    IngestBatch.objects.update(progress_at=batch.progress_at - 2 * uploads.STALE)
    sweep_ingest_uploads()
    assert sent == [batch.pk, batch.pk]
    uploads.upload_run(batch_id=batch.pk)
    assert Buyer.objects.count() == 2
    assert not path.exists()


def test_a_file_that_is_too_large_is_refused_before_it_is_stored(
    staff_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_BYTES", 10)
    assert "more than" in _upload(staff_client, GOOD).content.decode()
    assert not IngestBatch.objects.exists()


def test_a_template_of_each_kind_can_be_fed_back_header_and_all(staff_client: Client) -> None:
    for kind in all_kinds():
        url = reverse("admin:portal_ingestbatch_template", args=[kind.name])
        text = staff_client.get(url).content.decode("utf-8-sig")
        assert text.splitlines()[0].split(",") == [column.name for column in kind.columns]
    url = reverse("admin:portal_ingestbatch_template", args=["buyers"])
    assert (
        "Applied." in _upload(staff_client, staff_client.get(url).content.decode()).content.decode()
    )


def test_without_the_permission_there_is_no_upload(owner_client: Client) -> None:
    clerk = factories.user_create("clerk", is_staff=True)
    client = Client()
    client.force_login(clerk, backend="django.contrib.auth.backends.ModelBackend")
    for each in (client, owner_client):
        assert _upload(each, GOOD).status_code in {302, 403, 200}
    assert client.get(reverse("admin:portal_ingestbatch_upload")).status_code == 403
    assert not Buyer.objects.exists()
    assert not IngestBatch.objects.exists()
