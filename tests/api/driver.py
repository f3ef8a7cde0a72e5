"""Schemathesis in process: every operation as one person, each call checked against the schema."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase
from schemathesis.checks import load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.case import Case
from schemathesis.generation.drivers import CoverageGenerator
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.generation.hypothesis.builder import (
    HypothesisTestConfig,
    HypothesisTestMode,
    create_test,
)
from schemathesis.generation.overrides import Override
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks as openapi_checks
from schemathesis.specs.openapi.checks import AcceptedNegativeData

from portal.services.people import SELLER_HEADER
from tests.api.aims import Aims, body_of, prepare
from tests.api.world import Person, World

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "1"))
"""Random cases per operation and person."""
EDGES = 4 * EXAMPLES
"""Cases at the edges of the schema per operation and person: its limits, types, formats, methods."""
PATH = ParameterLocation.PATH
JSON, MULTIPART = "application/json", "multipart/form-data"
SAFE = ("get", "head", "options")


@dataclass
class Report:
    """What became of the calls."""

    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    others: Counter[int] = field(default_factory=Counter)
    """Answers to methods the schema does not name."""
    problems: dict[tuple[str, str], str] = field(default_factory=dict)
    codes: set[str] = field(default_factory=set)

    def complain(self, operation: str, what: str, details: str = "") -> None:
        """Note a defect; the first of its kind is told in full."""
        self.problems.setdefault((operation, what), details)

    def reached(self) -> set[str]:
        """Return the operations that answered 2xx at least once."""
        return {
            name
            for name, counts in self.statuses.items()
            if any(200 <= status < 300 for status in counts)
        }

    def calls(self) -> int:
        """Return how many calls were made."""
        named = sum(sum(counts.values()) for counts in self.statuses.values())
        return named + sum(self.others.values())

    def table(self) -> str:
        """Return a line per operation: how often it answered what."""
        return "\n".join(
            f"{name:<52}" + " ".join(f"{status}:{counts[status]}" for status in sorted(counts))
            for name, counts in sorted(self.statuses.items())
        )

    def text(self) -> str:
        """Return every defect with what shows it."""
        return "\n\n".join(
            f"{operation}: {what}\n{details}"
            for (operation, what), details in self.problems.items()
        )


# --- The application ----------------------------------------------------------------------------


class App:
    """The portal as a WSGI application that stays in the test's transaction."""

    def __init__(self) -> None:
        self._handler = WSGIHandler()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer one request; connections stay open, as they are the test's."""
        # Schemathesis asks for gzip, and in process does not unpack it.
        environ.pop("HTTP_ACCEPT_ENCODING", None)
        request_started.disconnect(close_old_connections)
        request_finished.disconnect(close_old_connections)
        try:
            return self._handler(environ, start_response)
        finally:
            request_started.connect(close_old_connections)
            request_finished.connect(close_old_connections)


def schema_of(person: Person) -> Any:
    """Load the schema the portal serves, from the portal."""
    load_all_checks()
    config = SchemathesisConfig(seed=1)
    config.projects.default.generation.with_security_parameters = False
    headers = {**person.headers, "Accept": "application/json"}
    return schemathesis.openapi.from_wsgi("/api/v1/schema", App(), config=config, headers=headers)


CHECKS = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.negative_data_rejection,
    openapi_checks.unsupported_method,
    openapi_checks.allow_header_conformance,
]


# --- Calls --------------------------------------------------------------------------------------


class Walk:
    """All operations as one person: what each answers, and whether the other shop shows or changes."""

    def __init__(self, person: Person, world: World, schema: Any) -> None:
        self.person, self.world, self.schema = person, world, schema
        self.aims, self.report = Aims(world), Report()
        other = world.other(person.side) if person.side else ""
        self.secrets = world.secrets(other) if other else set()
        self.before = world.fingerprint(other) if other else {}

    def run(self, operations: Iterable[APIOperation]) -> Report:
        """Call each operation, undoing what it did after looking at the other shop."""
        for operation in operations:
            with transaction.atomic():
                prepare(operation_name(operation), self.world, self.person.side)
                self._deep(operation)
                self._foreign(operation)
                self._edges(operation)
                self._compare(operation)
                transaction.set_rollback(True)
        return self.report

    def _compare(self, operation: APIOperation) -> None:
        """See that no row of the other shop is another than before."""
        if not self.before or operation.method in SAFE:
            return
        after = self.world.fingerprint(self.world.other(self.person.side))
        changed = [name for name, digest in after.items() if digest != self.before[name]]
        if changed:
            self.report.complain(
                operation_name(operation), f"changed the other shop's rows: {changed}"
            )

    # --- Kinds of calls ---

    def _deep(self, operation: APIOperation) -> None:
        """Call with the shop's own ids and a body that is taken, until something answers 2xx."""
        body = body_of(operation_name(operation), self.world, self.person.side)
        for ids in self.aims.own(operation.path, self.person.side or "A") or [{}]:
            case = self._case(operation, ids, body)
            with transaction.atomic():
                status = self.call(case, [*CHECKS, openapi_checks.ignored_auth])
                if not 200 <= status < 300:
                    continue
            return

    def _foreign(self, operation: APIOperation) -> None:
        """Call with the ids of the other shop: nothing is there."""
        if not self.person.side:
            return
        body = body_of(operation_name(operation), self.world, self.person.side)
        for ids in self.aims.foreign(operation.path, self.person.side)[:3]:
            status = self.call(self._case(operation, ids, body))
            if status not in (403, 404):
                self.report.complain(
                    operation_name(operation), f"a foreign id answers {status}", str(ids)
                )

    def _edges(self, operation: APIOperation) -> None:
        """Call with what Schemathesis makes of the schema, half of it aimed at real ids."""

        def call(case: Case) -> None:
            self.call(self._aimed(case))

        for case in self._at_the_edges(operation):
            call(case)
        config = HypothesisTestConfig(
            project=self.schema.config,
            modes=[HypothesisTestMode.EXAMPLES, HypothesisTestMode.FUZZING],
            settings=hypothesis.settings(
                max_examples=EXAMPLES,
                database=None,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.explicit, Phase.generate],
            ),
        )
        create_test(operation=operation, test_func=call, config=config)()

    def _at_the_edges(self, operation: APIOperation) -> list[Case]:
        """Return cases at the edges of the schema, valid and not; a sample of them in a small run."""
        generation = self.schema.config.generation_for(operation=operation, phase="coverage")
        cases = list(
            CoverageGenerator(
                operation=operation,
                generation_modes=generation.modes,
                generation_config=generation,
                auth_storage=None,
                override=Override(),
                feedback=NO_FEEDBACK,
                hooks=None,
            )
        )
        chance = random.Random(f"{self.person.name} {operation_name(operation)}")
        return chance.sample(cases, min(len(cases), EDGES))

    def _case(self, operation: APIOperation, ids: dict[str, Any], body: Any) -> Case:
        parts: dict[str, Any] = {"path_parameters": dict(ids)}
        types = [one.media_type for one in operation.body]
        if types:
            files = any(
                isinstance(one, list) and isinstance(one[0], bytes)
                for one in (body or {}).values()
                if one
            )
            parts |= {"body": body, "media_type": MULTIPART if files or JSON not in types else JSON}
        return operation.Case(**parts)

    def _aimed(self, case: Case) -> Case:
        """Give a case real path parameters two times in three, chosen by what else it says."""
        ids = self.aims.own(case.operation.path, self.person.side or "A")
        ids = ids + self.aims.foreign(case.operation.path, self.person.side or "A")
        number = int(hashlib.sha256(repr((case.query, case.body)).encode()).hexdigest()[:8], 16)
        if self.person.side and SELLER_HEADER in (case.headers or {}) and number % 3:
            case.headers[SELLER_HEADER] = self.world.shops[self.person.side].member_id
        if ids and number % 3 and case.path_parameters:
            chosen = dict(ids[number % len(ids)])
            negative = case.meta is not None and case.meta.is_negative_at(PATH)
            if not negative:
                case.path_parameters = {**case.path_parameters, **chosen}
        return case

    # --- One call ---

    def call(self, case: Case, checks: list[Any] = CHECKS) -> int:
        """Call, check the answer, and note what is wrong; return the status."""
        name = operation_name(case.operation)
        headers = dict(self.person.headers)
        response = case.call(headers=headers)
        status = response.status_code
        if response.request.method == case.operation.method.upper():
            self.report.statuses[name][status] += 1
        else:
            self.report.others[status] += 1
        try:
            case.validate_response(response, checks, headers=headers)
        except FailureGroup as group:
            for failure in group.exceptions:
                if isinstance(failure, AcceptedNegativeData) and _is_lenient(case, str(failure)):
                    continue
                what = f"{type(failure).__name__} ({status}) {_component(failure)}"
                self.report.complain(name, what, f"{failure}\n{_shown(case, response)}")
        self._look(name, case, response)
        return status

    def _look(self, name: str, case: Case, response: Any) -> None:
        """See that nothing of the other shop is in the answer, and that errors are problems."""
        text = response.content.decode("utf-8", "replace")
        for secret in self.secrets:
            if secret in text and secret not in _sent(case):
                self.report.complain(name, "tells of the other shop", f"{secret} in {text[:500]}")
        if response.status_code >= 400 and case.method.upper() != "HEAD":
            try:
                body = json.loads(text)
                code, title = body["code"], body["title"]
                self.report.codes.add(code)
                fine = body["status"] == response.status_code and code and title
            except (ValueError, KeyError, TypeError):
                fine = False
            if not fine:
                self.report.complain(name, f"{response.status_code} is no problem", text[:500])


def operation_name(operation: APIOperation) -> str:
    """Return the id of an operation."""
    return str(operation.definition.raw["operationId"])


def of_shops(operation: APIOperation) -> bool:
    """Tell whether an operation is about the caller's shop; the others are for staff."""
    return any(one.name == SELLER_HEADER for one in operation.headers)


def _sent(case: Case) -> str:
    return repr((case.path_parameters, case.query, case.body, case.headers))


def _is_lenient(case: Case, failure: str) -> bool:
    """Tell what the schema's description allows: empty parameters, and numbers as text in bodies."""
    if any(value in ("", [""]) for value in (case.query or {}).values()):
        return True
    if "in body" not in failure or "Incorrect type" not in failure:
        return False
    place = failure.rpartition("in body - ")[2].rpartition(":")[0].split(" -> ")
    value: Any = case.body
    for name in place:
        value = value.get(name) if isinstance(value, dict) else None
    return isinstance(value, (str, int, float))


def _component(failure: Any) -> str:
    """Return which input a failure is about, if any."""
    return (
        str(failure).rpartition("Invalid component: ")[2][:90]
        if "component:" in str(failure)
        else ""
    )


def _shown(case: Case, response: Any) -> str:
    return f"{case.as_curl_command()[:1500]}\n→ {response.status_code} {response.text[:600]}"
