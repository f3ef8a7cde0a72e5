"""A day of staff's work with growth in the admin: lists, decisions, packs, permissions (UI-7)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from growth.choices import EnrolmentState, Stage
from growth.models import (
    Enrolment,
    Pack,
    PackClaim,
    PackStanding,
    RewardGrant,
    StageStanding,
    UpgradeRequest,
)
from portal import platform_time
from portal.models import Category, Member, Seller
from portal.models.standings import FOREVER
from portal.scoping import unscoped
from tests import factories
from tests.growth.pack_world import CARD, COUPON, VERIFIED, pack_create
from tests.growth.programme_world import programme_create

pytestmark = [pytest.mark.rule("UI-7"), pytest.mark.django_db]

NOW = "2022-08-10T12:00:00-07:00"
DAY = date(2022, 8, 1)
NOTHING = {"opportunities": 0, "orders": 0, "received": 0}


def shops(category: Category, number: int) -> list[Seller]:
    industry = Category.objects.get(below__descendant=category, parent__isnull=True)
    rows = [
        Seller(
            member_id=f"n{index}",
            name_en=f"Shop {index}",
            main_category=category,
            industry=industry,
        )
        for index in range(number)
    ]
    return Seller.objects.bulk_create(rows)


def rows_of(sellers: list[Seller], pack: Pack) -> None:
    """Write a row of every kind per shop."""
    now = platform_time.now()
    programme = programme_create("made_up", routes=[{"review": True}])
    with unscoped():
        StageStanding.objects.bulk_create(
            StageStanding(seller=one, stage=Stage.MATURE, rulebook="x", valid_from=DAY, **NOTHING)
            for one in sellers
        )
        PackStanding.objects.bulk_create(
            PackStanding(seller=one, pack=pack, done=0, tasks=1, valid_from=DAY) for one in sellers
        )
        claims = PackClaim.objects.bulk_create(
            PackClaim(seller=one, pack=pack, claimed_at=now) for one in sellers
        )
        reward = pack.rewards.get()
        RewardGrant.objects.bulk_create(
            RewardGrant(
                claim=claim, reward=reward, seller=claim.seller, granted_at=now, usable_until=now
            )
            for claim in claims
        )
        Enrolment.objects.bulk_create(
            Enrolment(seller=one, programme=programme, state=EnrolmentState.APPLIED, applied_at=now)
            for one in sellers
        )
        UpgradeRequest.objects.bulk_create(
            UpgradeRequest(seller=one, contact="L", phone="1", asked_at=now, due_at=now)
            for one in sellers
        )


LISTS = ["stagestanding", "packstanding", "packclaim", "rewardgrant", "enrolment", "upgraderequest"]


def test_lists_of_a_thousand_rows_take_as_many_queries_as_short_ones(
    staff_client: Client, clock: Callable[[str], None], category: Category
) -> None:
    clock(NOW)
    pack = pack_create(rewards=[COUPON])
    everybody = shops(category, 1000)

    def queries() -> dict[str, int]:
        found = {}
        for name in LISTS:
            staff_client.get(reverse(f"admin:growth_{name}_changelist"))
            with CaptureQueriesContext(
                connection,
            ) as counted:
                page = staff_client.get(reverse(f"admin:growth_{name}_changelist"))
            assert page.status_code == 200
            found[name] = len(counted)
        return found

    rows_of(everybody[:2], pack)
    few = queries()
    with unscoped():
        programme = Enrolment.objects.get(seller=everybody[0]).programme
        Enrolment.objects.all().delete()
        programme.delete()
        for model in (RewardGrant, PackClaim, PackStanding, StageStanding, UpgradeRequest):
            model.objects.all().delete()
    rows_of(everybody, pack)
    assert queries() == few


def test_a_standing_is_found_by_shop_and_as_of_a_day(
    staff_client: Client, category: Category
) -> None:
    first, second = shops(category, 2)
    with unscoped():
        StageStanding.objects.create(
            seller=first, stage=Stage.NOVICE_30, rulebook="old", valid_from=DAY,
            valid_to=DAY + timedelta(days=4), **NOTHING,
        )  # fmt: skip
        StageStanding.objects.create(
            seller=second, stage=Stage.MATURE, rulebook="new", valid_from=DAY + timedelta(days=5),
            **NOTHING,
        )  # fmt: skip
    listed = reverse("admin:growth_stagestanding_changelist")
    on_fifth = staff_client.get(listed, {"as_of": "2022-08-05"}).content.decode()
    assert "Shop 0" in on_fifth
    assert "Shop 1" not in on_fifth
    on_sixth = staff_client.get(listed, {"as_of": "2022-08-06"}).content.decode()
    assert "Shop 1" in on_sixth
    assert "Shop 0" not in on_sixth
    assert "9999" not in on_sixth, "what still holds has no last day"
    assert 'type="date" name="as_of" value="2022-08-06"' in on_sixth
    nonsense = staff_client.get(listed, {"as_of": "soon"})
    assert nonsense.status_code == 200
    assert "Shop" not in nonsense.content.decode().partition("result_list")[2]
    assert "Shop 1" in staff_client.get(listed, {"q": "n1"}).content.decode()
    assert FOREVER.year == 9999


# --- Packs --------------------------------------------------------------------------------------


def pack_form(**over: Any) -> dict[str, Any]:
    return {
        "code": "p1", "title_en": "P", "title_zh": "", "rules_en": "", "rules_zh": "",
        "edition": "general", "audience": "", "opens_on": "2022-08-12", "closes_on": "2022-09-02",
        "frozen_on": "", "quota": "", "published": "on", "tasks": json.dumps([CARD]), "rewards": "",
        **over,
    }  # fmt: skip


@pytest.mark.rule("GRO-8")
def test_packs_that_wait_are_a_queue_and_all_packs_a_list(
    staff_client: Client, clock: Callable[[str], None]
) -> None:
    clock(NOW)
    for code, days in (("second", 20), ("first", 30)):
        opens = DAY - timedelta(days=days)
        pack_create(code=code, opens_on=opens, closes_on=opens + timedelta(days=5))
    listing = reverse("admin:growth_pack_changelist")

    def codes(**chosen: str) -> list[str]:
        shown = staff_client.get(listing, chosen).context["cl"].result_list
        return [pack.code for pack in shown if pack.code in ("first", "second")]

    assert codes(state="waiting") == ["first", "second"]
    assert codes() == ["second", "first"]


@pytest.mark.rule("GRO-6")
def test_every_mistake_of_a_pack_is_told_at_once_at_its_field(staff_client: Client) -> None:
    answer = staff_client.post(
        reverse("admin:growth_pack_add"),
        pack_form(
            code="no code!",
            title_en="",
            title_zh="Only here",
            audience='[{"field": "membershp", "op": "eq", "value": "verified"}]',
            opens_on="2022-09-03",
            quota="0",
            tasks='[{"key": "a"}]',
            rewards='[{"kind": "tool_coupn"}]',
        ),
    )
    wrong = answer.context["adminform"].form.errors
    assert set(wrong) == {
        "code", "title_en", "audience", "closes_on", "quota", "tasks", "rewards",
    }  # fmt: skip
    assert "[0]" in wrong["tasks"][0]
    assert not Pack.objects.filter(title_zh="Only here").exists()


@pytest.mark.rule("GRO-6")
def test_a_preview_names_shops_and_saves_nothing(
    staff_client: Client, clock: Callable[[str], None], category: Category
) -> None:
    clock(NOW)
    Seller.objects.all().delete()
    everybody = shops(category, 23)
    Seller.objects.filter(pk__in=[one.pk for one in everybody[:21]]).update(membership="verified")
    add = reverse("admin:growth_pack_add")
    empty = staff_client.get(add).content.decode()
    assert re.search(r'<textarea name="audience"[^>]*>\s*</textarea>', empty), "nothing is not null"
    page = staff_client.post(
        add, pack_form(audience=json.dumps([VERIFIED]), _preview="1")
    ).content.decode()
    assert "21 of 23" in page
    assert "(n0)" in page
    assert "and 1 more" in page
    assert not Pack.objects.filter(code="p1").exists()


# --- Decisions ----------------------------------------------------------------------------------


@pytest.mark.rule("GRO-15")
def test_an_answer_without_a_decision_is_not_lost_in_silence(
    staff_client: Client, shop: Seller, clock: Callable[[str], None]
) -> None:
    clock(NOW)
    now = platform_time.now()
    with unscoped():
        asked = UpgradeRequest.objects.create(
            seller=shop, contact="L", phone="1", asked_at=now, due_at=now - timedelta(hours=3)
        )
    page = reverse("admin:growth_upgraderequest_change", args=[asked.pk])
    answer = staff_client.post(page, {"decision": "", "answer": "Welcome"})
    assert answer.status_code == 200
    assert "decision" in answer.context["adminform"].form.errors
    assert "Welcome" in answer.content.decode()
    queue = reverse("admin:growth_upgraderequest_changelist")
    assert "overdue by 3 hours" in staff_client.get(queue).content.decode()
    done = staff_client.post(page, {"decision": "done", "answer": "Welcome"}, follow=True)
    assert f"{shop}: Done" in done.content.decode()
    assert "overdue" not in done.content.decode()


@pytest.mark.rule("GRO-17")
def test_pages_of_an_enrolment_are_named_by_programme_and_shop(
    staff_client: Client, owner: Member, shop: Seller, clock: Callable[[str], None]
) -> None:
    clock(NOW)
    programme = programme_create("made_up", routes=[{"review": True}])
    with unscoped():
        enrolment = Enrolment.objects.create(
            seller=shop, programme=programme, state=EnrolmentState.APPLIED,
            applied_at=platform_time.now(),
        )  # fmt: skip
    name = f"{programme.title} · {shop}"
    for page in ("change", "history"):
        address = reverse(f"admin:growth_enrolment_{page}", args=[enrolment.pk])
        crumbs = re.search(
            r'<div class="breadcrumbs">(.*?)</div>',
            staff_client.get(address).content.decode(),
            re.DOTALL,
        )
        assert crumbs is not None
        assert name in crumbs[1]
    shown = staff_client.get(
        reverse("admin:growth_enrolment_change", args=[enrolment.pk])
    ).content.decode()
    assert 'name="ground"' not in shown, "an application has nobody to remove"


@pytest.mark.parametrize(
    ("group", "enrolments", "packs"),
    [("operator", True, True), ("reviewer", True, False), ("risk officer", False, False)],
)
def test_groups_do_their_own_part(
    shop: Seller, clock: Callable[[str], None], group: str, enrolments: bool, packs: bool
) -> None:
    clock(NOW)
    client = factories.in_group(group)
    programme = programme_create("made_up", routes=[{"review": True}])
    with unscoped():
        enrolment = Enrolment.objects.create(
            seller=shop, programme=programme, state=EnrolmentState.APPLIED,
            applied_at=platform_time.now(),
        )  # fmt: skip
    page = reverse("admin:growth_enrolment_change", args=[enrolment.pk])
    assert ('name="decision"' in client.get(page).content.decode()) is enrolments
    inline = {"events-TOTAL_FORMS": 0, "events-INITIAL_FORMS": 0}
    taken = client.post(page, {"decision": "take", "reason": ""} | inline)
    assert taken.status_code == (302 if enrolments else 403)
    enrolment.refresh_from_db()
    assert (enrolment.state == EnrolmentState.IN_REVIEW) is enrolments
    pack = pack_create()
    change = reverse("admin:growth_pack_change", args=[pack.pk])
    assert ('name="title_en"' in client.get(change).content.decode()) is packs
    assert client.get(reverse("admin:growth_pack_add")).status_code == (200 if packs else 403)
    for name in (*LISTS, "taskdone", "starstanding", "starassessment", "growthscore"):
        assert client.get(reverse(f"admin:growth_{name}_changelist")).status_code == 200


@pytest.mark.rule("GRO-17")
def test_a_programme_is_typed_by_lines_and_its_mistakes_come_back_with_it(
    staff_client: Client,
) -> None:
    programme = programme_create("made_up", routes=[{"review": True}])
    page = reverse("admin:growth_programme_change", args=[programme.pk])
    shown = staff_client.get(page).context["adminform"].form["content"].value()
    assert shown.startswith('{\n  "')
    given = {
        "kind": programme.kind, "title_en": "Made up", "title_zh": "", "position": "1",
        "published": "on",
    }  # fmt: skip
    unreadable = staff_client.post(page, given | {"content": '{"routes": [}'})
    assert "line 1 column" in unreadable.context["adminform"].form.errors["content"][0]
    wrong = staff_client.post(page, given | {"content": "[[routes]]\nreviewed = true"})
    mistakes = wrong.context["adminform"].form.errors["content"]
    assert [text for text in mistakes if "reviewed" in text]
    assert "reviewed = true" in wrong.content.decode(), "what was typed is not lost"
    programme.refresh_from_db()
    assert programme.content["routes"] == [{"review": True}]
    assert staff_client.post(page, given | {"content": shown}).status_code == 302
