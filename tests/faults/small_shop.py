"""A shop that may quote one RFQ, as files to ingest: what somebody who visits it during a fault needs."""

from __future__ import annotations

from typing import Any

NOW = "2022-08-03T12:00:00-07:00"
PASSWORD = "a-long-password"
FILES: dict[str, list[dict[str, Any]]] = {
    "categories": [{"code": "bags", "parent": "", "name_en": "Bags"}],
    "sellers": [
        {"member_id": "cn1", "name_en": "Bag Works", "membership": "verified",
         "company_type": "manufacturer", "main_category": "bags"},
    ],
    "members": [{"username": "mei", "seller": "cn1", "role": "owner", "password": PASSWORD}],
    "buyers": [{"buyer_id": "b1", "country": "US", "tier": "L1"}],
    "rfqs": [
        {"rfq_id": "R-1", "buyer": "b1", "title": "Crossbody bags", "category": "bags",
         "quantity": "500", "unit": "piece", "posted_at": "2022-08-03T08:00:00-07:00",
         "grade": "standard", "seats": "10"},
    ],
    "grants": [
        {"key": "g1", "seller": "cn1", "kind": "quote", "amount": "5",
         "granted_at": "2022-08-03T00:00:00-07:00", "source": "activity"},
    ],
}  # fmt: skip
