"""What is sent may name rows of the sender's shop alone, in whatever field: a foreign one is told and done
nothing that one nobody has is not (K-8, Q-6).

Every form that links lead to, and every call that takes a body, is sent with values of the other shop in each
field that names something of a shop.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from pytest_django import DjangoDbBlocker

from tests.api.aims import Aims, body_of, prepare
from tests.api.driver import of_shops, operation_name, schema_of
from tests.api.world import World
from tests.isolation.probes import crossed, probes, same
from tests.isolation.walk import Crawl, Form, browser, plain, undone
from tests.isolation.walk import body_of as content_of

pytestmark = [
    pytest.mark.django_db, pytest.mark.rule("K-8", "Q-6"), pytest.mark.once, pytest.mark.long,
]  # fmt: skip

NAMING = {
    "products": ("product",), "product_found": ("product",), "ids": ("product",),
    "product_id": ("product",), "product_ids": ("product",),
    "certificate": ("certificate",), "registration": ("certificate",),
    "enrolment": ("enrolment",), "kept_file": ("file",), "kept_invoice": ("file",),
    "remove_file": ("file",), "files": ("file",), "owner": ("member", "username"),
    "shipping_template": ("shipping",), "template": ("template",), "quote": ("quote",),
    "seller": ("shop",), "query": ("text",), "filter": ("text",), "seen": ("text",),
    "product_q": ("text", "product"), "confirm": ("certificate",), "replaces": ("certificate",),
    "order_id": ("order",), "order": ("order",),
}  # fmt: skip
"""Field → what of a shop it names."""
ELSEWHERE = {
    "username": "names of accounts are one space for all: `taken`, without telling whose",
    "token": "of the form itself, kept by shop (tests/compliance/test_certificate_form.py)",
    "new_id": "made by the portal, 72 random bits; one that is taken is refused without telling whose",
    "rfq_id": "RFQs are every shop's", "theme_id": "themes are every shop's",
    "theme": "themes are every shop's",
    "product": "what a product would be, to be checked; not one that is",
    "find_products": "a button", "save_template": "a button", "use_template": "a button",
}  # fmt: skip
TOLD = {("listings_products_create", "product_id")}
"""Ids a program may choose are one space for all: 409 for one that is taken, whoever has it (decision 37)."""
BUTTONS = (None, "save", "submit", "add_products", "use_template", "send", "find_products")
NAMES = re.compile(
    r"(^|_)(ids?|products?|owner|template|certificate|quote|order|member|seller|files?|enrolment|token)$"
)
"""What a field that names something of a shop is called; others hold words, numbers and choices."""


@pytest.fixture(scope="module")
def forms(world: World, django_db_blocker: DjangoDbBlocker) -> list[Form]:
    """Every form with POST that the owner of shop A meets."""
    with django_db_blocker.unblock():
        crawl = Crawl(world.people["owner"].user, ["/"])
    return [one for one in crawl.forms.values() if one.method == "post" and one.view]


def fields_of(form: Form) -> set[str]:
    """Return the names of a form's fields, the token apart."""
    return (set(form.fields) | set(form.offered)) - {"csrfmiddlewaretoken"}


def test_every_field_that_names_something_is_known(forms: list[Form], world: World) -> None:
    names = {name for form in forms for name in fields_of(form)} | set(body_fields(world))
    unknown = {name for name in names if NAMES.search(name)} - set(NAMING) - set(ELSEWHERE)
    assert not unknown, f"say in NAMING or ELSEWHERE what {sorted(unknown)} name"
    assert len(forms) > 50


def differs(answers: list[tuple[int, str, str]]) -> str:
    """Return how two answers differ; nothing when they are the same."""
    if answers[0] == answers[1]:
        return ""
    lines = difflib.unified_diff(*(one[2].splitlines() for one in answers), n=0)
    return f"{[one[:2] for one in answers]} {' | '.join(list(lines)[3:8])[:400]}"


def test_a_form_does_and_tells_nothing_of_another_shop(world: World, forms: list[Form]) -> None:
    client, told, sent = browser(world.people["owner"].user), [], 0
    cookies = client.cookies.output(header="", sep=";")
    before = world.fingerprint("B")
    tried = Counter[tuple[str, ...]]()
    for form in forms:
        for name, kind in naming(fields_of(form)):
            tried[form.view, name, kind] += 1
            if tried[form.view, name, kind] > 2:
                continue
            for button in [one for one in BUTTONS if one is None or one in fields_of(form)]:
                for foreign, missing in probes(world, kind):
                    answers = []
                    for value in (foreign, missing):
                        client.cookies = SimpleCookie(cookies)  # messages travel in them
                        with undone():
                            data = {**form.fields, name: [value]}
                            if button:
                                data[button] = form.offered.get(button) or ["1"]
                            answer: Any = client.post(form.action, data, follow=True)
                            text = same(plain(content_of(answer)), foreign, missing)
                            way = same(str(answer.redirect_chain), foreign, missing)
                            answers.append((answer.status_code, way, text))
                            if value == foreign and world.fingerprint("B") != before:
                                told.append(f"{form.view} {name}={foreign} changed the other shop")
                            if crossing := crossed(world, kind):
                                told.append(f"{form.view} {name}={value}: {crossing}")
                    sent += 1
                    if how := differs(answers):
                        told.append(f"{form.view} {name}={foreign}/{missing} {button}: {how}")
                    if answers[0][0] >= 500:
                        told.append(f"{form.view} {name}={foreign}: {answers[0][0]}")
    assert not told, "\n".join(told)
    assert sent > 40


def naming(names: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the fields among some that name something of a shop, with what."""
    for name in sorted(names & set(NAMING)):
        for kind in NAMING[name]:
            yield name, kind


# --- Calls --------------------------------------------------------------------------------------


def calls(world: World) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield the operations of shops that take JSON, with the properties of their bodies."""
    schema = schema_of(world.people["owner"])
    parts = schema.raw_schema["components"]["schemas"]
    for found in schema.get_all_operations():
        one = found.ok()
        given = one.definition.raw.get("requestBody", {}).get("content", {})
        shape = given.get("application/json", {}).get("schema")
        if shape and of_shops(one):
            yield one, properties(shape, parts)


def properties(shape: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    """Return name → schema of a body's properties."""
    if "$ref" in shape:
        shape = parts[shape["$ref"].rpartition("/")[2]]
    found = dict(shape.get("properties", {}))
    for key in ("allOf", "oneOf", "anyOf"):
        for each in shape.get(key, ()):
            found |= properties(each, parts)
    return found


def body_fields(world: World) -> list[str]:
    """Return the names of everything that bodies of calls hold."""
    return [name for _one, held in calls(world) for name in held]


def test_a_call_does_and_tells_nothing_of_another_shop(world: World) -> None:
    person = world.people["owner"]
    client, aims = Client(raise_request_exception=False, headers=person.headers), Aims(world)
    before, told, sent = world.fingerprint("B"), [], 0
    for one, held in calls(world):
        name = operation_name(one)
        path = one.path.format(**(aims.own(one.path, "A") or [{}])[0])
        for field, kind in naming(set(held)):
            for foreign, missing in probes(world, kind):
                answers = []
                for value in (foreign, missing):
                    with undone():
                        prepare(name, world, "A")
                        base = body_of(name, world, "A") or {}
                        body = {**base, field: _shaped(value, held[field], base.get(field))}
                        content, content_type = written(body)
                        answer = client.generic(
                            one.method.upper(), path, content, content_type=content_type
                        )
                        text = same(plain(answer.content), foreign, missing)
                        answers.append((answer.status_code, "", text))
                        if value == foreign and world.fingerprint("B") != before:
                            told.append(f"{name} {field}={foreign} changed the other shop")
                        if crossing := crossed(world, kind):
                            told.append(f"{name} {field}={value}: {crossing}")
                sent += 1
                how = differs(answers)
                if bool(how) != ((name, field) in TOLD):
                    told.append(f"{name} {field}={foreign}/{missing}: {how or 'the same'}")
    assert not told, "\n".join(told)
    assert sent > 10


def written(body: dict[str, Any]) -> tuple[Any, str]:
    """Return a body as it travels, and its type: bytes are files."""
    if not any(
        isinstance(one, list) and one and isinstance(one[0], bytes) for one in body.values()
    ):
        return json.dumps(body), "application/json"
    data = {
        name: [SimpleUploadedFile("a.pdf", one) if isinstance(one, bytes) else one for one in value]
        if isinstance(value, list)
        else value
        for name, value in body.items()
    }
    return encode_multipart(BOUNDARY, data), MULTIPART_CONTENT


def _shaped(value: str, shape: dict[str, Any], own: Any) -> Any:
    """Return a value as the body wants it: a list of it, a number, or as it is."""
    if shape.get("type") == "array" or isinstance(own, list):
        return [value]
    wants_number = shape.get("type") == "integer" or isinstance(own, int)
    return int(value) if wants_number and value.isdecimal() else value
