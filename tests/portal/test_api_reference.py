"""The reference says of every operation what the schema says, on pages that need no script (API-1)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.api import reference
from portal.api.schema import KeptSchemaGenerator
from portal.templatetags.api_reference import code_words

pytestmark = [pytest.mark.django_db, pytest.mark.rule("API-1", "UI-5")]


@pytest.fixture(scope="module")
def schema() -> Any:
    return KeptSchemaGenerator().get_schema(public=True)


def page(client: Client, key: str) -> str:
    return client.get(reverse("portal:api-operation", args=[key])).content.decode()


def test_every_operation_is_listed_once_and_all_it_names_is_shown(schema: Any) -> None:
    found = reference.operations(schema)
    paths = schema["paths"].values()
    assert len(found) == sum(method in item for item in paths for method in reference.METHODS)
    assert len({one.key for one in found}) == len(found) > 100
    for one in found:
        assert one.title, one.key
        sent = [*reference.bodies(schema, one), *reference.answers(schema, one)]
        shown = reference.shapes(schema, [name for body in sent for name in body.shapes])
        names = [shape.name for shape in shown]
        assert len(set(names)) == len(names)
        assert {name for shape in shown for row in shape.fields for name in row.shapes} <= set(
            names
        )
        assert not [body for body in sent if body.media.endswith("json") and not body.kind], one.key


@pytest.mark.parametrize(
    ("source", "kind", "shapes"),
    [
        ({"type": "integer"}, "integer", ()),
        ({"type": ["string", "null"], "format": "date"}, "string (date) | null", ()),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Row"}}, "Row[]", ("Row",)),
        ({"type": "array", "items": {"enum": ["a", 1]}}, "(a | 1)[]", ()),
        ({"allOf": [{"$ref": "#/components/schemas/Grade"}]}, "gold | silver", ()),
        ({"oneOf": [{"$ref": "#/components/schemas/Row"}, {"type": "null"}]}, "Row | null", ("Row",)),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "{[name]: number}", ()),
        ({"type": "object", "properties": {"n": {"type": "number"}}}, "{n: number}", ()),
        ({}, "any", ()),
    ],
)  # fmt: skip
def test_types_are_written_as_programs_write_them(
    source: dict[str, Any], kind: str, shapes: tuple[str, ...]
) -> None:
    schemas = {"Row": {"properties": {"x": source}}, "Grade": {"enum": ["gold", "silver"]}}
    (row,) = reference.shapes({"components": {"schemas": schemas}}, ["Row"])
    assert [(field.kind, field.shapes) for field in row.fields] == [(kind, shapes)]


def test_a_page_shows_what_a_call_takes_and_answers(owner_client: Client) -> None:
    text = page(owner_client, "rfq_quotes_pin_create")
    assert "POST /api/v1/rfq/quotes/{id}/pin" in text
    assert re.search(r"<code>Idempotency-Key</code>.*header", text)
    assert "<code>pins_taken</code>" in text
    assert re.search(r'href="#Pinned".*id="Pinned"', text, re.DOTALL)
    # What has to be there comes before what may.
    assert text.index("<code>id</code>") < text.index("<code>X-Seller</code>")


def test_the_list_leads_to_every_call_and_scripts_are_not_needed(
    owner_client: Client, schema: Any
) -> None:
    text = owner_client.get(reverse("portal:api-reference")).content.decode()
    for operation in reference.operations(schema):
        assert f'href="{reverse("portal:api-operation", args=[operation.key])}"' in text
    assert "swagger" not in text


def test_people_who_are_signed_in_may_read_it(staff_client: Client, client: Client) -> None:
    page = staff_client.get(reverse("portal:api-reference"))
    assert page.status_code == 200
    assert f'href="{reverse("api:docs")}"' in page.content.decode()
    assert staff_client.get(reverse("portal:api-operation", args=["none"])).status_code == 404
    assert client.get(reverse("portal:api-reference")).status_code == 302


def test_the_page_to_try_calls_out_asks_people_to_sign_in(
    staff_client: Client, client: Client
) -> None:
    docs = reverse("api:docs")
    assert staff_client.get(docs).status_code == 200
    assert client.get(docs).status_code == 401, "a program is told so"
    answer = client.get(docs, headers={"accept": "text/html,*/*;q=0.8"})
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{reverse('account_login')}?next={docs}"


def test_texts_are_escaped_before_code_is_marked() -> None:
    assert code_words("`<b>` & x") == "<code>&lt;b&gt;</code> &amp; x"
