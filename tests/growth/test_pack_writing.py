"""Task packs as upstream and staff write them, and those every portal has (GRO-5, GRO-6, GRO-9, GRO-10)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from growth.choices import PackEdition
from growth.models import Pack, PackListing, PackReward, PackTask
from growth.packs.data import packs_load, shipped_packs
from growth.packs.schema import clean_pack
from growth.services.pack_writing import pack_said, pack_save, packs_write
from growth.tasks.reading import page_url
from portal.audience import audience_errors, sellers_concerned
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.engine import ingest_rows
from portal.ingest.kinds import kind_named
from portal.models import Seller, User
from portal.scoping import unscoped
from tests import factories
from tests.growth.pack_world import CARD, CLOSES, COUPON, OPENS, POWER, claim_create, pack_create

pytestmark = pytest.mark.django_db

ROW: dict[str, Any] = {
    "code": "p1", "title_en": "P", "opens_on": "2022-08-05", "closes_on": "2022-09-02",
    "tasks": json.dumps([CARD]),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _unscoped(clock) -> Iterator[None]:
    with unscoped():
        yield


def feed(*rows: dict[str, Any]) -> Any:
    kind = kind_named("packs")
    assert kind is not None
    return ingest_rows(kind, list(rows))


def rejection(**over: Any) -> tuple[str, str]:
    report = feed({**ROW, **over})
    [found] = report.rejections
    assert not Pack.objects.filter(code="p1").exists()
    return found.field, found.message


# --- Ingest -------------------------------------------------------------------------------------


@pytest.mark.rule("GRO-8")
@pytest.mark.parametrize(
    ("conditions", "edition"),
    [
        ([{"op": "eq", "value": "verified"}], PackEdition.VERIFIED),
        ([{"op": "in", "value": ["verified"]}], PackEdition.VERIFIED),
        ([{"op": "ne", "value": "basic"}], PackEdition.VERIFIED),
        ([{"op": "in", "value": ["basic", "verified"]}], PackEdition.GENERAL),
        ([], PackEdition.GENERAL),
    ],
)
def test_a_pack_nobody_but_verified_sellers_may_join_is_theirs(conditions, edition):
    audience = [{"field": "membership", **condition} for condition in conditions]
    assert feed({**ROW, "audience": audience}).created == 1
    assert Pack.objects.get(code="p1").edition == edition


@pytest.mark.rule("GRO-6", "K-15")
def test_a_pack_is_created_updated_and_unchanged():
    full = {
        **ROW, "title_zh": "包", "quota": "1000", "frozen_on": "2022-08-05",
        "audience": '[{"field": "membership", "op": "eq", "value": "verified"}, {"metric": "ext.x", "op": "in", "value": [1, 2]}]',
        "tasks": [CARD, {**POWER, "op": "in", "value": [60, 61.5]}],
        "rewards": [COUPON],
    }  # fmt: skip
    assert feed(full).created == 1
    assert feed(full).unchanged == 1
    pack = Pack.objects.get(code="p1")
    assert (pack.edition, pack.quota, pack.frozen_on) == (PackEdition.VERIFIED, 1000, OPENS)
    assert [task.value for task in pack.tasks.all()] == [1, [60, 61.5]]
    [coupon] = pack.rewards.all()
    assert [tool["code"] for tool in coupon.choices] == ["assistant", "car"]
    # A missing column leaves what is stored, an empty cell clears it.
    assert feed({**ROW, "quota": "", "tasks": [POWER]}).updated == 1
    pack.refresh_from_db()
    assert (pack.quota, pack.title_zh, len(pack.audience)) == (None, "包", 2)
    assert [task.key for task in PackTask.objects.filter(pack=pack)] == ["power"]
    assert PackReward.objects.filter(pack=pack).count() == 1
    assert LogEntry.objects.filter(additional_data__action="pack.change").count() == 1


@pytest.mark.rule("GRO-6", "K-15")
@pytest.mark.parametrize(
    ("over", "field", "said"),
    [
        ({"tasks": "[]"}, "tasks", "at least one task"),
        ({"tasks": "[1]"}, "tasks", "[0] A task is an object"),
        ({"tasks": [{**CARD, "metric": "rfq.gold_quote_month"}]}, "tasks", "rfq.gold_quotes_month"),
        ({"tasks": [{**CARD, "op": "=>"}]}, "tasks", "gte"),
        ({"tasks": [{**CARD, "op": ["gte"]}]}, "tasks", "gte"),
        ({"tasks": [CARD, {**POWER, "key": "card"}]}, "tasks", "[1] key: “card” is given twice"),
        ({"tasks": [{"key": "a", "metric": "ext.x", "op": "gte"}]}, "tasks", "value is missing"),
        ({"tasks": [{**CARD, "value": "many"}]}, "tasks", "write a number"),
        ({"tasks": [{**CARD, "value": True}]}, "tasks", "write a number"),
        ({"tasks": [{**CARD, "value": [1]}]}, "tasks", "“in” takes a list"),
        ({"tasks": [{**CARD, "op": "in", "value": []}]}, "tasks", "write a number"),
        ({"tasks": [{**CARD, "op": "in", "value": list(range(90))}]}, "tasks", "too long"),
        ({"tasks": [{**CARD, "key": ["a"]}]}, "tasks", "letters, digits"),
        ({"tasks": [{**CARD, "target": 1}]}, "tasks", "“target” is not known"),
        ({"audience": '[{"field": "member", "op": "eq", "value": "x"}]'}, "audience", "membership"),
        ({"audience": '[{"field": "membership", "op": "gt", "value": "x"}]'}, "audience", "eq, ne"),
        ({"closes_on": "2022-08-04"}, "closes_on", "before the first"),
        ({"frozen_on": "2022-09-03"}, "frozen_on", "after the last"),
        ({"code": "p 1"}, "code", "letters, digits"),
        ({"quota": "0"}, "quota", "at least 1"),
        ({"rewards": '[{"kind": "tool_cupon"}]'}, "rewards", "tool_coupon"),
        ({"rewards": '[{"kind": "tool_coupon", "chioces": ["a"]}]'}, "rewards", "choices"),
        ({"rewards": '[{"choices": ["a", "a"]}]'}, "rewards", "given twice"),
        ({"rewards": '[{"key": "r"}, {"key": "r"}]'}, "rewards", "given twice"),
        ({"rewards": '[{"valid_months": 0}]'}, "rewards", "valid_months"),
        ({"rewards": '[{"choices": [{"name": "a", "url": "javascript:x"}]}]'}, "rewards", "https://"),
        ({"rewards": "[7]"}, "rewards", "[0] A reward is"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_at_its_field_with_its_place(over, field, said):
    found, message = rejection(**over)
    assert found == field
    assert said in message


@pytest.mark.rule("GRO-6", "K-15")
def test_upstream_may_describe_rewards_in_few_words():
    feed({**ROW, "rewards": json.dumps([
        "Week in the zone", {"kind": "showcase", "amount": 2}, {"kind": "coupon", "title": "Tool"},
        {"type": "vip_badge", "colour": "red"}, {"programme": "zone"},
    ])})  # fmt: skip
    found = [
        (reward.key, reward.kind, reward.title_en, reward.amount, reward.valid_months)
        for reward in PackReward.objects.filter(pack__code="p1")
    ]
    assert found == [
        ("week-in-the-zone", "tool_coupon", "Week in the zone", 1, 1),
        ("showcase-slots", "showcase_slots", "Showcase slots", 2, 2),
        ("tool", "tool_coupon", "Tool", 1, 1),
        ("vip-badge", "tool_coupon", "Vip badge", 1, 1),
        ("programme-place", "programme_place", "Programme place", 1, 1),
    ]


# --- What may change ----------------------------------------------------------------------------


@pytest.mark.rule("GRO-6")
@pytest.mark.parametrize(
    ("over", "refused"),
    [
        ({"title_en": "Other words", "title_zh": "词", "rules_en": "Rules"}, None),
        ({"tasks": [{**CARD, "title_en": "The card", "page": "rfq:market"}]}, None),
        ({"rewards": [{**COUPON, "title_zh": "券", "choices": ["Car", "Assistant", "Bus"]}]}, None),
        ({"closes_on": date(2022, 9, 9), "opens_on": date(2022, 8, 1), "quota": 11}, None),
        ({"quota": None}, None),
        ({"tasks": [{**CARD, "value": 2}]}, "tasks"),
        ({"tasks": [CARD, POWER]}, "tasks"),
        ({"audience": [{"field": "membership", "op": "eq", "value": "verified"}]}, "audience"),
        ({"frozen_on": OPENS}, "frozen_on"),
        ({"opens_on": date(2022, 8, 6)}, "opens_on"),
        ({"closes_on": date(2022, 9, 1)}, "closes_on"),
        ({"quota": 9}, "quota"),
        ({"rewards": []}, "rewards"),
        ({"rewards": [{**COUPON, "choices": ["Car"]}]}, "rewards"),
        ({"rewards": [{**COUPON, "usable_months": 1}]}, "rewards"),
        ({"published": False}, "published"),
        ({"edition": "verified"}, "edition"),
    ],
)  # fmt: skip
def test_what_shops_have_claimed_changes_in_words_and_for_the_better_alone(over, refused, shop):
    pack = pack_create(quota=10, rewards=[COUPON], edition="general")
    claim_create(shop, pack)
    before = pack_said(Pack.objects.get(code="pack"))
    [outcome] = packs_write(rows=[{"code": "pack", **over}])
    if refused is None:
        assert outcome.state == "updated", outcome.errors
    else:
        assert [field for field, _text in outcome.errors] == [refused]
        assert pack_said(Pack.objects.get(code="pack")) == before


@pytest.mark.rule("GRO-7")
def test_places_that_were_not_limited_when_shops_claimed_stay_so(shop):
    claim_create(shop, pack_create())
    [outcome] = packs_write(rows=[{"code": "pack", "quota": 1_000}])
    assert [field for field, _text in outcome.errors] == ["quota"]
    assert Pack.objects.get(code="pack").quota is None


@pytest.mark.rule("GRO-6", "GRO-7")
def test_once_settled_only_words_change(shop, clock):
    pack = pack_create(quota=10)
    Pack.objects.filter(pk=pack.pk).update(settled_at="2022-09-04T00:00:00Z")
    for change in ({"closes_on": date(2022, 9, 9)}, {"quota": 20}, {"opens_on": date(2022, 8, 1)}):
        [outcome] = packs_write(rows=[{"code": "pack", **change}])
        assert [field for field, _text in outcome.errors] == list(change)
    [outcome] = packs_write(rows=[{"code": "pack", "title_en": "Words"}])
    assert outcome.state == "updated"


@pytest.mark.rule("GRO-6", "GRO-10")
def test_before_the_first_claim_a_new_audience_opens_the_list_again(shop):
    pack = pack_create(frozen_on=OPENS)
    Pack.objects.filter(pk=pack.pk).update(listed_at="2022-08-05T20:00:00Z")
    PackListing.objects.create(pack=pack, seller=shop)
    packs_write(rows=[{"code": "pack", "title_en": "Words"}])
    assert PackListing.objects.count() == 1
    packs_write(rows=[{"code": "pack", "frozen_on": date(2022, 8, 6)}])
    pack.refresh_from_db()
    assert (pack.listed_at, PackListing.objects.count()) == (None, 0)


# --- Staff --------------------------------------------------------------------------------------


@pytest.mark.rule("GRO-6", "UI-7")
def test_staff_without_the_permission_write_nothing(staff: User):
    pack = pack_create()
    nobody = factories.user_create("nobody", is_staff=True)
    with pytest.raises(NotAllowed):
        pack_save(actor=nobody, data={"title_en": "X"}, pack=pack)
    with pytest.raises(InvalidInput):
        pack_save(actor=staff, data={**ROW, "code": "pack", "tasks": [CARD]})
    claim_create(factories.seller_create(_leaf()), pack)
    with pytest.raises(Refusal) as refusal:
        pack_save(actor=staff, data={"tasks": [POWER]}, pack=pack)
    assert refusal.value.code == "claimed"
    assert Pack.objects.get(code="pack").title_en == "A pack"


def _leaf() -> Any:
    return factories.tree_create()["e-bike-kits"]


def form(**over: Any) -> dict[str, Any]:
    return {
        "code": "p1", "title_en": "P", "title_zh": "", "rules_en": "", "rules_zh": "",
        "edition": "general", "audience": "[]", "opens_on": "2022-08-05", "closes_on": "2022-09-02",
        "frozen_on": "", "quota": "", "published": "on", "tasks": json.dumps([CARD]), "rewards": "",
        **over,
    }  # fmt: skip


@pytest.mark.rule("GRO-6", "UI-7")
def test_staff_write_preview_and_correct_a_pack_in_the_admin(staff_client, staff, shop):
    add = reverse("admin:growth_pack_add")
    preview = staff_client.post(add, form(_preview="1"))
    assert "1 of 1, as the figures are now" in preview.content.decode()
    assert not Pack.objects.filter(code="p1").exists()
    wrong = staff_client.post(
        add, form(tasks='[{"key": "a", "metric": "rfq.sc", "op": "gte", "value": 1}]')
    )
    assert "There is no metric" in wrong.content.decode()
    assert staff_client.post(add, form()).status_code == 302
    pack = Pack.objects.get(code="p1")
    claim_create(shop, pack)
    change = reverse("admin:growth_pack_change", args=[pack.pk])
    shown = staff_client.get(change).content.decode()
    assert "&quot;ext.card&quot;" in shown
    refused = staff_client.post(change, form(tasks=json.dumps([POWER])))
    assert "only their words may change" in refused.content.decode()
    assert staff_client.post(change, form(title_en="Words")).status_code == 302
    pack.refresh_from_db()
    assert (pack.title_en, pack.tasks.get().metric) == ("Words", "ext.card")
    for name in ("pack", "packclaim", "packlisting", "packstanding", "rewardgrant"):
        assert staff_client.get(reverse(f"admin:growth_{name}_changelist")).status_code == 200


# --- Built in -----------------------------------------------------------------------------------


@pytest.mark.rule("GRO-9", "GRO-10")
def test_the_shipped_packs_are_valid_there_and_stay_as_staff_left_them():
    rows = list(shipped_packs())
    for row in rows:
        assert not clean_pack({"frozen_on": None, **row})[1]
        for task in row["tasks"]:
            assert task["title_zh"]
            assert task["guide_zh"]
    assert set(Pack.objects.values_list("code", flat=True)) >= {row["code"] for row in rows}
    Pack.objects.filter(code="fanxing-2-star").update(title_en="Of staff", published=False)
    Pack.objects.filter(code="company-strength-2022-09").delete()
    packs_load()
    packs_load()
    star = Pack.objects.get(code="fanxing-2-star")
    assert (star.title_en, star.published) == ("Of staff", False)
    assert Pack.objects.get(code="company-strength-2022-09").tasks.count() == 4


@pytest.mark.rule("GRO-9")
def test_tasks_of_shipped_packs_lead_to_pages_that_exist():
    for row in shipped_packs():
        for task in row["tasks"]:
            assert not task.get("page") or page_url(task["page"]), task["page"]


@pytest.mark.rule("GRO-10")
def test_the_fanxing_plan_is_for_starless_verified_shops_open_for_more_than_ninety_days(category):
    def shop(**over: Any) -> Seller:
        return factories.seller_create(
            category, **{"opened_on": date(2022, 5, 6), "membership": "verified"} | over
        )

    joins = shop()
    shop(opened_on=date(2022, 5, 7))  # open for 90 days on 5 August
    shop(assessed_star=1)
    shop(membership="basic")
    shop(opened_on=None)
    packs = Pack.objects.filter(code__startswith="fanxing-2")
    for concerned in sellers_concerned(
        [pack.audience for pack in packs], Seller.objects.all(), day=OPENS
    ):
        assert concerned == {joins.pk}
    star, power = packs.order_by("code")
    assert (star.opens_on, star.closes_on, star.frozen_on) == (OPENS, CLOSES, OPENS)
    assert (star.quota, power.quota, power.rewards.count()) == (1000, None, 4)


@pytest.mark.rule("GRO-6")
def test_an_audience_may_ask_what_upstream_says_of_a_shop(category):
    named, other = (factories.seller_create(category, city=city) for city in ("Suzhou", "Wuxi"))
    main = {"field": "main_category", "op": "eq", "value": category.code}
    shops = {"field": "member_id", "op": "in", "value": [named.member_id]}
    found = sellers_concerned([[main], [main, shops]], Seller.objects.all())
    assert found == [{named.pk, other.pk}, {named.pk}]
    assert not audience_errors([main, shops])
    [error] = audience_errors([{**main, "value": f"{category.code}s"}])
    assert category.code in error


@pytest.mark.rule("GRO-6", "UI-7")
def test_staff_who_may_only_look_read_tasks_and_rewards() -> None:
    person = factories.user_create("looker", is_staff=True)
    person.groups.add(Group.objects.get(name="reviewer"))
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    pack = Pack.objects.get(code="company-strength-2022-08")
    page = client.get(reverse("admin:growth_pack_change", args=[pack.pk])).content.decode()
    assert "compliance.linked_products" in page
    assert "<textarea" not in page
