"""Whatever is sent as a certificate, the answer is a draft or a 400 that names fields (EPR-4, EPR-6)."""

from __future__ import annotations

import json
import random
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

import compliance
from compliance.api.certificate_serializers import SENT_LISTS, SENT_TEXTS, fields_sent
from compliance.certificates.fields import checked_fields
from compliance.epr.schema import EprRules
from compliance.models import Certificate
from portal.models import StoredFile
from portal.scoping import unscoped
from tests.compliance.world import upload

pytestmark = pytest.mark.rule("EPR-4", "EPR-6")
TABLE = Path(compliance.__file__).parent / "rulebooks/epr/2022.toml"
RULES = EprRules.model_validate(tomllib.loads(TABLE.read_text())["content"])
GOOD: dict[str, Any] = {
    "type": "epr",
    "entity_name": "Suzhou",
    "company_name": "Suzhou",
    "country": "DE",
    "category": "packaging",
    "number": "DE2755553072093",
    "issued_on": "2022-05-01",
    "own": True,
    "declaration": True,
}
WEIRD: list[Any] = [
    *(
        "",
        " ",
        "\0",
        "\ud800",
        "x" * 5_000,
        "包" * 1_025,
        "\r\n",
        "a|b||c",
        "|",
        "٣",
        "𝟙",
        "ﷺ" * 79,
    ),
    *(
        "null",
        "NaN",
        "-1",
        "1e999",
        "0",
        "2022-02-30",
        "9999-12-31",
        "0001-01-01",
        "2022-05-01T00:00",
    ),
    *("'; DROP TABLE", "<script>", "../..", "%00", "DE", "FR006076_05NNP3", "DE١٢٣٤٥٦٧٨", "epr"),
    *(None, True, False, 0, -1, 10**40, 1.5, float("inf"), [], {}, [[]], [None], {"a": 1}, ["\0"]),
    *([1, 2], ["x"] * 600, [{"a": "b"}], ["DE", "FR"], {"getlist": 1}),
]


def mangled(chance: random.Random) -> dict[str, Any]:
    fields = dict(GOOD)
    for name in chance.sample([*SENT_TEXTS, *SENT_LISTS], chance.randint(1, 4)):
        fields[name] = chance.choice(WEIRD)
    if chance.random() < 0.3:
        fields.pop(chance.choice(list(fields)))
    return fields


def test_no_value_of_any_field_breaks_the_check() -> None:
    chance = random.Random(20220701)
    fine = 0
    for _ in range(5_000):
        fields = mangled(chance)
        checked, problems = checked_fields(fields_sent(fields), rules=RULES, today=date(2022, 8, 3))
        assert all(text and name in {*SENT_TEXTS, *SENT_LISTS} for name, text in problems), fields
        assert checked is not None or problems
        fine += not problems
    assert 0 < fine < 2_500


@pytest.mark.django_db
def test_malformed_uploads_over_the_api(
    owner_api: APIClient, clock: Any, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    chance = random.Random(20221227)
    made = 0
    for number in range(150):
        fields = mangled(chance)
        if number % 2:
            # No client can write half a character into a form, nor infinity into JSON.
            plain = {
                name: value
                for name, value in fields.items()
                if isinstance(value, str) and value != "\ud800"
            }
            good = upload().read()
            content = chance.choice([good, good[: chance.randrange(len(good))], b"", b"%PDF-1.4"])
            plain["files"] = [SimpleUploadedFile("a\0.pdf", content)]
            plain["own"] = plain["declaration"] = "true"
            answer = owner_api.post("/api/v1/compliance/certificates", plain, format="multipart")
        else:
            sent = {name: value for name, value in fields.items() if value != float("inf")}
            answer = owner_api.post(
                "/api/v1/compliance/certificates",
                json.dumps(sent),  # escapes half characters, as hostile clients do
                content_type="application/json",
            )
        assert answer.status_code in (201, 400), (answer.status_code, fields)
        if answer.status_code == 400:
            body = answer.json()
            assert body.get("errors") or body["code"] == "parse_error", body
        made += answer.status_code == 201
    with unscoped():
        assert Certificate.objects.count() == StoredFile.objects.count() == made > 0
