"""The engine: headers, repeats, chunks, all or nothing, the ledger, resuming (K-15)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.ingest import engine, kinds, seen, uploads, upsert
from portal.ingest.kinds_facts import BuyerKind
from portal.models import Buyer, IngestBatch, Order, Seller, User
from portal.scoping import unscoped
from tests.portal.ingest_tools import (
    buyer,
    counts,
    kind,
    order,
    send,
    send_file,
    send_text,
    why,
    write_csv,
)

pytestmark = [pytest.mark.rule("K-15"), pytest.mark.django_db]

HEADER = ("buyer_id", "country", "tier")


def _buyers(folder: Path, rows: list[tuple[str, str, str]]) -> Path:
    return write_csv(folder / "buyers.csv", HEADER, rows)


# --- Columns ------------------------------------------------------------------------------------


def test_an_unknown_column_refuses_the_file_and_names_the_nearest(tmp_path: Path) -> None:
    report = send_text("buyers", tmp_path, "buyer_id,countri,tier\nB1,US,L1\n")
    assert "“countri”" in report.error
    assert "“country”" in report.error
    assert not Buyer.objects.exists()
    batch = IngestBatch.objects.get()
    assert (batch.error, batch.rows) == (report.error, 0)
    assert batch.finished_at is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("buyer_id,country\nB1,US\n", "missing columns: tier"),
        ("buyer_id,country,tier,tier\nB1,US,L1,L2\n", "repeated columns: tier"),
        ("buyer_id,,tier\nB1,US,L1\n", "column 2 has no name"),
    ],
)
def test_a_bad_header_refuses_the_file(tmp_path: Path, text: str, words: str) -> None:
    assert words in send_text("buyers", tmp_path, text).error
    assert not Buyer.objects.exists()


def test_an_absent_column_leaves_alone_and_an_empty_cell_clears(tmp_path: Path) -> None:
    send("buyers", {"buyer_id": "B1", "country": "US", "tier": "L1", "company": "Harbor"})
    assert counts(send_text("buyers", tmp_path, "buyer_id,country,tier\nB1,DE,L1\n")) == (
        0,
        1,
        0,
        0,
    )
    assert Buyer.objects.get().company == "Harbor"
    text = "buyer_id,country,tier,company\nB1,DE,L1,\n"
    assert counts(send_text("buyers", tmp_path, text)) == (0, 1, 0, 0)
    assert Buyer.objects.get().company == ""
    assert counts(send_text("buyers", tmp_path, text)) == (0, 0, 1, 0)


def test_a_row_of_another_width_than_the_header_is_rejected(tmp_path: Path) -> None:
    text = "buyer_id,country,tier\nB1,US\nB2,US,L1,more\nB3,US,L1,\n"
    report = send_text("buyers", tmp_path, text)
    assert counts(report) == (1, 0, 0, 2)
    assert why(report) == [(2, ""), (3, "")]


# --- Rows ---------------------------------------------------------------------------------------


def test_good_rows_are_applied_although_others_are_bad(tmp_path: Path) -> None:
    report = send_file(
        "buyers",
        _buyers(tmp_path, [("B1", "US", "L1"), ("B2", "Atlantis", "L9"), ("B3", "DE", "L0")]),
    )
    assert counts(report) == (2, 0, 0, 1)
    assert why(report) == [(3, "country")]
    assert "tier: “L9”" in report.rejections[0].message
    assert set(Buyer.objects.values_list("buyer_id", flat=True)) == {"B1", "B3"}
    batch = IngestBatch.objects.get()
    assert (batch.rows, batch.created, batch.rejected) == (3, 2, 1)
    assert batch.rejections == [report.rejections[0].as_json()]


def test_strict_applies_all_or_nothing(tmp_path: Path) -> None:
    bad = _buyers(tmp_path, [("B1", "US", "L1"), ("B2", "US", "L9")])
    report = send_file("buyers", bad, strict=True)
    assert counts(report) == (0, 0, 0, 1)
    assert not Buyer.objects.exists()
    assert IngestBatch.objects.get().created == 0
    good = _buyers(tmp_path, [("B1", "US", "L1"), ("B2", "US", "L2")])
    assert counts(send_file("buyers", good, strict=True)) == (2, 0, 0, 0)


def test_strict_undoes_earlier_chunks_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BuyerKind, "chunk_size", 2)
    rows = [(f"B{n}", "US", "L1") for n in range(5)]
    report = send_file("buyers", _buyers(tmp_path, [*rows, ("B9", "US", "L9")]), strict=True)
    assert counts(report) == (0, 0, 0, 1)
    assert not Buyer.objects.exists()


@pytest.mark.parametrize("in_memory", [1_000, 1])
def test_a_repeated_id_is_rejected_with_both_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    """Also across chunks, and when the keys seen have moved to a file."""
    monkeypatch.setattr(BuyerKind, "chunk_size", 2)
    monkeypatch.setattr(seen.SeenKeys.__init__, "__defaults__", (in_memory,))
    rows = [("B1", "US", "L1"), ("B2", "US", "L1"), ("B3", "US", "L1"), ("B1", "DE", "L2")]
    report = send_file("buyers", _buyers(tmp_path, rows))
    assert counts(report) == (3, 0, 0, 1)
    assert why(report) == [(5, "buyer_id")]
    assert "row 5 repeats buyer_id B1 of row 2" in report.rejections[0].message
    assert Buyer.objects.get(buyer_id="B1").country == "US"


def test_an_unknown_reference_names_the_nearest_known_one(shop: Seller) -> None:
    buyer("B1")
    report = send("orders", order("O1", seller="cn1O01"), order("O2", buyer="B9"), order("O3"))
    assert counts(report) == (1, 0, 0, 2)
    assert why(report) == [(1, "seller"), (2, "buyer")]
    assert "“cn1O01”" in report.rejections[0].message
    assert "“cn1001”" in report.rejections[0].message


def test_a_row_the_database_refuses_does_not_take_the_others_along(
    shop: Seller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checks that no column knows of: the engine narrows a failed chunk down to the bad row."""
    monkeypatch.setattr(kind("sellers"), "check", lambda self, rows: ())
    base = {
        "name_en": "S",
        "membership": "basic",
        "company_type": "trader",
        "main_category": "e-bike-kits",
        "service_starts_on": "2022-07-01",
    }
    rows = [
        {**base, "member_id": f"s{n}", "service_ends_on": "2022-06-01" if n == 3 else "2022-08-01"}
        for n in range(7)
    ]
    report = send("sellers", *rows)
    assert counts(report) == (6, 0, 0, 1)
    assert why(report) == [(4, "")]
    assert "seller_service_order" in report.rejections[0].message


def test_an_existing_row_does_not_move_to_another_seller(shop: Seller, other_shop: Seller) -> None:
    buyer("B1")
    send("orders", order("O1"))
    report = send("orders", order("O1", seller="cn2002", amount="1.00"))
    assert counts(report) == (0, 0, 0, 1)
    assert why(report) == [(1, "seller")]
    with unscoped():
        stored = Order.objects.get()
    assert (stored.seller, str(stored.amount)) == (shop, "120.50")


# --- Statements ---------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_chunk_costs_the_same_statements_whatever_its_size(
    shop: Seller, django_assert_max_num_queries: Any
) -> None:
    Buyer.objects.bulk_create(Buyer(buyer_id=f"B{n}", country="US") for n in range(300))
    rows = [order(f"O{n}", buyer=f"B{n}", category="e-bike-kits") for n in range(300)]
    with django_assert_max_num_queries(20):
        assert counts(send("orders", *rows)) == (300, 0, 0, 0)
    with django_assert_max_num_queries(20):
        assert counts(send("orders", *rows)) == (0, 0, 300, 0)
    with django_assert_max_num_queries(20):
        changed = [{**row, "amount": "1.00"} for row in rows]
        assert counts(send("orders", *changed)) == (0, 300, 0, 0)


@pytest.mark.both_databases
def test_an_unchanged_row_writes_nothing(shop: Seller, django_assert_num_queries: Any) -> None:
    buyer("B1")
    send("orders", order())
    with django_assert_num_queries(1) as log, unscoped():
        result = upsert.upsert(Buyer, key=("buyer_id",), rows=[{"buyer_id": "B1", "country": "US"}])
    assert result.unchanged == [0]
    assert log.captured_queries[0]["sql"].startswith("SELECT")


# --- Races --------------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("strict", [False, True])
def test_two_batches_with_the_same_new_ids_both_succeed(
    strict: bool, at_once: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have looked and found nothing before either inserts; one creates, the other compares."""
    both_looked = threading.Barrier(2)
    original = upsert._Upsert._load
    local = threading.local()

    def load(self: Any, *args: Any) -> Any:
        found = original(self, *args)
        if not getattr(local, "looked", False):
            local.looked = True
            both_looked.wait(timeout=30)
        return found

    monkeypatch.setattr(upsert._Upsert, "_load", load)
    applied: list[int] = []
    apply = BuyerKind.apply

    def counted(self: BuyerKind, rows: list[kinds.Row]) -> kinds.Outcome:
        applied.append(len(rows))
        return apply(self, rows)

    monkeypatch.setattr(BuyerKind, "apply", counted)
    rows = [{"buyer_id": f"B{n}", "country": "US", "tier": "L1"} for n in range(200)]

    reports = at_once(
        [
            lambda: send("buyers", *rows, strict=strict),
            lambda: send("buyers", *reversed(rows), strict=strict),
        ]
    )
    assert sorted(counts(report) for report in reports) == [(0, 0, 200, 0), (200, 0, 0, 0)]
    assert Buyer.objects.count() == 200
    # Nothing failed and was narrowed down or tried again.
    assert applied == [200, 200]


@pytest.mark.both_databases
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_batches_that_cross_chunks_do_not_dead_lock_for_good(
    at_once: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BuyerKind, "chunk_size", 20)
    rows = [{"buyer_id": f"B{n:03}", "country": "US", "tier": "L1"} for n in range(200)]
    reports = at_once(
        [
            lambda: send("buyers", *rows, strict=True),
            lambda: send("buyers", *reversed(rows), strict=True),
        ]
    )
    assert sorted(counts(report) for report in reports) == [(0, 0, 200, 0), (200, 0, 0, 0)]


@pytest.mark.django_db(transaction=True)
def test_a_busy_database_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "FIRST_PAUSE", 0)
    original = BuyerKind.apply
    failures = iter([1, 1])

    def busy(self: BuyerKind, rows: list[kinds.Row]) -> kinds.Outcome:
        outcome = original(self, rows)
        if next(failures, None):
            raise OperationalError("deadlock detected")
        return outcome

    monkeypatch.setattr(BuyerKind, "apply", busy)
    row = {"buyer_id": "B1", "country": "US", "tier": "L1"}
    assert counts(send("buyers", row, {"buyer_id": "B2"})) == (1, 0, 0, 1)
    assert IngestBatch.objects.get().rejected == 1


@pytest.mark.django_db(transaction=True)
def test_a_database_that_stays_busy_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(self: BuyerKind, rows: list[kinds.Row]) -> kinds.Outcome:
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(engine, "FIRST_PAUSE", 0)
    monkeypatch.setattr(BuyerKind, "apply", busy)
    report = send("buyers", {"buyer_id": "B1", "country": "US", "tier": "L1"})
    assert report.busy
    assert IngestBatch.objects.get().error == report.error


# --- Uploads ------------------------------------------------------------------------------------


def _upload(staff: User, rows: int, **options: Any) -> IngestBatch:
    text = "buyer_id,country,tier\n" + "".join(f"B{n},US,L1\n" for n in range(rows))
    file = SimpleUploadedFile("my buyers.csv", text.encode())
    return uploads.upload_accept(actor=staff, kind="buyers", file=file, **options)


def test_a_small_upload_is_applied_at_once_and_its_file_dropped(staff: User) -> None:
    batch = _upload(staff, 3)
    assert (batch.created, batch.error, batch.source) == (3, "", "my buyers.csv")
    assert batch.finished_at is not None
    assert not batch.upload


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_an_upload_whose_worker_died_goes_on_where_it_stopped(
    staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BuyerKind, "chunk_size", 10)
    monkeypatch.setattr(uploads, "INLINE_BYTES", 0)
    monkeypatch.setattr(uploads, "_send", lambda batch_id: None)
    batch = _upload(staff, 35)
    original = BuyerKind.apply
    calls = []

    def dies(self: BuyerKind, rows: list[kinds.Row]) -> kinds.Outcome:
        calls.append(len(rows))
        outcome = original(self, rows)
        if len(calls) == 3:
            raise SystemExit("killed")
        return outcome

    monkeypatch.setattr(BuyerKind, "apply", dies)
    with pytest.raises(SystemExit):
        uploads.upload_run(batch_id=batch.pk)
    batch.refresh_from_db()
    assert (batch.rows, batch.created, batch.finished_at) == (20, 20, None)
    assert Buyer.objects.count() == 20

    uploads.upload_run(batch_id=batch.pk)
    batch.refresh_from_db()
    assert calls == [10, 10, 10, 10, 5]
    assert (batch.rows, batch.created, batch.unchanged) == (35, 35, 0)
    assert batch.finished_at is not None
    uploads.upload_run(batch_id=batch.pk)
    assert len(calls) == 5


@pytest.mark.django_db(transaction=True)
def test_a_second_worker_on_the_same_batch_does_nothing(
    staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was overtaken between reading and writing takes its chunk back."""
    monkeypatch.setattr(BuyerKind, "chunk_size", 10)
    monkeypatch.setattr(uploads, "INLINE_BYTES", 0)
    monkeypatch.setattr(uploads, "_send", lambda batch_id: None)
    batch = _upload(staff, 20)
    inside: list[bool] = []

    def overtaken(self: BuyerKind, rows: list[kinds.Row]) -> Any:
        if not inside:
            inside.append(True)
            uploads.upload_run(batch_id=batch.pk)
        return ()

    monkeypatch.setattr(BuyerKind, "check", overtaken)
    uploads.upload_run(batch_id=batch.pk)
    batch.refresh_from_db()
    assert (batch.rows, batch.created, batch.updated, batch.unchanged) == (20, 20, 0, 0)
    assert batch.error == ""


# --- Anything at all ----------------------------------------------------------------------------

NO_OBJECT = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.text(max_size=70),
    st.sampled_from(["cn1001", "B1", "rts", "L1", "2022-07-19", "2022-07-19T01:00:00Z", "12.50"]),
    st.lists(st.text(max_size=5), max_size=3),
)
CELL = NO_OBJECT | st.dictionaries(st.text(max_size=5), st.floats(), max_size=2)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_nothing_anybody_sends_makes_it_fail(shop: Seller, data: st.DataObject) -> None:
    Buyer.objects.get_or_create(buyer_id="B1", country="US")
    for each in kinds.all_kinds():
        wanted = {column.name: CELL for column in each.columns if not column.optional}
        further = {column.name: CELL for column in each.columns if column.optional}
        row = st.fixed_dictionaries(wanted, optional=further) | NO_OBJECT
        rows = data.draw(st.lists(row, max_size=4), label=each.name)
        report = send(each.name, *rows)
        assert report.error == ""
        assert sum(counts(report)) == len(rows)
