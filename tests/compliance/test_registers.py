"""Exports of public registers: reading, matching, approving by them (EPR-8)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.choices import CertificateStatus as Status
from compliance.epr.schema import EPR
from compliance.models import Certificate, RegisterEntry, RegisterImport, RegisterMatch
from compliance.review.company_names import name_similarity
from compliance.review.registers import REGISTERS, BadRow, Entry
from compliance.services import registers
from compliance.services.certificates import upload_rules
from compliance.services.registers import register_import, register_match
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.readers import FileRefused
from portal.models import Member, Rulebook, User
from portal.scoping import unscoped
from portal.services.rulebooks import content_digest
from tests.compliance.world import certificate_create, reviewer_create, submitted

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-8")]

DAY = date(2022, 8, 1)
EAR = """\
WEEE-Reg.-Nr. DE;Marke;Hersteller;Kategorie;Geräteart;Veröffentlicht;Austrittsdatum
DE 12345678;VoltGo;Müller & Söhne GmbH & Co. KG;4;Großgeräte;01.02.2020;
DE12345678;VoltGo;Müller & Söhne GmbH & Co. KG;5;Kleingeräte;01.02.2020;
87654321;Wheely;Suzhou E-Bike Kits Co., Ltd.;5;Kleingeräte;2021-03-01;30.06.2022
DE1234567;Short;Nobody;5;Kleingeräte;01.02.2020;
DE11112222;Odd;Somebody;5;Kleingeräte;01.02.2020;31.02.2022
"""


@pytest.fixture(autouse=True)
def _world(settings: Any, tmp_path: Path, clock: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def reviewer(db: None) -> User:
    return reviewer_create("reviewer")


def read(register: str, data: bytes) -> list[Entry | BadRow]:
    kind = REGISTERS[register]
    return list(kind.read(kind, io.BytesIO(data), upload_rules(DAY), DAY))


def load(actor: User, register: str, data: str | bytes, day: date = DAY) -> RegisterImport:
    raw = data.encode() if isinstance(data, str) else data
    return register_import(
        actor=actor, register=register, upload=SimpleUploadedFile("export", raw), dated_on=day
    )


def match_of(certificate: Certificate) -> RegisterMatch | None:
    with unscoped():
        return RegisterMatch.objects.filter(certificate=certificate).first()


def weee(owner: Member, number: str = "DE12345678", **over: Any) -> Certificate:
    return submitted(owner, category="electrical", number=number, **over)


def answers(*rows: tuple[str, str], extra: str = "") -> str:
    records = "".join(
        f"<producer><registrationNumber>{number}</registrationNumber>"
        f"<registered>{answer}</registered>{extra}</producer>"
        for number, answer in rows
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><reconciliation>{records}</reconciliation>'


# --- Reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_table_is_read_in_any_usual_encoding(encoding: str) -> None:
    rows = read("ear", EAR.encode(encoding))
    entries = [row for row in rows if isinstance(row, Entry)]
    assert [one.number for one in entries] == ["DE12345678", "DE12345678", "DE87654321"]
    assert entries[0] == Entry(
        2, "DE", "electrical", "DE12345678", "Müller & Söhne GmbH & Co. KG", "VoltGo", "Großgeräte"
    )
    assert entries[2].ended_on == date(2022, 6, 30)


def test_rows_that_cannot_be_used_are_named_and_the_others_are_read() -> None:
    bad = [row for row in read("ear", EAR.encode()) if isinstance(row, BadRow)]
    assert [(one.row, one.message.partition("”")[0]) for one in bad] == [
        (5, "“DE1234567"), (6, "“31.02.2022"),
    ]  # fmt: skip


def test_french_numbers_say_their_category_where_the_code_is_one_categorys() -> None:
    data = (
        "Identifiant_unique,Filiere,Raison_Sociale,Categories_agrement,Pays\n"
        "FR006076_05NNP3,Equipements électriques,Dupont SARL,,FR\n"
        "FR002491_01F8EN,Emballages,Durand SAS,,CN\n"
        "FR002491_99F8EN,Autre,Durand SAS,,CN\n"
        "nonsense,Autre,Durand SAS,,CN\n"
    )
    rows = read("ademe", data.encode())
    found = [(one.number, one.category) for one in rows if isinstance(one, Entry)]
    # 01 is packaging, and printed paper since 2024: the number alone does not tell.
    assert found == [
        ("FR006076_05NNP3", "electrical"), ("FR002491_01F8EN", ""), ("FR002491_99F8EN", ""),
    ]  # fmt: skip
    assert [row.row for row in rows if isinstance(row, BadRow)] == [5]
    names = data.splitlines()[0].split(",")
    as_json = [dict(zip(names, line.split(","), strict=True)) for line in data.splitlines()[1:]]
    again = read("ademe", json.dumps({"total": 4, "results": as_json}).encode())
    assert [one.number for one in again if isinstance(one, Entry)] == [one for one, _ in found]


def test_answers_of_a_reconciliation_are_yes_or_no() -> None:
    rows = read(
        "lucid",
        answers(
            ("DE2755553072093", "yes"), ("DE1111111111111", "nein"), ("DE2222222222222", "perhaps"),
            extra="<company><name>Suzhou E-Bike Kits</name></company>",
        ).encode(),
    )  # fmt: skip
    assert rows[0] == Entry(
        1, "DE", "packaging", "DE2755553072093", holder="Suzhou E-Bike Kits", ended_on=None
    )
    assert rows[1] == Entry(2, "DE", "packaging", "DE1111111111111", ended_on=DAY)
    assert isinstance(rows[2], BadRow)


LAUGHS = "".join(f"<!ENTITY l{n} '" + f"&l{n - 1};" * 10 + "'>" for n in range(1, 9))


@pytest.mark.parametrize(
    "hostile",
    [
        f'<!DOCTYPE r [<!ENTITY l0 "lol">{LAUGHS}]><r>&l8;</r>',
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>',
        '<!DOCTYPE r SYSTEM "http://localhost/evil.dtd"><r/>',
        "<a>" * 1000,
        "<r><producer>",
        '<?xml version="1.0" encoding="nonsense"?><r/>',
        "no xml",
    ],
)
def test_hostile_xml_is_refused(hostile: str) -> None:
    with pytest.raises(FileRefused):
        read("lucid", hostile.encode())


def test_a_long_file_is_never_held_as_a_whole() -> None:
    class Endless(io.RawIOBase):
        """Twenty thousand records, made as they are asked for; counts what was asked so far."""

        def __init__(self) -> None:
            self.asked = 0

        def read(self, size: int = -1) -> bytes:  # type: ignore[override]
            self.asked += 1
            if self.asked == 1:
                return b"<r>"
            if self.asked > 201:
                return b"</r>" if self.asked == 202 else b""
            record = b"<p><number/><registrationNumber>DE2755553072093</registrationNumber>"
            return (record + b"<registered>yes</registered></p>") * 100

    source = Endless()
    kind = REGISTERS["lucid"]
    rows: Iterator[Any] = iter(kind.read(kind, source, upload_rules(DAY), DAY))  # type: ignore[arg-type]
    for _number in range(100):
        next(rows)
    assert source.asked <= 3
    assert sum(1 for _row in rows) == 20_000 - 100


# --- Loading ------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_waiting_numbers_are_marked_with_the_holder(owner: Member, reviewer: User) -> None:
    found = weee(owner, company_name="Mueller Soehne GmbH")
    ended = weee(owner, "DE87654321")
    missing = weee(owner, "DE99999999")
    battery = submitted(owner, category="battery", number="DE12345678")
    made = load(reviewer, "ear", EAR)
    assert (made.rows, made.rejected, made.matched) == (3, 2, 2)
    assert [problem["row"] for problem in made.problems] == [5, 6]
    match = match_of(found)
    assert match is not None
    assert (match.register, match.dated_on, match.row) == ("ear", DAY, 2)
    assert match.holder == "Müller & Söhne GmbH & Co. KG"
    assert (match.sha256, match.ended_on) == (made.sha256, None)
    assert 80 <= match.similarity < 100
    gone = match_of(ended)
    assert gone is not None
    assert (gone.similarity, gone.ended_on) == (100, date(2022, 6, 30))
    assert match_of(missing) is None
    assert match_of(battery) is None, "the register of equipment says nothing of batteries"
    with unscoped():
        assert {one.status for one in Certificate.objects.all()} == {Status.SUBMITTED}


def test_the_same_file_is_the_same_import(reviewer: User) -> None:
    first = load(reviewer, "ear", EAR)
    again = load(reviewer, "ear", EAR, date(2022, 8, 2))
    assert again == first
    assert again.dated_on == DAY
    assert RegisterEntry.objects.count() == 3


@pytest.mark.both_databases
def test_a_newer_export_takes_the_place_of_the_one_before(owner: Member, reviewer: User) -> None:
    certificate = weee(owner)
    load(reviewer, "ear", EAR)
    assert match_of(certificate) is not None
    other = EAR.splitlines()[0] + "\nDE55556666;VoltGo;Someone GmbH;5;x;01.02.2020;\n"
    load(reviewer, "ear", other, date(2022, 8, 2))
    assert match_of(certificate) is None, "it is not registered any more"
    assert set(RegisterEntry.objects.values_list("number", flat=True)) == {"DE55556666"}
    with pytest.raises(Refusal) as raised:
        load(reviewer, "ear", EAR + "\n", date(2022, 8, 1))
    assert raised.value.code == "older_register"
    assert RegisterImport.objects.count() == 2


def test_the_newest_answer_about_a_number_counts(owner: Member, reviewer: User) -> None:
    first, second = submitted(owner), submitted(owner, number="DE1111111111111")
    both = [(one.number, "yes") for one in (first, second)]
    load(reviewer, "lucid", answers(*both))
    load(reviewer, "lucid", answers((first.number, "no")), date(2022, 8, 2))
    answered, untouched = match_of(first), match_of(second)
    assert answered is not None
    assert untouched is not None
    assert (answered.dated_on, answered.ended_on) == (date(2022, 8, 2), date(2022, 8, 2))
    assert (untouched.dated_on, untouched.ended_on) == (DAY, None)


@pytest.mark.parametrize(
    ("register", "data", "day", "field"),
    [
        ("moon", EAR, DAY, "register"),
        ("ear", EAR, date(2022, 8, 4), "dated_on"),
        ("ear", "a;b\n1;2\n", DAY, "upload"),
        ("ear", "number;producer\nx;y\n", DAY, "upload"),
        ("ear", "", DAY, "upload"),
        ("lucid", answers(("DE2755553072093", "yes")) * 2, DAY, "upload"),
    ],
)
def test_a_file_that_cannot_be_used_leaves_nothing(
    reviewer: User, register: str, data: str, day: date, field: str
) -> None:
    with pytest.raises(InvalidInput) as raised:
        load(reviewer, register, data, day)
    assert [name for name, _text in raised.value.fields] == [field]
    assert (RegisterImport.objects.count(), RegisterEntry.objects.count()) == (0, 0)


def test_only_those_who_may_load_registers(reviewer: User, staff: User) -> None:
    reviewer.groups.clear()
    with pytest.raises(NotAllowed):
        load(User.objects.get(pk=reviewer.pk), "ear", EAR)


def test_an_interrupted_import_counts_for_nothing_and_is_loaded_again(
    owner: Member, reviewer: User, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = weee(owner)
    with monkeypatch.context() as broken:
        # As if the process had died: nothing is tidied up.
        broken.setattr(registers, "_finish", lambda *args: 1 / 0)
        broken.setattr(registers, "_forget", lambda made: None)
        with pytest.raises(ZeroDivisionError):
            load(reviewer, "ear", EAR)
    with unscoped():
        assert register_match([certificate]) == 0
    with pytest.raises(Refusal) as raised:
        load(reviewer, "ear", EAR)
    assert raised.value.code == "import_running"
    clock.advance(minutes=31)
    load(reviewer, "ear", EAR)
    assert RegisterEntry.objects.count() == 3
    assert match_of(certificate) is not None


def test_matching_takes_as_many_statements_for_many_as_for_one(
    owner: Member, reviewer: User
) -> None:
    load(reviewer, "ear", EAR)
    counts = []
    for number in (1, 30):
        waiting = [
            certificate_create(
                seller=owner.seller,
                status=Status.SUBMITTED,
                category="electrical",
                number=f"DE{number:02d}{position:06d}",
            )
            for position in range(number)
        ]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            register_match(waiting)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- Later certificates -------------------------------------------------------------------------


def test_a_certificate_submitted_later_is_looked_up_at_once(owner: Member, reviewer: User) -> None:
    load(reviewer, "ear", EAR)
    match = match_of(weee(owner))
    assert match is not None
    assert match.brand == "VoltGo"


def auto_verify(**over: Any) -> None:
    book = Rulebook.objects.get(module=EPR)
    book.content["review"] |= {"auto_verify": True, "auto_verify_similarity": 95} | over
    Rulebook.objects.filter(pk=book.pk).update(
        content=book.content, digest=content_digest(book.content)
    )


@pytest.mark.parametrize(
    ("rules", "over", "approved"),
    [
        ({}, {}, True),
        ({"auto_verify": False}, {}, False),
        ({"two_person": True}, {}, False),
        ({}, {"company_name": "Mueller Trading GmbH"}, False),
        ({}, {"own": False}, False),
        ({}, {"number": "DE87654321", "company_name": "Suzhou E-Bike Kits"}, False),
    ],
    ids=["on", "off", "two persons", "another name", "upstream's", "registration ended"],
)
def test_a_register_approves_only_where_the_rulebook_says_so_and_all_agrees(
    owner: Member,
    reviewer: User,
    django_capture_on_commit_callbacks: Any,
    rules: dict[str, Any],
    over: dict[str, Any],
    approved: bool,
) -> None:
    auto_verify(**rules)
    load(reviewer, "ear", EAR)
    fields = {"number": "DE12345678", "company_name": "Müller & Söhne GmbH"} | over
    with django_capture_on_commit_callbacks(execute=True):
        certificate = weee(owner, **fields)
    with unscoped():
        found = Certificate.objects.get(pk=certificate.pk)
        last = found.events.last()
    assert (found.status == Status.VERIFIED) is approved
    assert (found.valid_from is not None) is approved
    if approved:
        assert (last.by, last.by_staff, last.reason_code) == (None, True, "register")
        assert "Müller & Söhne GmbH & Co. KG" in last.reason_en


# --- Names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Müller & Söhne GmbH & Co. KG", "MULLER SOHNE", 100),
        ("Suzhou E-Bike Kits Co., Ltd.", "SUZHOU E BIKE KITS LIMITED", 100),
        ("S.A.R.L. Dupont", "Dupont", 100),
        ("苏州电动车股份有限公司", "苏州电动车有限公司", 100),
        ("Kits Suzhou Ltd", "Suzhou Kits", 100),
        ("", "Dupont", 0),
    ],
)
def test_legal_forms_case_and_accents_make_no_other_company(
    one: str, other: str, alike: int
) -> None:
    assert name_similarity(one, other) == alike


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Shenzhen ABC Tech Ltd", "Shenzhen XYZ Tech Ltd"),
        ("Suzhou Kits", "Suzhou Kits Trading Europe"),
        ("GmbH", "AG"),
    ],
)
def test_other_companies_are_less_alike_than_a_register_needs(one: str, other: str) -> None:
    assert name_similarity(one, other) < 90
