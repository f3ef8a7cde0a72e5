"""Filters and pages of lists: what cannot be read is told, with its name (API-1)."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

pytestmark = [pytest.mark.django_db, pytest.mark.rule("API-1")]

API = "/api/v1"


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("/orders?stauts=paid", "stauts"),
        ("/me?verbose=1", "verbose"),
        ("/rfq/rfqs?contry=DE", "contry"),
        ("/rfq/quotes/funnel?from=2022-08-01", "from"),
        ("/listings/products?ordering=nonsense", "ordering"),
        ("/listings/themes?ordering=nonsense", "ordering"),
        ("/rfq/rfqs?ordering=nonsense", "ordering"),
        ("/orders?paid=maybe", "paid"),
        ("/orders?destination=Germany", "destination"),
        ("/orders?first_day=07/01/2022", "first_day"),
        ("/inquiries?country=XX", "country"),
        ("/notices?unread=maybe", "unread"),
        ("/notices?kind=nonsense", "kind"),
        ("/categories?leaf=x", "leaf"),
        ("/categories?under=nonsense", "under"),
        ("/rulebooks?module=nonsense", "module"),
        ("/rulebooks?day=2022-7-1x", "day"),
        ("/rfq/ledger?live=maybe", "live"),
        ("/rfq/ledger?since=Jul 1 2022", "since"),
        ("/compliance/products?country=US", "country"),
        ("/compliance/products?source=nonsense", "source"),
        ("/compliance/products?state=covered", "state"),
        ("/compliance/products?stopping=1", "stopping"),
        ("/compliance/gate-blocks?country=Germany", "country"),
        *((f"{path}?page_size={size}", "page_size")
          for path in ("/orders", "/rfq/rfqs", "/listings/matches/history")
          for size in ("0", "-1", "x", "1.5", "٣")),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(owner_api: APIClient, address: str, field: str) -> None:
    answer = owner_api.get(f"{API}{address}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    "address",
    [
        "/orders?paid=&destination=&first_day=&kind=&page_size=",
        "/orders?paid=TRUE&destination=de&page_size=" + "9" * 5000,
        "/bulletins?page_size=500&cursor=",
        "/growth/guide?as_of=",
        "/rfq/rfqs?q=&category=&country=&grade=&can_quote=",
        "/listings/themes?category=&country=&kind=&national=",
        "/rfq/score?format=json",
    ],
)
def test_what_is_empty_counts_as_absent(owner_api: APIClient, address: str) -> None:
    assert owner_api.get(f"{API}{address}").status_code == 200


def test_a_near_miss_is_told(owner_api: APIClient) -> None:
    error: dict[str, Any] = owner_api.get(f"{API}/orders?destinaton=DE").json()["errors"][0]
    assert "destination" in error["message"]
