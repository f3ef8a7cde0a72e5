"""Rulebooks: dated, checked, never changed once in force (K-16)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from auditlog.models import LogEntry
from pydantic import Field

from portal.choices import RulebookStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Bulletin, Rulebook, User
from portal.rulebook_schemas import RULEBOOK_MODULES, RulebookContent, content_errors
from portal.services.rulebooks import (
    RulebookMissing,
    register_rulebook_module,
    rulebook_draft_save,
    rulebook_for,
    rulebook_publish,
    rulebook_validate,
    rulebook_withdraw,
    rulebooks_published,
)
from portal.services.shipped_rulebooks import ShippedRulebookInvalid, rulebooks_load_shipped
from portal.views.rulebooks import module_name
from tests import factories

pytestmark = [pytest.mark.rule("K-16"), pytest.mark.django_db]

MODULE = "tests.points"
TODAY = date(2022, 8, 3)
"""Where the `clock` fixture stands."""


class Tier(RulebookContent):
    name: str
    points: int = Field(ge=0)


class Points(RulebookContent):
    tiers: list[Tier] = []
    limit: int = 10


@pytest.fixture(autouse=True)
def _module() -> Iterator[None]:
    register_rulebook_module(MODULE, Points)
    yield
    del RULEBOOK_MODULES[MODULE]


@pytest.fixture(autouse=True)
def _clock(clock: object) -> None:
    """Every test lives on 2022-08-03."""


def draft(
    staff: User, version: str, first: date, last: date | None = None, **more: object
) -> Rulebook:
    content = {"limit": 1, **more}
    return rulebook_draft_save(
        actor=staff,
        module=MODULE,
        version=version,
        effective_from=first,
        effective_to=last,
        content=content,
    )


def in_force(version: str, first: date, last: date | None = None) -> Rulebook:
    return Rulebook.objects.create(
        module=MODULE,
        version=version,
        effective_from=first,
        effective_to=last,
        content={"limit": 5},
        digest=version,
        status=RulebookStatus.PUBLISHED,
    )


def snapshot() -> list[tuple]:
    return list(
        Rulebook.objects.filter(module=MODULE)
        .order_by("pk")
        .values_list("version", "status", "effective_from", "effective_to", "content")
    )


def ship(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")


def shipped(version: str, first: str, last: str = "", content: str = "limit = 3") -> str:
    end = f"effective_to = {last}\n" if last else ""
    return (
        f'module = "{MODULE}"\nversion = "{version}"\neffective_from = {first}\n{end}'
        f'source = "briefing"\n[content]\n{content}\n'
    )


# --- Which one is in force ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "version"),
    [
        (date(2021, 12, 31), None),  # the day before
        (date(2022, 1, 1), "a"),  # the day
        (date(2022, 7, 31), "a"),  # the last day
        (date(2022, 8, 1), "b"),  # the day after
        (date(2022, 12, 31), "b"),
        (date(2023, 1, 1), None),
    ],
)
def test_the_one_in_force_holds_on_its_first_and_last_day(day: date, version: str | None) -> None:
    in_force("a", date(2022, 1, 1), date(2022, 7, 31))
    in_force("b", date(2022, 8, 1), date(2022, 12, 31))
    if version is None:
        with pytest.raises(RulebookMissing):
            rulebook_for(MODULE, day)
    else:
        assert rulebook_for(MODULE, day).version == version


def test_drafts_and_withdrawn_ones_are_not_in_force(staff: User) -> None:
    draft(staff, "d", date(2022, 1, 1))
    rulebook_withdraw(actor=staff, rulebook=draft(staff, "w", date(2022, 1, 1)))
    with pytest.raises(RulebookMissing):
        rulebook_for(MODULE, TODAY)


def test_content_is_typed_and_a_correction_is_seen_at_once(
    django_assert_num_queries: object,
) -> None:
    row = in_force("a", date(2022, 1, 1))
    assert rulebook_for(MODULE, TODAY).content == Points(limit=5)
    with django_assert_num_queries(1):  # type: ignore[operator]
        rulebook_for(MODULE, TODAY)
    Rulebook.objects.filter(pk=row.pk).update(content={"limit": 6}, digest="other")
    assert rulebook_for(MODULE, TODAY).content.limit == 6


def test_published_ones_are_listed_by_their_first_day(
    staff: User, django_assert_num_queries: object
) -> None:
    in_force("b", date(2022, 8, 1))
    in_force("a", date(2022, 1, 1), date(2022, 7, 31))
    draft(staff, "d", date(2023, 1, 1))
    assert [found.version for found in rulebooks_published(MODULE)] == ["a", "b"]
    with django_assert_num_queries(1):  # type: ignore[operator]
        first, second = rulebooks_published(MODULE)
    assert first.content == Points(limit=5)
    last, next_day = date(2022, 7, 31), date(2022, 8, 1)
    assert [found.holds_on(last) for found in (first, second)] == [True, False]
    assert [found.holds_on(next_day) for found in (first, second)] == [False, True]
    assert rulebooks_published("no.such") == []


@pytest.mark.rule("K-10")
def test_the_kernel_ships_its_buyer_labels() -> None:
    before = rulebook_for("portal.buyer_labels", date(2022, 7, 31))
    after = rulebook_for("portal.buyer_labels", date(2022, 8, 1))
    assert (before.content.scheme, before.content.labels) == ("labels", ["blue", "gold"])
    assert (after.content.scheme, after.effective_to) == ("tiers", None)


# --- Checking -----------------------------------------------------------------------------------


def test_errors_name_the_place_and_the_nearest_key() -> None:
    content = {"limt": 1, "tiers": [{"name": "A", "points": 1}, {"name": "B", "pionts": -1}]}
    errors = {error.location: error for error in content_errors(MODULE, content)}
    assert errors["limt"].nearest == ("limit",)
    assert errors["tiers[1].pionts"].nearest == ("points",)
    assert errors["tiers[1].points"].message == "Field required"
    assert content_errors("tests.point", {})[0].nearest[0] == MODULE


def test_a_wrong_draft_is_kept_but_not_published(staff: User) -> None:
    wrong = draft(staff, "wrong", TODAY + timedelta(days=1), limit="many")
    assert [error.location for error in rulebook_validate(wrong)] == ["limit"]
    before = snapshot()
    with pytest.raises(Refusal) as refusal:
        rulebook_publish(actor=staff, rulebook=wrong)
    assert refusal.value.code == "invalid_content"
    assert refusal.value.fields[0][0] == "limit"
    assert snapshot() == before


# --- Drafting -----------------------------------------------------------------------------------


def test_a_draft_can_be_changed_until_it_is_published(staff: User) -> None:
    row = draft(staff, "a", TODAY + timedelta(days=1))
    rulebook_draft_save(
        actor=staff,
        rulebook=row,
        module=MODULE,
        version="a2",
        effective_from=TODAY + timedelta(days=2),
        content={"limit": 2},
    )
    row.refresh_from_db()
    assert (row.version, row.content) == ("a2", {"limit": 2})
    rulebook_publish(actor=staff, rulebook=row)
    before = snapshot()
    with pytest.raises(Refusal) as refusal:
        rulebook_draft_save(
            actor=staff,
            rulebook=row,
            module=MODULE,
            version="a3",
            effective_from=TODAY + timedelta(days=2),
            content={"limit": 3},
        )
    assert refusal.value.code == "not_draft"
    with pytest.raises(Refusal):
        rulebook_withdraw(actor=staff, rulebook=row)
    assert snapshot() == before


def test_a_second_rulebook_of_one_version_is_refused(staff: User) -> None:
    draft(staff, "a", TODAY)
    with pytest.raises(InvalidInput) as refusal:
        draft(staff, "a", TODAY)
    assert refusal.value.fields[0][0] == "version"
    assert len(snapshot()) == 1


def test_staff_need_the_permission(staff: User) -> None:
    nobody = factories.user_create("nobody", is_staff=True)
    with pytest.raises(NotAllowed):
        draft(nobody, "a", TODAY)
    row = draft(staff, "a", TODAY + timedelta(days=1))
    with pytest.raises(NotAllowed):
        rulebook_publish(actor=nobody, rulebook=row)
    assert [version for version, *_rest in snapshot()] == ["a"]
    assert rulebook_validate(row) == []


# --- Publishing ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "allowed"), [(-1, False), (0, False), (1, True)])
def test_rules_are_published_for_a_future_day_only(staff: User, days: int, allowed: bool) -> None:
    row = draft(staff, "a", TODAY + timedelta(days=days))
    if allowed:
        published = rulebook_publish(actor=staff, rulebook=row)
        assert published.status == RulebookStatus.PUBLISHED
        assert published.content == {"tiers": [], "limit": 1}
        assert published.published_by == staff
    else:
        before = snapshot()
        with pytest.raises(Refusal) as refusal:
            rulebook_publish(actor=staff, rulebook=row)
        assert refusal.value.code == "not_in_future"
        assert snapshot() == before


@pytest.mark.parametrize(
    ("first", "last", "allowed"),
    [
        (date(2022, 9, 1), date(2022, 9, 9), True),  # ends the day before
        (date(2022, 9, 1), date(2022, 9, 10), False),  # shares the first day
        (date(2022, 9, 12), date(2022, 9, 13), False),  # inside
        (date(2022, 9, 20), None, False),  # shares the last day
        (date(2022, 9, 21), None, True),  # starts the day after
        (date(2022, 9, 1), None, False),  # around
    ],
)
def test_overlaps_are_refused_on_both_sides(
    staff: User, first: date, last: date | None, allowed: bool
) -> None:
    in_force("old", date(2022, 9, 10), date(2022, 9, 20))
    row = draft(staff, "new", first, last)
    if allowed:
        assert rulebook_publish(actor=staff, rulebook=row).status == RulebookStatus.PUBLISHED
    else:
        before = snapshot()
        with pytest.raises(Refusal) as refusal:
            rulebook_publish(actor=staff, rulebook=row)
        assert refusal.value.code == "overlap"
        assert snapshot() == before


def test_superseding_ends_the_predecessor_the_day_before(staff: User) -> None:
    old = in_force("old", date(2022, 1, 1))
    new = rulebook_publish(
        actor=staff, rulebook=draft(staff, "new", date(2022, 9, 1)), supersedes=old
    )
    assert rulebook_for(MODULE, date(2022, 8, 31)).version == "old"
    assert rulebook_for(MODULE, date(2022, 9, 1)).version == "new"
    old.refresh_from_db()
    assert old.effective_to == date(2022, 8, 31)
    actions = [entry.additional_data["action"] for entry in LogEntry.objects.get_for_object(new)]
    assert sorted(actions) == ["rulebook.draft", "rulebook.publish"]
    assert LogEntry.objects.get_for_object(old).get().additional_data["action"] == "rulebook.close"


def test_superseding_one_that_would_not_be_in_force_changes_nothing(staff: User) -> None:
    ended = in_force("ended", date(2022, 1, 1), date(2022, 8, 31))
    row = draft(staff, "new", date(2022, 9, 1))
    before = snapshot()
    with pytest.raises(Refusal) as refusal:
        rulebook_publish(actor=staff, rulebook=row, supersedes=ended)
    assert refusal.value.code == "cannot_supersede"
    assert snapshot() == before


def test_a_refused_publication_leaves_the_predecessor_open(staff: User) -> None:
    old = in_force("old", date(2022, 1, 1), date(2022, 9, 30))
    in_force("later", date(2022, 10, 1))
    row = draft(staff, "new", date(2022, 9, 1))
    before = snapshot()
    with pytest.raises(Refusal) as refusal:
        rulebook_publish(actor=staff, rulebook=row, supersedes=old)
    assert refusal.value.code == "overlap"
    assert snapshot() == before


def test_a_publication_can_be_tied_to_a_bulletin(staff: User) -> None:
    bulletin = Bulletin.objects.create(slug="august", title_en="August", body_en="New rules")
    row = draft(staff, "a", date(2022, 9, 1))
    rulebook_publish(actor=staff, rulebook=row, bulletin=bulletin)
    bulletin.refresh_from_db()
    assert bulletin.rulebook == row


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_publications_at_once_never_overlap(staff: User, at_once: object) -> None:
    rows = [draft(staff, f"v{index}", date(2022, 9, 1 + index)) for index in range(4)]
    results = at_once(  # type: ignore[operator]
        [lambda row=row: rulebook_publish(actor=staff, rulebook=row) for row in rows]
    )
    refused = [result for result in results if isinstance(result, Exception)]
    assert {getattr(error, "code", error) for error in refused} == {"overlap"}
    assert len(refused) == 3
    assert Rulebook.objects.filter(module=MODULE, status=RulebookStatus.PUBLISHED).count() == 1


# --- Shipped files ------------------------------------------------------------------------------


def test_shipped_files_are_loaded_once(tmp_path: Path) -> None:
    ship(tmp_path, "a", shipped("a", "2021-01-01", "2021-12-31"))
    ship(tmp_path / "deeper", "b", shipped("b", "2022-01-01"))
    assert rulebooks_load_shipped([tmp_path])["created"] == 2
    before = snapshot()
    assert rulebooks_load_shipped([tmp_path]) == {
        "created": 0,
        "corrected": 0,
        "unchanged": 2,
        "drafted": 0,
    }
    assert snapshot() == before
    # A shipped rulebook may begin in the past: it says what was in force then.
    assert rulebook_for(MODULE, date(2021, 12, 31)).version == "a"


def test_a_corrected_file_replaces_the_content_and_is_audited(tmp_path: Path) -> None:
    ship(tmp_path, "a", shipped("a", "2021-01-01"))
    rulebooks_load_shipped([tmp_path])
    ship(tmp_path, "a", shipped("a", "2021-01-01", content="limit = 4"))
    assert rulebooks_load_shipped([tmp_path])["corrected"] == 1
    assert rulebook_for(MODULE, TODAY).content.limit == 4
    entries = LogEntry.objects.get_for_object(Rulebook.objects.get(module=MODULE)).order_by("pk")
    actions = [entry.additional_data["action"] for entry in entries]
    assert actions == ["rulebook.ship", "rulebook.correct"]


def test_a_last_day_set_by_staff_survives_a_correction(tmp_path: Path, staff: User) -> None:
    ship(tmp_path, "a", shipped("a", "2021-01-01"))
    rulebooks_load_shipped([tmp_path])
    old = Rulebook.objects.get(module=MODULE)
    rulebook_publish(actor=staff, rulebook=draft(staff, "mine", date(2022, 9, 1)), supersedes=old)
    ship(tmp_path, "a", shipped("a", "2021-01-01", content="limit = 4"))
    rulebooks_load_shipped([tmp_path])
    old.refresh_from_db()
    assert (old.effective_to, old.content["limit"]) == (date(2022, 8, 31), 4)


def test_a_new_file_that_collides_with_staff_becomes_a_draft(tmp_path: Path, staff: User) -> None:
    rulebook_publish(actor=staff, rulebook=draft(staff, "mine", date(2022, 9, 1)))
    ship(tmp_path, "b", shipped("b", "2023-01-01"))
    assert rulebooks_load_shipped([tmp_path])["drafted"] == 1
    assert rulebook_for(MODULE, date(2023, 1, 1)).version == "mine"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("module = 1\nversion ? 2", "at line 2"),
        (shipped("a", "2021-01-01", content="limt = 3"), "content.limt"),
        (shipped("a", "2021-01-01", content="limit = 'x'"), "content.limit"),
        (shipped("other", "2021-01-01"), "version: the file is named a"),
        (shipped("a", "2021-01-01", "2020-01-01"), "effective_to: lies before"),
        (shipped("a", '"2021-01-01"'), "effective_from: is not a day"),
        (shipped("a", "2021-01-01").replace("source", "sauce"), "source: is missing"),
        (shipped("a", "2021-01-01").replace(MODULE, "tests.none"), "there is no module"),
    ],
)
def test_a_wrong_file_is_named_with_its_place_and_nothing_is_loaded(
    tmp_path: Path, text: str, told: str
) -> None:
    ship(tmp_path / "fine", "z", shipped("z", "2019-01-01", "2019-12-31"))
    ship(tmp_path, "a", text)
    with pytest.raises(ShippedRulebookInvalid) as error:
        rulebooks_load_shipped([tmp_path])
    assert f"{tmp_path / 'a.toml'}: " in str(error.value)
    assert told in str(error.value)
    assert snapshot() == []


def test_shipped_files_may_not_share_days(tmp_path: Path) -> None:
    ship(tmp_path, "a", shipped("a", "2021-01-01", "2021-12-31"))
    ship(tmp_path, "b", shipped("b", "2021-12-31"))
    with pytest.raises(ShippedRulebookInvalid, match="shares days with"):
        rulebooks_load_shipped([tmp_path])
    assert snapshot() == []


def test_every_shipped_file_of_the_product_is_loaded() -> None:
    assert rulebooks_load_shipped()["created"] == 0


@pytest.mark.rule("K-16")
def test_sellers_read_a_name_for_every_module_with_rules() -> None:
    modules = set(Rulebook.objects.values_list("module", flat=True))
    assert {"growth.star", "rfq.score"} <= modules
    assert [module for module in sorted(modules) if module_name(module) == module] == []
