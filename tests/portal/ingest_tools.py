"""What the tests of ingest share."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from portal.ingest.engine import Report, ingest_file, ingest_rows
from portal.ingest.kinds import IngestKind, kind_named
from portal.models import Buyer

AT = "2022-07-19T18:00:00-07:00"


def kind(name: str) -> type[IngestKind]:
    found = kind_named(name)
    assert found is not None
    return found


def send(name: str, *rows: Any, strict: bool = False) -> Report:
    """Ingest rows as the API does."""
    return ingest_rows(kind(name), list(rows), strict=strict)


def counts(report: Report) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, rejected."""
    assert report.error == ""
    return report.created, report.updated, report.unchanged, report.rejected


def why(report: Report) -> list[tuple[int, str]]:
    """Row and field of each rejection."""
    return [(item.row, item.field) for item in report.rejections]


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def send_file(name: str, path: Path, *, strict: bool = False) -> Report:
    return ingest_file(kind(name), path, strict=strict)


def send_text(name: str, folder: Path, text: str | bytes, *, strict: bool = False) -> Report:
    path = folder / "rows.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return send_file(name, path, strict=strict)


def buyer(buyer_id: str = "B1", **fields: Any) -> Buyer:
    return Buyer.objects.create(**{"buyer_id": buyer_id, "country": "US", **fields})


def order(order_id: str = "O1", **fields: Any) -> Mapping[str, Any]:
    return {
        "order_id": order_id,
        "seller": "cn1001",
        "buyer": "B1",
        "channel": "trade_assurance",
        "kind": "rts",
        "amount": "120.50",
        "created_at": AT,
        **fields,
    }
