"""Runs `tests/scenarios/*.yaml`: stories a non-programmer can read (Q-3).

A file is a list of `stories`. Each has a `title`, the `rules` it shows, a `clock`, `facts` (rows in the ingest kinds),
perhaps `staff` (username: group, or `superuser`), and `steps`, each one of:

    clock: 2022-07-22T00:00:00-07:00          move the clock
    ingest: {kind: [rows]}                    feed rows; `rejected: N` tells how many may be refused
    nightly: 2022-07-19                       run the night of a day; `fails: true` if it must refuse
    as: username, get|post|put|patch|delete: /path, send: {…}, status: 200, answer: {…}
        again: key            sent as Idempotency-Key
        evidence: 1           pictures sent along, as a form instead of JSON
        files: {files: 1}     PDFs sent along, by field, as a form instead of JSON
        keep: {name: field}   of the answer, for "{name}" in later paths and fields; `keep_first` of its first
    standings: {as_of: day, module: name}, are: [{…}]
    review: "{kept}", by: username, approve: true or reject: code; `fails: true` if it must refuse
    confirm: {rule: key, seller: member id, …}, by: username, penalty: {time, points, sum}
        happened_at, product, grave, points: as staff give them
        keep: name            for the violation's id; `fails: what` names the field or the code of the refusal
    appealed: "{kept}", by: username, overturn: true or false; `fails: code` if it must refuse
    chemicals: [{cas, name_en, listing, starts_on, categories}], by: username      load the lists
    asking: [{category, starts_on}], by: username       categories that ask for CAS numbers
    rescreen: true        screen live products again where a day has begun, as beat does every few minutes
    enrolled: {seller: member id, programme: code}, by: username, then: approve, refuse, remove or a step of staff
        ground, reason: as staff give them; `fails: code` if it must refuse
    judged: "{kept}", by: username, verdict: outcome, penalise: true    a case of a protected mark; or `fails`

A row of facts with `each: [a, b]` stands for one row per value, in place of `{}` in its texts.
Expected mappings are subsets of what comes back; expected lists are complete, in any order.
An instant without quotes is compared as an instant, however it is written.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from knox.models import AuthToken
from PIL import Image
from pypdf import PdfWriter
from rest_framework.test import APIClient

from compliance.models import Appeal, GatedProduct, MarkCase
from compliance.services.chemical_lists import chemical_categories_import, chemicals_import
from compliance.services.mark_cases import mark_case_judge
from compliance.services.violations import appeal_decide, points_of, violation_confirm
from compliance.tasks import rescreen
from growth.choices import OPEN_ENROLMENTS
from growth.models import Enrolment
from growth.services.enrolment_review import enrolment_decide, enrolment_remove
from growth.services.enrolment_steps import enrolment_step_finish
from portal.errors import Refusal
from portal.ingest.engine import ingest_rows
from portal.ingest.kinds import kind_named
from portal.models import Seller, User
from portal.platform_time import parse_instant
from portal.scoping import unscoped

HERE = Path(__file__).parent


def _scenarios() -> list[Any]:
    cases = []
    for path in sorted(HERE.glob("*.yaml")):
        for story in yaml.safe_load(path.read_text(encoding="utf-8"))["stories"]:
            marks = [pytest.mark.rule(rule) for rule in story["rules"]]
            cases.append(pytest.param(story, id=f"{path.stem}: {story['title']}", marks=marks))
    return cases


class Player:
    """Plays one scenario against the portal in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.clients: dict[str, APIClient] = {}
        self.kept: dict[str, Any] = {}

    def play(self, story: dict[str, Any]) -> None:
        self.clock(story["clock"])
        self.ingest(story.get("facts", {}))
        for username, group in story.get("staff", {}).items():
            staff_create(username, group)
        for number, step in enumerate(story["steps"], start=1):
            try:
                self.step(step)
            except AssertionError as error:
                raise AssertionError(f"step {number} {step}: {error}") from error

    def step(self, step: dict[str, Any]) -> None:
        acts: dict[str, Callable[[], None]] = {
            "clock": lambda: self.clock(step["clock"]),
            "ingest": lambda: self.ingest(step["ingest"], rejected=step.get("rejected", 0)),
            "nightly": lambda: self.nightly(step),
            "standings": lambda: self.standings(step),
            "review": lambda: self.review(step),
            "confirm": lambda: self.confirm(step),
            "appealed": lambda: self.decide(step),
            "chemicals": lambda: self.load(chemicals_import, step["chemicals"], step["by"]),
            "asking": lambda: self.load(chemical_categories_import, step["asking"], step["by"]),
            "judged": lambda: self.judge(step),
            "enrolled": lambda: self.enrolled(step),
            "rescreen": rescreen,
        }
        act = next((act for name, act in acts.items() if name in step), lambda: self.call(step))
        act()

    def clock(self, instant: Any) -> None:
        text = instant.isoformat() if hasattr(instant, "isoformat") else str(instant)
        self.monkeypatch.setenv("PORTAL_NOW", text)

    def ingest(self, facts: dict[str, list[dict[str, Any]]], *, rejected: int = 0) -> None:
        refused = []
        for name, rows in facts.items():
            kind = kind_named(name)
            assert kind is not None, f"no kind {name}"
            report = ingest_rows(kind, list(_rows_of(rows)))
            assert not report.error, report.error
            refused += report.rejections
        assert len(refused) == rejected, refused

    def nightly(self, step: dict[str, Any]) -> None:
        try:
            call_command("nightly", as_of=str(step["nightly"]))
            refused = ""
        except (CommandError, SystemExit) as error:
            refused = str(error) or "exit"
        assert bool(refused) == step.get("fails", False), refused or "the night ran"

    def standings(self, step: dict[str, Any]) -> None:
        out = io.StringIO()
        asked = step["standings"]
        call_command("standings", as_of=str(asked["as_of"]), module=asked["module"], stdout=out)
        rows = [json.loads(line) for line in out.getvalue().splitlines()]
        assert_like(rows, step["are"])

    def review(self, step: dict[str, Any]) -> None:
        decision = ["--approve"] if step.get("approve") else ["--reject", step["reject"]]
        try:
            call_command("review", step["review"].format(**self.kept), *decision, by=step["by"])
            refused = ""
        except CommandError as error:
            refused = str(error)
        assert bool(refused) == step.get("fails", False), refused or "it was decided"

    def confirm(self, step: dict[str, Any]) -> None:
        given = {"evidence": "Seen by staff."} | step["confirm"]
        if "happened_at" in given:
            given["happened_at"] = parse_instant(given["happened_at"])
        with unscoped():
            given["seller"] = Seller.objects.get(member_id=given["seller"])
            if "product" in given:
                given["product"] = GatedProduct.objects.get(product_id=given["product"])
        actor = User.objects.get(username=step["by"])
        violation = self.staff(step, lambda: violation_confirm(actor=actor, **given))
        if violation is None:
            return
        got = {
            "time": violation.step,
            "points": violation.points,
            "sum": points_of(given["seller"]),
        }
        assert_like(got, step.get("penalty", {}))
        if "keep" in step:
            self.kept[step["keep"]] = violation.pk

    def decide(self, step: dict[str, Any]) -> None:
        with unscoped():
            appeal = Appeal.objects.get(violation_id=step["appealed"].format(**self.kept))
        self.staff(
            step,
            lambda: appeal_decide(
                actor=User.objects.get(username=step["by"]),
                appeal=appeal,
                overturn=step["overturn"],
                answer="We have looked.",
            ),
        )

    def load(self, load: Callable[..., Any], rows: list[dict[str, Any]], by: str) -> None:
        given = [{name: str(cell) for name, cell in row.items()} for row in rows]
        report = load(actor=User.objects.get(username=by), rows=list(enumerate(given, 2)))
        assert not report.refused, report.refused

    def judge(self, step: dict[str, Any]) -> None:
        with unscoped():
            case = MarkCase.objects.get(pk=step["judged"].format(**self.kept))
        self.staff(
            step,
            lambda: mark_case_judge(
                actor=User.objects.get(username=step["by"]),
                case=case,
                verdict=step["verdict"],
                judgement="We have looked.",
                penalise=step.get("penalise", False),
            ),
        )

    def enrolled(self, step: dict[str, Any]) -> None:
        wanted, then, words = step["enrolled"], step["then"], step.get("reason", "")
        with unscoped():
            enrolment = Enrolment.objects.select_related("seller", "programme").get(
                seller__member_id=wanted["seller"],
                programme__code=wanted["programme"],
                state__in=OPEN_ENROLMENTS,
            )
        staff = {"actor": User.objects.get(username=step["by"]), "enrolment": enrolment}
        acts = {
            "approve": lambda: enrolment_decide(**staff, approve=True, reason=words),
            "refuse": lambda: enrolment_decide(**staff, approve=False, reason=words),
            "remove": lambda: enrolment_remove(
                **staff, ground=step.get("ground", ""), reason=words
            ),
        }
        self.staff(step, acts.get(then, lambda: enrolment_step_finish(**staff, step=then)))

    def staff(self, step: dict[str, Any], act: Callable[[], Any]) -> Any:
        """Return what a decision of staff makes, or none when it is refused as the step says."""
        try:
            made, refused = act(), None
        except Refusal as refusal:
            made, refused = None, _named(refusal)
        assert refused == step.get("fails"), refused or "it was not refused"
        return made

    def call(self, step: dict[str, Any]) -> None:
        method = next(m for m in ("get", "post", "put", "patch", "delete") if m in step)
        client = self.client(step["as"])
        path = "/api/v1" + step[method].format(**self.kept)
        content, options = self._filled(step.get("send")), {"format": "json"}
        if "evidence" in step:
            content = {**(content or {}), "evidence": _pictures(step["evidence"])}
            options = {"format": "multipart"}
        if "files" in step:
            sent = {name: _documents(name, count) for name, count in step["files"].items()}
            content, options = {**(content or {}), **sent}, {"format": "multipart"}
        if "again" in step:
            options["headers"] = {"Idempotency-Key": step["again"]}
        answer = getattr(client, method)(path, content, **({} if method == "get" else options))
        body = json.loads(answer.content) if answer.content else None
        assert answer.status_code == step.get("status", 200), body
        if "answer" in step:
            assert_like(body, step["answer"])
        for name, field in step.get("keep", {}).items():
            self.kept[name] = body[field]
        for name, field in step.get("keep_first", {}).items():
            self.kept[name] = body["results"][0][field]

    def _filled(self, content: Any) -> Any:
        """Return what is sent with `"{name}"` of the first level, or in a list there, as the value that was kept."""
        if not isinstance(content, dict):
            return content
        kept = {f"{{{name}}}": value for name, value in self.kept.items()}

        def filled(cell: Any) -> Any:
            if isinstance(cell, list):
                return [filled(one) for one in cell]
            return kept.get(cell, cell) if isinstance(cell, str) else cell

        return {name: filled(cell) for name, cell in content.items()}

    def client(self, username: str) -> APIClient:
        if username not in self.clients:
            _, token = AuthToken.objects.create(User.objects.get(username=username))
            self.clients[username] = APIClient(headers={"Authorization": f"Token {token}"})
        return self.clients[username]


def _named(refusal: Refusal) -> str:
    """Return the first field a refusal names, or its code."""
    return refusal.fields[0][0] if refusal.fields else refusal.code


def _rows_of(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield rows; one with `each` becomes a row per value."""
    for row in rows:
        for value in row.get("each", [None]):
            yield {
                name: cell.replace("{}", str(value)) if isinstance(cell, str) else cell
                for name, cell in row.items()
                if name != "each"
            }


def _pictures(count: int) -> list[SimpleUploadedFile]:
    """Return small pictures of one colour."""
    content = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(content, "PNG")
    return [
        SimpleUploadedFile(f"{number}.png", content.getvalue(), "image/png")
        for number in range(count)
    ]


def _documents(name: str, count: int) -> list[SimpleUploadedFile]:
    """Return small PDFs of one empty page."""
    content = io.BytesIO()
    document = PdfWriter()
    document.add_blank_page(width=72, height=72)
    document.write(content)
    return [
        SimpleUploadedFile(f"{name}-{number}.pdf", content.getvalue(), "application/pdf")
        for number in range(count)
    ]


def staff_create(username: str, group: str) -> User:
    """Create somebody who works for the platform: in a group, or with every right."""
    user = User.objects.create_user(username, is_staff=True, is_superuser=group == "superuser")
    if group != "superuser":
        user.groups.add(Group.objects.get(name=group))
    return user


def assert_like(got: Any, wanted: Any, where: str = "") -> None:
    """Assert that `got` has what `wanted` names."""
    if isinstance(wanted, dict):
        assert isinstance(got, dict), f"{where}: {got!r} is no mapping"
        for key, value in wanted.items():
            assert key in got, f"{where}.{key} is missing from {got!r}"
            assert_like(got[key], value, f"{where}.{key}")
    elif isinstance(wanted, list):
        assert isinstance(got, list), f"{where}: {got!r} is no list"
        assert len(got) == len(wanted), f"{where}: {len(wanted)} expected, got {got!r}"
        left = list(got)
        for value in wanted:
            match = next((item for item in left if _is_like(item, value)), None)
            assert match is not None, f"{where}: {value!r} not among {left!r}"
            left.remove(match)
    elif isinstance(wanted, datetime) and isinstance(got, str):
        assert parse_instant(got) == wanted, f"{where}: expected {wanted}, got {got}"
    else:
        expected = wanted.isoformat() if hasattr(wanted, "isoformat") else wanted
        assert got == expected, f"{where}: expected {expected!r}, got {got!r}"


def _is_like(got: Any, wanted: Any) -> bool:
    try:
        assert_like(got, wanted)
    except AssertionError:
        return False
    return True


@pytest.mark.rule("Q-3")
@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
@pytest.mark.parametrize("story", _scenarios())
def test_the_story_holds(story: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    Player(monkeypatch).play(story)
