"""Certificates over the API (EPR-4, EPR-5, CRT-1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from compliance.choices import CertificateStatus
from compliance.models import Certificate
from portal import platform_time
from portal.models import Member, StoredFile
from portal.scoping import unscoped
from tests.compliance.world import certificate_create, product_create, upload

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-4")]
URL = "/api/v1/compliance/certificates"


@pytest.fixture(autouse=True)
def _world(settings: Any, tmp_path: Any, clock: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def sent(**over: Any) -> dict[str, Any]:
    return {
        "type": "epr",
        "entity_name": "Suzhou E-Bike Kits Ltd",
        "country": "DE",
        "category": "packaging",
        "number": "DE 2755-5530 72093",
        "company_name": "Suzhou E-Bike Kits Ltd",
        "issued_on": "2022-05-01",
        "own": "true",
        "declaration": "1",
        "files": [upload()],
    } | over


def names(answer: Any) -> list[str]:
    return [error["field"] for error in answer.json()["errors"]]


def nothing_kept() -> bool:
    with unscoped():
        return not Certificate.objects.exists() and not StoredFile.objects.exists()


def test_a_draft_is_made_and_submitted(owner_api: APIClient) -> None:
    made = owner_api.post(URL, sent(brands=["Kits", "Wheels|Kits"]), format="multipart")
    assert made.status_code == 201, made.json()
    row = made.json()
    shown = ("type", "country", "category", "number", "status", "reason", "brands", "number_typed")
    assert [row[name] for name in shown] == [
        *("epr", "DE", "packaging", "DE2755553072093", "draft", None),
        *(["Kits", "Wheels"], "DE 2755-5530 72093"),
    ]
    one = f"{URL}/{row['id']}"
    assert owner_api.get(one).json() == row
    submitted = owner_api.post(f"{one}/submit").json()
    assert submitted["status"] == "submitted"
    # Noon in California is the next morning in China: 27 working hours later, a weekend between.
    assert submitted["due_at"] == "2022-08-08T10:00:00Z"
    assert [event["kind"] for event in submitted["events"]] == ["created", "submitted"]
    again = owner_api.post(f"{one}/submit")
    assert (again.status_code, again.json()["code"]) == (409, "already_submitted")
    assert owner_api.delete(one).json()["code"] == "not_draft"
    assert owner_api.put(one, sent(), format="multipart").json()["code"] == "already_submitted"
    assert owner_api.post(f"{one}/take-back").json()["status"] == "draft"
    assert owner_api.post(f"{one}/take-back").json()["code"] == "not_waiting"
    assert owner_api.delete(one).status_code == 204
    assert owner_api.get(one).status_code == 404
    assert nothing_kept()


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"type": ""}, "type"),
        ({"type": "diploma"}, "type"),
        ({"entity_name": " "}, "entity_name"),
        ({"entity_name": "x" * 201}, "entity_name"),
        ({"company_name": ""}, "company_name"),
        ({"country": ""}, "country"),
        ({"country": "US"}, "country"),
        ({"country": "Germany"}, "country"),
        ({"category": "textile"}, "category"),
        ({"category": "wood"}, "category"),
        ({"number": ""}, "number"),
        ({"number": "DE123456789"}, "number"),
        ({"number": "x" * 81}, "number"),
        ({"issued_on": ""}, "issued_on"),
        ({"issued_on": "yesterday"}, "issued_on"),
        ({"issued_on": "2022-08-04"}, "issued_on"),
        ({"expires_on": "2022-08-02"}, "expires_on"),
        ({"expires_on": "2022-04-30"}, "expires_on"),
        ({"expires_on": "9999-12-31"}, "expires_on"),
        ({"scope_en": "x" * 1025}, "scope_en"),
        ({"scope_zh": "包" * 1025}, "scope_zh"),
        ({"brands": "b" * 121}, "brands"),
        ({"own": ""}, "own"),
        ({"own": "perhaps"}, "own"),
        ({"own": "no"}, "invoices"),
        ({"declaration": "false"}, "declaration"),
        ({"declaration": ""}, "declaration"),
        ({"files": []}, "files"),
        ({"files": "a.pdf"}, "files"),
        ({"products": "P-none"}, "products"),
        ({"categories": "no-such"}, "categories"),
    ],
)
def test_each_mistake_names_its_field(owner_api: APIClient, over: Any, field: str) -> None:
    answer = owner_api.post(URL, sent(**over), format="multipart")
    assert answer.status_code == 400
    assert names(answer) == [field]
    assert nothing_kept()


def test_what_is_at_the_limits_is_taken(owner_api: APIClient) -> None:
    fields = sent(
        issued_on="2022-08-03",
        expires_on="2022-08-03",
        scope_en="x" * 1022 + "\r\ny",
        scope_zh="包" * 1024,
        files=[upload() for _ in range(5)],
    )
    made = owner_api.post(URL, fields, format="multipart")
    assert made.status_code == 201, made.json()
    assert len(made.json()["files"]) == 5
    answer = owner_api.post(URL, sent(files=[upload() for _ in range(6)]), format="multipart")
    assert names(answer) == ["files"]


def test_everything_wrong_is_named_at_once(owner_api: APIClient) -> None:
    answer = owner_api.post(URL, {"type": "epr"}, format="json")
    assert answer.status_code == 400
    assert set(names(answer)) == {
        *("entity_name", "company_name", "country", "category", "number"),
        *("issued_on", "own", "declaration", "files"),
    }
    assert owner_api.post(URL, ["epr"], format="json").status_code == 400


@pytest.mark.rule("K-7", "K-8")
def test_the_owner_alone_writes_and_the_shop_alone_reads(
    owner_api: APIClient, colleague_api: APIClient, stranger_api: APIClient, owner: Member
) -> None:
    assert colleague_api.post(URL, sent(), format="multipart").status_code == 403
    assert nothing_kept()
    draft = certificate_create(seller=owner.seller, status=CertificateStatus.DRAFT)
    one = f"{URL}/{draft.pk}"
    assert colleague_api.get(one).status_code == 200
    assert colleague_api.post(f"{one}/submit").status_code == 403
    for call in (stranger_api.get, stranger_api.put, stranger_api.delete):
        assert call(one).status_code == 404
    assert stranger_api.post(f"{one}/submit").status_code == 404
    assert stranger_api.post(f"{one}/take-back").status_code == 404
    assert stranger_api.get(URL).json()["results"] == []
    mine = product_create(seller=owner.seller)
    foreign = stranger_api.post(URL, sent(products=mine.product_id), format="multipart")
    unknown = stranger_api.post(URL, sent(products="P-0"), format="multipart")
    assert names(foreign) == names(unknown) == ["products"]
    first, second = (one.json()["errors"][0]["message"] for one in (foreign, unknown))
    assert first.replace(mine.product_id, "P-0") == second


def test_a_change_replaces_fields_and_keeps_files_unless_new_ones_come(
    owner_api: APIClient, owner: Member
) -> None:
    product = product_create(seller=owner.seller)
    made = owner_api.post(URL, sent(products=product.product_id), format="multipart").json()
    assert (made["products"], made["covers_all"]) == ([product.product_id], False)
    one = f"{URL}/{made['id']}"
    fields = sent(number="DE1234567890123")
    fields.pop("files")
    changed = owner_api.put(one, fields, format="multipart", headers={"If-Match": '"1"'})
    assert changed.status_code == 200
    row = changed.json()
    assert (row["number"], row["products"], row["covers_all"]) == ("DE1234567890123", [], True)
    assert (row["files"], row["version"], changed["ETag"]) == (made["files"], 2, '"2"')
    stale = owner_api.put(one, fields, format="multipart", headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale")
    replaced = owner_api.put(one, sent(), format="multipart").json()
    assert len(replaced["files"]) == 1 != made["files"][0]["sha256"]
    assert replaced["files"] != made["files"]


def test_the_list_narrows_by_what_is_shown(owner_api: APIClient, owner: Member) -> None:
    now = platform_time.now()
    shop = owner.seller
    live = certificate_create(seller=shop, valid_until=now + timedelta(seconds=1))
    over = certificate_create(seller=shop, valid_until=now)
    rejected = certificate_create(
        seller=shop,
        status=CertificateStatus.REJECTED,
        country="FR",
        category="textile",
        reason_code="illegible",
        reason_en="We cannot read it.",
        reason_zh="看不清",
    )
    licence = certificate_create(seller=shop, type="patent", country="", category="")

    def listed(**query: str) -> list[int]:
        return [row["id"] for row in owner_api.get(URL, query).json()["results"]]

    assert listed(status="verified") == [licence.pk, live.pk]
    assert listed(status="expired") == [over.pk]
    assert listed(country="fr", category="textile") == [rejected.pk]
    assert listed(type="patent") == [licence.pk]
    [row] = owner_api.get(URL, {"status": "rejected"}).json()["results"]
    assert row["reason"] == {"code": "illegible", "text": "We cannot read it."}
    assert owner_api.get(f"{URL}/{licence.pk}").json()["country"] is None
    for wrong in ({"status": "lost"}, {"type": "x"}, {"country": "XX"}, {"category": "x"}):
        assert owner_api.get(URL, wrong).status_code == 400
    first = owner_api.get(URL, {"page_size": 3}).json()
    rest = owner_api.get(first["next"]).json()
    assert len(first["results"]) == 3
    assert len(rest["results"]) == 1 != rest["next"]
    assert rest["next"] is None


def test_the_list_asks_as_many_queries_for_many_as_for_few(
    owner_api: APIClient, owner: Member, django_assert_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    certificate_create(seller=owner.seller)
    with CaptureQueriesContext(
        connection,
    ) as few:
        owner_api.get(URL)
    product = product_create(seller=owner.seller)
    for _ in range(9):
        certificate_create(seller=owner.seller, products=[product])
    with django_assert_num_queries(len(few)):
        assert len(owner_api.get(URL).json()["results"]) == 10


@pytest.mark.rule("API-1")
def test_a_repeated_upload_is_one_certificate(owner_api: APIClient) -> None:
    first = upload()
    content = first.read()

    def post() -> Any:
        document = upload()
        document.file.seek(0)
        document.file.truncate()
        document.file.write(content)
        document.file.seek(0)
        fields = sent(files=[document])
        return owner_api.post(
            URL, fields, format="multipart", headers={"Idempotency-Key": "upload-1"}
        )

    one, two = post(), post()
    assert (one.status_code, two.status_code) == (201, 201)
    assert one.json() == two.json()
    assert two["Idempotent-Replayed"] == "true"
    with unscoped():
        assert Certificate.objects.count() == StoredFile.objects.count() == 1
