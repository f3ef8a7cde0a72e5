"""What no schema would generate, sent to every operation: never a failure of ours, always a problem (API-2).

Half characters, NUL, numbers beyond any column, cursors of other lists, bodies that are none. The number
per operation follows `SCHEMATHESIS_EXAMPLES`.
"""

from __future__ import annotations

import base64
import copy
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client

from tests.api.aims import Aims, body_of, prepare
from tests.api.driver import EXAMPLES, JSON, of_shops, operation_name, schema_of
from tests.api.world import Person, World

pytestmark = [pytest.mark.django_db, pytest.mark.rule("API-2"), pytest.mark.once]

CALLS = 10 * EXAMPLES
"""Odd calls per operation and person."""
HALF = "%ED%A0%80"
"""A surrogate as bytes: no valid UTF-8."""


def cursor(plain: Any) -> str:
    """Write a cursor as lists over several columns do."""
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


TEXTS = (
    "%00", HALF, "%F0%9F%98%80", "9" * 400, "-1", "1e400", "NaN", "%2e%2e", "'", "x" * 3000,
    "%E2%80%AE", "9999-12-31", "0001-01-01", "2022-02-30", str(2**63), "null", "%0A",
)  # fmt: skip
"""Texts for addresses and parameters, as they are sent."""
CURSORS = (
    "x", "cD0tMQ==", "cj0xJnA9JTAw", "bz05OTk5OTk5OTk5OTk5OTk5OQ==", cursor([]), cursor({"a": 1}),
    *(cursor([value] * length) for length in (1, 2, 3)
      for value in (None, 2**70, -1, "\x00", True, 1.5, {"day": "9999-12-31"}, {"at": "x"},
                    {"at": "9999-12-31T23:59:59Z"}, {"at": "0001-01-01T00:00:00+23:59"}, [[]])),
)  # fmt: skip
LEAVES: tuple[Any, ...] = (
    "\ud800", "a\x00b", 10**30, -(2**63) - 1, "9" * 4400, 1e308, -0.0, True, None, [], {}, [[]],
    {"": ""}, "x" * 70_000, "\u202e", "0001-01-01", "9999-12-31T23:59:59+14:00", "1e400", "٣",
)  # fmt: skip
BODIES: tuple[tuple[bytes, str], ...] = (
    *((body, JSON) for body in (
        b"", b"null", b"[]", b'"x"', b"1e999", b"NaN", b"{", b"\xff\xfe{}", b"[" * 5000, b"true",
        b'{"": null}', b'{"a": 1, "a": 2}', b"9" * 5000,
    )),
    (b"{}", "text/xml"), (b"{}", "application/json; charset=utf-16"), (b"{}", ""),
    (b"{}", "application/json; charset=nonsense"), (b"a=1", "multipart/form-data"),
    (b"--x\r\n\r\n", "multipart/form-data; boundary=x"), (b"", "multipart/form-data; boundary="),
    (b"a=%ED%A0%80", "application/x-www-form-urlencoded"),
)  # fmt: skip
ACCEPTS = (
    "text/csv",
    ";",
    "application/json;q=x",
    "*/*;version=\u00e9",
    "x" * 300,
    "image/*, */*;q=0",
)


@dataclass
class Odd:
    """One call."""

    path: str
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


def odd_calls(operation: Any, ids: list[dict[str, Any]], body: Any) -> Iterator[Odd]:
    """Yield everything odd that an operation can be asked."""
    path = operation.path.format(**ids[0]) if ids else operation.path
    written = json.dumps(body).encode() if operation.body else b""
    for name in ids[0] if ids else ():
        for text in TEXTS:
            odd = operation.path.format(**{**ids[0], name: text})
            yield Odd(odd, written)
    for parameter in operation.query:
        for text in CURSORS if parameter.name == "cursor" else TEXTS:
            yield Odd(f"{path}?{parameter.name}={text}", written)
    yield Odd(f"{path}?{HALF}={HALF}", written)
    for accept in ACCEPTS:
        yield Odd(path, written, headers={"Accept": accept})
    for key in ("", "x" * 129, "\u00e9", "a\tb"):
        yield Odd(path, written, headers={"Idempotency-Key": key, "If-Match": key})
        yield Odd(path, written, headers={"X-Seller": key})
    if operation.method in ("post", "put", "patch"):
        for odd_body, content_type in BODIES:
            yield Odd(path, odd_body, content_type)
        for place in _places(body):
            for leaf in LEAVES:
                yield Odd(path, json.dumps(_with(body, place, leaf)).encode())


def _places(body: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = (
        body.items()
        if isinstance(body, dict)
        else enumerate(body if isinstance(body, list) else ())
    )
    for key, value in inside:
        yield (*above, key)
        yield from _places(value, (*above, key))


def _with(body: Any, place: tuple[Any, ...], leaf: Any) -> Any:
    changed = copy.deepcopy(body)
    inside = changed
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = leaf
    return changed


@pytest.mark.parametrize("name", ["owner", "service"])
def test_nothing_odd_is_a_failure_of_ours(world: World, name: str) -> None:
    person = world.people[name]
    client = Client(raise_request_exception=False)
    problems: list[str] = []
    calls = 0
    for found in schema_of(person).get_all_operations():
        operation = found.ok()
        if of_shops(operation) != bool(person.side):
            continue
        chance = random.Random(f"{name} {operation_name(operation)}")
        prepare(operation_name(operation), world, person.side)
        ids = Aims(world).own(operation.path, person.side or "A")
        body = body_of(operation_name(operation), world, person.side)
        if _has_bytes(body):
            body = {key: value for key, value in body.items() if not _has_bytes({key: value})}
        every = list(odd_calls(operation, ids, body))
        for odd in chance.sample(every, min(len(every), CALLS)):
            calls += 1
            problems += wrong_with(client, person, operation, odd)
    print(f"\n{name}: {calls} odd calls")
    assert not problems, "\n".join(problems[:30])


def _has_bytes(body: Any) -> bool:
    return isinstance(body, dict) and any(
        isinstance(value, list) and value and isinstance(value[0], bytes) for value in body.values()
    )


def wrong_with(client: Client, person: Person, operation: Any, odd: Odd) -> list[str]:
    """Call, undo what it did, and return what is wrong with the answer."""
    with transaction.atomic():
        answer = client.generic(
            operation.method.upper(), quote(odd.path, safe="%/?&=:;,.'-_~"), odd.body,
            content_type=odd.content_type, headers={**odd.headers, **person.headers},
        )  # fmt: skip
        content = answer.getvalue()
        transaction.set_rollback(True)
    what = f"{operation_name(operation)} {odd.path[:200]} {odd.body[:200]!r} {odd.content_type} {odd.headers}"
    if answer.status_code >= 500:
        return [f"{answer.status_code} {what}"]
    documented = set(operation.definition.raw["responses"])
    # An odd address may be none of this operation's.
    if str(answer.status_code) not in documented | {"404", "405"}:
        return [f"undocumented {answer.status_code} {what}"]
    if answer.status_code >= 400:
        is_problem = answer["Content-Type"] == "application/problem+json"
        if not is_problem or not json.loads(content).get("code"):
            return [f"no problem {answer.status_code} {answer['Content-Type']} {what}"]
    return []
