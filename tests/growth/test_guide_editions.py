"""A new edition of the growth guide: what it changes for a shop, and whom a draft touches (K-16, K-17)."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from growth.guide.schema import GUIDE
from growth.models import StageStanding
from portal.choices import RulebookStatus
from portal.models import Category, Rulebook, Seller
from portal.platform_time import start_of
from portal.rule_changes import rule_change_for
from portal.rule_impact import RuleImpact, impact_of
from portal.scoping import seller_scope, unscoped
from portal.services.rulebooks import content_digest
from tests import factories
from tests.growth.guide_world import order, random_shops
from tests.growth.world import night, told

pytestmark = [pytest.mark.django_db, pytest.mark.rule("GRO-1")]

PAGE, API = "/growth/guide/", "/api/v1/growth/guide/outlook"
DAY = date(2022, 7, 19)
STARTS = date(2022, 8, 1)
ONE = timedelta(days=1)


@pytest.fixture(autouse=True)
def _noon(clock: Any) -> None:
    clock.noon(DAY + 2 * ONE)


def edition(**changes: Any) -> dict[str, Any]:
    """Return the content in force with changes; `tasks` and `milestones` get changes by key."""
    content = deepcopy(Rulebook.objects.get(module=GUIDE, version="2022-07").content)
    for name, wanted in changes.items():
        if isinstance(wanted, dict):
            rows = {row["key"]: row for row in content[name]}
            for key, fields in wanted.items():
                if fields is None:
                    content[name].remove(rows[key])
                else:
                    rows[key].update(fields)
        else:
            content[name] = wanted
    return content


def draft(**changes: Any) -> Rulebook:
    content = edition(**changes)
    return Rulebook.objects.create(
        module=GUIDE, version="next", effective_from=STARTS, content=content,
        digest=content_digest(content),
    )  # fmt: skip


def publish(book: Rulebook, first: date = STARTS) -> None:
    """Put a draft in force from a day on, in place of the edition before."""
    Rulebook.objects.filter(module=GUIDE, version="2022-07").update(effective_to=first - ONE)
    Rulebook.objects.filter(pk=book.pk).update(
        status=RulebookStatus.PUBLISHED, effective_from=first
    )


def impact(book: Rulebook) -> RuleImpact:
    found = impact_of(book)
    assert found is not None
    return found


def counts(found: RuleImpact) -> dict[str, int]:
    return {group.key: group.count for group in found.groups}


def standings(day: date) -> dict[str, tuple[str, str | None]]:
    with unscoped():
        rows = StageStanding.objects.as_of(day)
        return {row.seller.member_id: (row.stage, row.phase) for row in rows}


# --- Staff: whom a draft touches ----------------------------------------------------------------


@pytest.mark.rule("K-16")
@pytest.mark.both_databases
def test_a_draft_that_changes_nothing_touches_nobody(category: Category) -> None:
    random_shops(category, DAY, 30, seed=3)
    night(DAY, "growth.stages")
    assert counts(impact(draft())) == {
        "all": Seller.objects.count(), "stage": 0, "on": 0, "back": 0, "phase": 0,
    }  # fmt: skip


@pytest.mark.rule("K-16")
@pytest.mark.both_databases
@pytest.mark.parametrize(
    "changes",
    [
        {"novice_days": 60, "core_days": 20},
        {"novice_days": 120, "mature_received": 500},
        {"milestones": {"opportunities": {"target": 2}, "gmv": {"target": 5000}}},
        {"milestones": {"opportunities": None, "order": {"target": 2}}},
    ],
)
def test_the_impact_is_what_the_night_says_under_the_draft(
    category: Category, changes: dict[str, Any]
) -> None:
    """The draft is put in force for the same day, and the night counts it anew."""
    random_shops(category, DAY, 60, seed=11)
    night(DAY, "growth.stages")
    before = standings(DAY)
    book = draft(**changes)
    found = impact(book)
    everybody = [row[0] for row in found.rows("all", 0, None)]
    listed = [row[0] for group in ("stage", "phase") for row in found.rows(group, 0, None)]
    publish(book, first=DAY)
    night(DAY, "growth.stages")
    after = standings(DAY)
    differ = {key for key in after if after[key] != before[key]}
    assert differ, "the drafts of this test touch somebody"
    number = counts(found)
    assert number["stage"] == sum(after[key][0] != before[key][0] for key in after)
    assert number["on"] + number["back"] == number["stage"]
    assert number["stage"] + number["phase"] == len(differ)
    assert sorted(everybody) == sorted(after)
    assert sorted(listed) == sorted(differ)


@pytest.mark.rule("K-16", "UI-7")
def test_staff_see_the_impact_before_they_publish(staff_client: Client, category: Category) -> None:
    factories.seller_create(category, member_id="old", opened_on=DAY - timedelta(days=70))
    night(DAY, "growth.stages")
    book = draft(novice_days=60)
    publish_page = reverse("admin:portal_rulebook_publish", args=[book.pk])
    assert "Another stage" in staff_client.get(publish_page).content.decode()
    page = staff_client.get(reverse("admin:portal_rulebook_impact", args=[book.pk]) + "?group=on")
    assert [row[0] for row in page.context["rows"]] == ["old"]
    assert list(page.context["rows"][0][2:4]) == ["First 90 days", "Mature"]


# --- Sellers: what changes ----------------------------------------------------------------------


def change_of(client: Client) -> Any:
    return client.get(PAGE).context["change"]


def rows(change: Any) -> dict[str, list[tuple[str, str, str, int]]]:
    return {
        str(table.title): [
            (str(row.label), str(row.before), str(row.after), row.direction) for row in table.rows
        ]
        for table in change.tables
    }


@pytest.mark.rule("K-17", "GRO-3", "GRO-4")
def test_a_shop_reads_which_tasks_and_targets_change_and_when(
    shop: Seller, viewer_client: Client, owner_api: Any
) -> None:
    shop.opened_on = DAY - timedelta(days=40)
    shop.save()
    told(shop, "ext.potential_products", d2022_07_01=41)
    night(DAY, "growth.stages")
    assert change_of(viewer_client) is None
    assert owner_api.get(API).json() == {"change": None}
    book = draft(
        tasks={"potential_products": {"value": 40}, "rts_products": {"value": 30}},
        milestones={"gmv": {"target": 2000}},
        novice_days=100,
    )
    assert change_of(viewer_client) is None, "a draft is staff's alone"
    publish(book)
    change = change_of(viewer_client)
    assert (change.before, change.after, change.starts_on) == ("2022-07", "next", STARTS)
    assert "Your stage stays: First 90 days" in change.summary
    opened = shop.opened_on
    assert rows(change) == {
        "Your shop": [
            (
                "The stage lasts at most until",
                f"{opened + timedelta(days=90):%b} {(opened + timedelta(days=90)).day}, 2022",
                f"{opened + timedelta(days=100):%b} {(opened + timedelta(days=100)).day}, 2022",
                0,
            )
        ],
        "Tasks of your stage": [
            ("Publish 20 ready-to-ship products", "0 of 20", "0 of 30", 0),
            ("Publish 50 potential products", "41 of 50", "41 of 40", 1),
        ],
        "Milestones": [("Money received", "US$1,000", "US$2,000", -1)],
    }
    page = viewer_client.get(PAGE).content.decode()
    assert "what changes for you" in page
    answer = owner_api.get(API).json()["change"]
    assert answer["starts_on"] == STARTS.isoformat()
    assert len(answer["tables"]) == 3


@pytest.mark.rule("K-17")
def test_another_stage_is_said_with_the_tasks_it_asks(shop: Seller, viewer_client: Client) -> None:
    """Day 25 of the shop: beyond the core tasks under the new edition, whatever is open of them."""
    shop.opened_on = DAY - timedelta(days=25)
    shop.save()
    night(DAY, "growth.stages")
    publish(draft(core_days=20))
    change = change_of(viewer_client)
    assert "By it your stage is First 90 days, not First 30 days." in change.summary
    told_tasks = {row[0]: row[1:3] for row in rows(change)["Tasks of your stage"]}
    assert told_tasks["Activate trade assurance"] == ("open", "not asked")
    assert told_tasks["Tune your keyword promotion"] == ("not asked", "open")


@pytest.mark.rule("K-17")
def test_nothing_more_is_said_once_the_figures_are_the_new_editions(
    shop: Seller, viewer_client: Client, clock: Any
) -> None:
    shop.opened_on = DAY - timedelta(days=40)
    shop.save()
    night(DAY, "growth.stages")
    publish(draft(novice_days=100), first=DAY + ONE)
    clock.noon(DAY + 3 * ONE)
    assert change_of(viewer_client) is not None, "figures are still those of the old edition"
    night(DAY + ONE, "growth.stages")
    assert change_of(viewer_client) is None


@pytest.mark.rule("K-17")
def test_a_mature_shop_is_not_told_of_milestones_behind_it(
    shop: Seller, viewer_client: Client
) -> None:
    shop.opened_on = DAY - timedelta(days=200)
    shop.save()
    night(DAY, "growth.stages")
    book = draft(milestones={"gmv": {"target": 2000}}, tasks={"rts_products": {"value": 30}})
    publish(book)
    assert change_of(viewer_client) is None
    book.refresh_from_db()
    with seller_scope(shop):
        told_by_bulletin = rule_change_for(shop, book)
    assert told_by_bulletin is not None
    assert "Your stage stays: Mature" in told_by_bulletin.summary
    assert told_by_bulletin.tables == ()


@pytest.mark.rule("K-17")
def test_what_changes_takes_a_constant_number_of_queries(
    shop: Seller, viewer_client: Client
) -> None:
    shop.opened_on = DAY - timedelta(days=40)
    shop.save()
    order(shop, start_of(DAY - 5 * ONE), received=100)
    night(DAY, "growth.stages")

    def queries() -> int:
        viewer_client.get(PAGE)
        with CaptureQueriesContext(connection) as counted:
            viewer_client.get(PAGE)
        return len(counted)

    publish(draft(novice_days=100))
    one = queries()
    Rulebook.objects.filter(version="next").delete()
    publish(draft(tasks={key: {"value": 3} for key in ("rts_products", "themed_products")}))
    assert queries() == one
