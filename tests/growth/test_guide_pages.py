"""The growth guide as a shop sees it: page, home page, API, audiences (GRO-1 … GRO-5, K-17)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from growth.guide.reading import guide_reading
from growth.models import StageStanding
from portal.audience import audience_errors, audience_readings, sellers_concerned
from portal.home_tiles import home_cards_for, home_tiles_for
from portal.models import Bulletin, Rulebook, Seller
from portal.next_actions import next_actions_for
from portal.platform_time import end_of, start_of
from portal.scoping import seller_scope, unscoped
from portal.services.bulletins import bulletins_for
from tests import factories
from tests.growth.guide_world import inquiry, order, slots
from tests.growth.world import night, told

pytestmark = pytest.mark.django_db

PAGE, API = "/growth/guide/", "/api/v1/growth/guide"
ONE = timedelta(days=1)
DAY = date(2022, 7, 19)


@pytest.fixture(autouse=True)
def _noon(clock: Any) -> None:
    """2022-07-21: the newest day there can be is DAY."""
    clock.noon(DAY + 2 * ONE)


def opened(shop: Seller, days: int) -> None:
    """Let DAY be a day of the shop: 1 is the day after opening."""
    shop.opened_on = DAY - timedelta(days=days)
    shop.save()


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


# --- The page -----------------------------------------------------------------------------------


@pytest.mark.rule("GRO-1", "K-2", "UI-4")
def test_before_the_first_night_the_stage_is_on_its_way(viewer_client, owner_api):
    assert "Your stage is on its way" in text_of(viewer_client.get(PAGE))
    answer = owner_api.get(API).json()
    assert (answer["as_of"], answer["stage"], answer["tasks"]) == (None, None, [])


@pytest.mark.rule("GRO-2", "GRO-4", "K-2")
def test_the_first_stage_shows_four_core_tasks_and_its_deadline(shop, viewer_client):
    opened(shop, 10)
    told(shop, "ext.potential_products", d2022_07_01=41)
    told(shop, "ext.trade_assurance_active", d2022_07_02=1)
    night(DAY, "growth.stages")
    response = viewer_client.get(PAGE)
    page = text_of(response)
    assert "Jul 19, 2022 24:00" in page
    assert "up to 2 days behind" in page
    tasks = response.context["reading"].tasks
    assert [(each.key, each.reached, each.target, each.done) for each in tasks] == [
        ("video_product", 0, 1, False),
        ("showcase_full", 0, 10, False),
        ("trade_assurance", 1, 1, True),
        ("potential_products", 41, 50, False),
    ]
    assert "41 / 50" in page
    assert all(each.url and each.gain and each.guide for each in tasks)
    assert response.context["reading"].ends_on == DAY + 20 * ONE
    assert "Aug 8, 2022" in page
    assert f'datetime="{end_of(DAY + 20 * ONE).isoformat()}"' in page


@pytest.mark.rule("GRO-3", "GRO-2")
def test_the_second_stage_shows_milestones_and_core_tasks_that_were_missed(shop, viewer_client):
    opened(shop, 40)
    for _ in range(10):
        inquiry(shop, start_of(DAY - ONE))
    order(shop, start_of(DAY), "410")
    night(DAY, "growth.stages")
    response = viewer_client.get(PAGE)
    page = text_of(response)
    reading = response.context["reading"]
    assert [(each.milestone.key, each.value, each.done, each.current) for each in reading.milestones] == [
        ("opportunities", 10, True, False),
        ("order", 1, True, True),  # reached on the day itself: the phase ends the day after
        ("gmv", 410, False, False),
    ]  # fmt: skip
    assert "US$410 of US$1,000" in page
    assert "Unlocked:" in page
    assert "Core tasks still open" in page
    assert len(reading.tasks) == 8
    # Tasks of the current milestone come first.
    assert {each.key for each in reading.tasks[:4]} == {
        "rts_products", "potential_products", "rfq_score_75", "keyword_promotion",
    }  # fmt: skip


@pytest.mark.rule("GRO-5")
def test_courses_and_services_are_those_of_the_stage_and_for_the_shop(shop, viewer_client):
    opened(shop, 40)
    row = Rulebook.objects.get(module="growth.guide", version="2022-07")
    link = {"stages": ["novice_90"], "title_en": "Course", "url": "https://academy.example.org/a"}
    verified = [{"field": "membership", "op": "eq", "value": "verified"}]
    row.content["courses"] = [
        {**link, "title_en": "For everybody"},
        {**link, "title_en": "For verified shops", "audience": verified},
        {**link, "title_en": "For mature shops", "stages": ["mature"]},
    ]
    row.digest = "changed-courses"
    row.save()
    night(DAY, "growth.stages")

    def courses() -> list[str]:
        return [each.title for each in viewer_client.get(PAGE).context["reading"].courses]

    assert courses() == ["For everybody", "For verified shops"]
    Seller.objects.filter(pk=shop.pk).update(membership="basic")
    assert courses() == ["For everybody"]
    assert 'rel="noopener noreferrer"' in text_of(viewer_client.get(PAGE))


@pytest.mark.rule("GRO-1")
@pytest.mark.parametrize(
    ("days", "stage", "words"),
    [
        (-3, "pre_opening", "Have your company authenticated"),
        (91, "mature", "How it goes on"),
    ],
)
def test_before_opening_and_once_mature(shop, viewer_client, days, stage, words):
    opened(shop, days)
    night(DAY, "growth.stages")
    response = viewer_client.get(PAGE)
    assert response.context["reading"].stage == stage
    assert words in text_of(response)


@pytest.mark.rule("GRO-1")
@pytest.mark.parametrize("days", [-1, 10, 40, 100])
def test_the_page_has_a_constant_number_of_queries(shop, viewer_client, days):
    opened(shop, days)
    night(DAY, "growth.stages")
    viewer_client.get(PAGE)
    with CaptureQueriesContext(connection) as few:
        viewer_client.get(PAGE)
    for number in range(12):
        inquiry(shop, start_of(DAY - number * ONE))
    told(shop, "ext.potential_products", d2022_07_01=3, d2022_07_02=7)
    night(DAY, "metrics", "growth.tasks", "growth.stages")
    with CaptureQueriesContext(connection) as many:
        viewer_client.get(PAGE)
    assert len(many) == len(few) < 25


# --- Home page ----------------------------------------------------------------------------------


@pytest.mark.rule("UI-2", "GRO-2")
def test_the_home_page_has_the_stage_and_its_open_tasks(shop, owner, viewer):
    opened(shop, 10)
    told(shop, "ext.trade_assurance_active", d2022_07_02=1)
    night(DAY, "growth.stages")
    today = DAY + 2 * ONE

    def actions(member) -> list[Any]:
        return [
            each for each in next_actions_for(shop, member, today) if each.icon == "signpost-split"
        ]

    with seller_scope(shop):
        assert all(each.url != PAGE for each in home_tiles_for(shop, owner, today))
        [card] = [each.content for each in home_cards_for(shop, owner, today)]
        assert card.progress == "1 of 4 tasks done"
        assert [task.done for task in card.tasks] == [False, False, False, True], "open ones first"
        assert [each.title for each in actions(owner)] == [
            "Publish 1 product with a video that is not of low quality",
            "Use all 10 showcase slots",
            "Publish 50 potential products",
        ]
        assert {each.due for each in actions(owner)} == {end_of(DAY + 20 * ONE)}
        assert actions(viewer) == []


@pytest.mark.rule("UI-2", "GRO-2")
def test_missed_core_tasks_stay_an_action_until_they_are_done(shop, owner):
    opened(shop, 100)
    night(DAY, "growth.stages")
    with seller_scope(shop):
        titles = [each.title for each in next_actions_for(shop, owner, DAY + 2 * ONE)]
        assert "Finish 4 core tasks" in titles
        StageStanding.objects.update(core_done_on=DAY)
        titles = [each.title for each in next_actions_for(shop, owner, DAY + 2 * ONE)]
        assert "Finish 4 core tasks" not in titles


# --- API ----------------------------------------------------------------------------------------


@pytest.mark.rule("GRO-4", "API-1")
def test_the_api_answers_as_of_any_published_day(shop, owner_api, anonymous_api):
    opened(shop, 30)
    slots(shop, DAY, 7)
    told(shop, "ext.potential_products", d2022_07_01="49.5")
    for day in (DAY - ONE, DAY):
        night(day, "growth.stages")
    answer = owner_api.get(API).json()
    assert (answer["as_of"], answer["stage"], answer["phase"]) == (str(DAY), "novice_30", None)
    assert (answer["edition"], answer["day"], answer["ends_on"]) == ("2022-07", 30, str(DAY))
    tasks = {each["key"]: (each["value"], each["target"], each["done"]) for each in answer["tasks"]}
    assert tasks == {
        "video_product": (0, 1, False),
        "showcase_full": (7, 10, False),
        "trade_assurance": (None, 1, False),
        "potential_products": ("49.5", 50, False),
    }
    older = owner_api.get(f"{API}?as_of={DAY - ONE}").json()
    assert (older["as_of"], older["day"]) == (str(DAY - ONE), 29)
    assert {each["key"]: each["value"] for each in older["tasks"]}["showcase_full"] == 0
    assert owner_api.get(f"{API}?as_of={DAY + ONE}").status_code == 400
    assert owner_api.get(f"{API}?as_of=yesterday").status_code == 400
    assert anonymous_api.get(API).status_code == 401


@pytest.mark.rule("K-8")
def test_a_shop_reads_its_own_standing_only(shop, other_shop, owner_api, stranger_api):
    opened(shop, 10)
    opened(other_shop, 100)
    night(DAY, "growth.stages")
    assert owner_api.get(API).json()["stage"] == "novice_30"
    assert stranger_api.get(API).json()["stage"] == "mature"


# --- Audiences ----------------------------------------------------------------------------------


@pytest.mark.rule("K-17", "GRO-6")
def test_audiences_ask_for_stage_and_phase_of_the_newest_published_day(category, shop, owner):
    novice, mature, new = shop, *(factories.seller_create(category) for _ in range(2))
    opened(novice, 40)
    opened(mature, 91)
    audiences = [
        [{"field": "stage", "op": "eq", "value": "mature"}],
        [{"field": "stage", "op": "in", "value": ["novice_30", "novice_90"]}],
        [{"field": "phase", "op": "eq", "value": "opportunities"}],
        [{"field": "stage", "op": "ne", "value": "mature"}],
    ]
    assert sellers_concerned(audiences, Seller.objects.all())[:3] == [set(), set(), set()], (
        "nobody has a stage before the first night"
    )
    night(DAY, "growth.stages")
    assert sellers_concerned(audiences, Seller.objects.all()) == [
        {mature.pk}, {novice.pk}, {novice.pk}, {novice.pk, new.pk},
    ]  # fmt: skip
    # As of an earlier day nothing was published.
    assert sellers_concerned(audiences[:1], Seller.objects.all(), day=DAY - ONE) == [set()]
    with unscoped():
        Bulletin.objects.create(
            slug="for-mature", title_en="For mature shops", body_en="x", audience=audiences[0],
            published_at="2022-07-20T00:00:00Z",
        )  # fmt: skip
    assert [each.slug for each in bulletins_for(seller=mature)] == ["for-mature"]
    assert bulletins_for(seller=novice, member=owner) == []


@pytest.mark.rule("K-17", "GRO-17")
def test_a_condition_on_the_stage_is_read_in_words_and_checked(shop):
    opened(shop, 40)
    night(DAY, "growth.stages")
    audience = [{"field": "stage", "op": "in", "value": ["novice_90", "mature"]}]
    (reading,) = audience_readings(shop, [audience])[0]
    assert (reading.value, reading.met) == ("First 90 days", True)
    assert audience_errors(audience) == []
    assert audience_errors([{"field": "stage", "op": "eq", "value": "novice"}])
    assert audience_errors([{"field": "stage", "op": "gte", "value": "mature"}])


@pytest.mark.rule("K-16", "GRO-5")
def test_the_rules_name_their_numbers_in_words(viewer_client):
    page = text_of(viewer_client.get("/rules/growth.guide/?version=2022-07"))
    assert "Trade assurance active" in page
    assert "Live products with a good video" in page
    assert "ext.trade_assurance_active" not in page


@pytest.mark.rule("UI-7")
def test_staff_look_at_stages_and_tasks_and_change_none(shop, staff_client):
    opened(shop, 40)
    told(shop, "ext.odm", d2022_07_01=1)
    night(DAY, "growth.stages")
    for name in ("stagestanding", "taskdone"):
        assert staff_client.get(f"/admin/growth/{name}/").status_code == 200
        assert staff_client.get(f"/admin/growth/{name}/add/").status_code == 403


@pytest.mark.rule("GRO-1")
def test_the_reading_is_of_the_shop_asked_about(shop, other_shop):
    opened(other_shop, 5)
    night(DAY, "growth.stages")
    with seller_scope(other_shop):
        assert guide_reading(other_shop).stage == "novice_30"
    with seller_scope(shop):
        assert guide_reading(shop).stage == "pre_opening"
