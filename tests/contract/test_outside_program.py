"""An outside program drives a fresh portal through its commands, files and HTTP alone (09-contract).

Real processes: `manage.py` on an empty database, then a web server. Nothing is imported from the
portal, so what passes here is what an integrator can rely on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.outside import Portal, own_database

pytestmark = [pytest.mark.both_databases, pytest.mark.processes, pytest.mark.long]

NOW = "2022-07-21T12:00:00-07:00"

FILES: dict[str, list[dict[str, Any]]] = {
    "categories": [
        {"code": "bags", "parent": "", "name_en": "Bags", "name_zh": "箱包"},
        {"code": "handbags", "parent": "bags", "name_en": "Handbags", "name_zh": "手提包"},
    ],
    "attributes": [
        {"category": "handbags", "code": "material", "name_en": "Material", "type": "select",
         "values": "PU|PVC|Satin"},
    ],
    "sellers": [
        {"member_id": "cn1", "name_en": "Bag Works", "membership": "verified",
         "company_type": "manufacturer", "main_category": "handbags"},
        {"member_id": "cn2", "name_en": "Other Bags", "membership": "basic",
         "company_type": "trader", "main_category": "handbags"},
    ],
    "members": [
        {"username": "mei", "seller": "cn1", "role": "owner", "password": "a-long-password"},
        {"username": "tom", "seller": "cn2", "role": "owner", "password": "a-long-password"},
    ],
    "buyers": [{"buyer_id": "b1", "country": "US", "tier": "L1"}],
    "themes": [
        {"theme_id": "1", "title_en": "Crossbody", "title_zh": "斜挎包趋势新品",
         "category": "bags", "keywords": "phone bag|斜挎", "keyword_mode": "any",
         "attributes": '{"material": ["PVC", "Satin"]}', "countries": "US|JP",
         "price_min": "12", "price_max": "23", "starts_on": "2022-07-01"},
    ],
    "products": [
        {"product_id": "p1", "seller": "cn1", "category": "handbags", "title": "女士斜挎包 PVC",
         "kind": "rts", "status": "live", "price_min": "12.00", "price_max": "23.00",
         "attributes": '{"material": "PVC"}', "target_countries": "JP", "changed_at": NOW[:8] + "01T00:00:00Z"},
        {"product_id": "p2", "seller": "cn2", "category": "handbags", "title": "Phones bag",
         "kind": "rts", "status": "live", "price_min": "12.00", "price_max": "23.00",
         "attributes": '{"material": "PVC"}', "target_countries": "US", "changed_at": NOW[:8] + "01T00:00:00Z"},
    ],
    "orders": [
        {"order_id": "o1", "seller": "cn1", "buyer": "b1", "channel": "trade_assurance", "kind": "rts",
         "amount": "499.99", "created_at": "2022-07-01T00:00:00Z"},
    ],
    "logins": [{"seller": "cn1", "at": "2022-07-01T00:00:00Z"}],
    "inquiries": [{"inquiry_id": "i1", "seller": "cn1", "buyer": "b1", "at": "2022-07-01T00:00:00Z"}],
    "metrics": [{"seller": "cn1", "day": "2022-07-01", "metric": "ext.score", "value": "7"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A migrated, fed portal with its web server running, on a database of its own."""
    folder = tmp_path_factory.mktemp("portal")
    with own_database(folder, empty=True) as url:
        yield from _fed(Portal(folder, url, NOW))


def _fed(portal: Portal) -> Iterator[Portal]:
    portal.run("migrate")
    for kind, rows in FILES.items():
        assert portal.ingest(kind, rows) == (
            f"{kind}: created {len(rows)}, updated 0, unchanged 0, rejected 0"
        )
    with portal.serving():
        yield portal


@pytest.mark.rule("K-15")
def test_sending_the_same_rows_again_changes_nothing(portal: Portal) -> None:
    for kind, rows in FILES.items():
        assert portal.ingest(kind, rows) == (
            f"{kind}: created 0, updated 0, unchanged {len(rows)}, rejected 0"
        )


@pytest.mark.rule("K-15")
def test_a_bad_row_is_refused_by_name_and_the_others_stand(portal: Portal) -> None:
    good, bad = {"buyer_id": "b2", "country": "DE", "tier": "L2"}, {"buyer_id": "b3", "country": "DE", "tier": "L9"}  # fmt: skip
    assert portal.ingest("buyers", [good, bad], "--strict", exit_code=1).endswith("rejected 1")
    assert portal.ingest("buyers", [good, bad], exit_code=1) == (
        "buyers: created 1, updated 0, unchanged 0, rejected 1"
    )


@pytest.mark.rule("K-8", "K-15", "LST-4", "LST-8", "NGT-1", "API-1")
def test_an_outside_program_feeds_computes_and_reads(portal: Portal) -> None:
    mei, tom = (portal.run("issue_token", name).strip() for name in ("mei", "tom"))
    status, me, _ = portal.call("GET", "/api/v1/me", mei)
    assert (status, me["member"], me["seller"], me["role"]) == (200, "mei", "cn1", "owner")

    portal.run("nightly", "--as-of", "2022-07-20", exit_code=1)  # not over for two days yet
    portal.run("nightly", "--as-of", "2022-07-19")
    first = portal.run("standings", "--as-of", "2022-07-19")
    portal.run("nightly", "--as-of", "2022-07-19")
    assert portal.run("standings", "--as-of", "2022-07-19") == first
    assert first.splitlines() == sorted(first.splitlines())

    status, matches, _ = portal.call("GET", "/api/v1/listings/matches?theme_id=1", mei)
    assert status == 200
    assert matches["as_of"] == "2022-07-19"
    assert matches["results"] == [{"theme_id": "1", "product_id": "p1", "since": "2022-07-19"}]
    assert (matches["total"], matches["national"]) == (1, 1)
    # "phone bag" is a phrase of whole words: "Phones bag" does not hold it.
    assert portal.call("GET", "/api/v1/listings/matches", tom)[1]["total"] == 0

    status, check, _ = portal.call(
        "POST", "/api/v1/listings/check", tom, {"theme_id": "1", "product_id": "p2"}
    )
    assert status == 200
    assert {row["key"]: row["met"] for row in check["requirements"]}["keywords"] is False

    for path in ("/api/v1/listings/products/p1", "/api/v1/listings/products/none"):
        status, problem, kind = portal.call("GET", path, tom)
        assert (status, problem["code"], kind) == (404, "not_found", "application/problem+json")


@pytest.mark.rule("K-15", "API-1")
def test_the_ingest_call_needs_a_service_token_and_reports_rows(portal: Portal) -> None:
    mei = portal.run("issue_token", "mei").strip()
    rows = {"rows": [{"buyer_id": "b9", "country": "FR", "tier": "L0"}, {"buyer_id": "", "country": "FR", "tier": "L0"}]}  # fmt: skip
    assert portal.call("POST", "/api/v1/ingest/buyers", None, rows)[0] == 401
    assert portal.call("POST", "/api/v1/ingest/buyers", mei, rows)[0] == 403
    portal.environment["DJANGO_SUPERUSER_PASSWORD"] = "not-used-here-1"
    portal.run("createsuperuser", "--noinput", "--username", "feed", "--email", "feed@example.com")
    service = portal.run("issue_token", "feed").strip()
    status, report, _ = portal.call("POST", "/api/v1/ingest/buyers", service, rows)
    assert status == 200
    assert (report["created"], report["updated"], report["unchanged"]) == (1, 0, 0)
    assert [(row["row"], row["field"]) for row in report["rejected"]] == [(2, "buyer_id")]
    assert portal.call("POST", "/api/v1/ingest/nonsense", service, rows)[0] == 404
