"""Pages, API, rewards and notices of task packs (GRO-6 … GRO-8, K-18, UI-2)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from growth.models import Pack, PackClaim, RewardGrant
from growth.nightly.packs import PACKS
from growth.nightly.rewards import REWARDS
from growth.services.pack_settling import pack_settle
from growth.services.rewards import (
    reward_choose,
    reward_use,
    rewards_lapse,
)
from growth.services.vouchers import VOUCHER_LETTERS
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.home_tiles import home_tiles_for
from portal.models import Member, Notice, Seller
from portal.next_actions import next_actions_for
from portal.platform_time import end_of
from portal.scoping import seller_scope, unscoped
from tests.growth.pack_world import (
    CARD,
    CLOSES,
    COUPON,
    OPENS,
    POWER,
    claim_create,
    complete,
    pack_create,
    publish,
)
from tests.growth.world import night, told

pytestmark = pytest.mark.django_db

ONE = timedelta(days=1)
SECOND = timedelta(seconds=1)
GRANTED = CLOSES + 2 * ONE
LAST = date(2022, 12, 4)
"""The last day of a reward granted on 4 September."""


@pytest.fixture(autouse=True)
def _packs(clock) -> None:
    clock.noon(OPENS)
    Pack.objects.all().delete()  # those every portal has


def rewarded(seller: Seller, clock: Any, **over: Any) -> RewardGrant:
    """Return a reward that a pack granted on 4 September."""
    pack = pack_create(**{"rewards": [COUPON]} | over)
    claim_create(seller, pack)
    complete(seller, pack, OPENS)
    clock.noon(GRANTED)
    publish(CLOSES, PACKS)
    assert pack_settle(pack=pack, as_of=CLOSES).rewarded == 1
    with unscoped():
        return RewardGrant.objects.select_related("reward").get()


def refused(code: str, call: Any, **options: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        call(**options)
    assert refusal.value.code == code


def fresh(grant: RewardGrant) -> RewardGrant:
    with unscoped():
        return RewardGrant.objects.get(pk=grant.pk)


# --- Rewards ------------------------------------------------------------------------------------


@pytest.mark.rule("GRO-8")
@pytest.mark.both_databases
def test_a_coupon_is_chosen_once_used_once_and_gives_a_voucher_for_a_month(owner, colleague, clock):
    grant = rewarded(owner.seller, clock)
    assert grant.usable_until == end_of(LAST)
    with pytest.raises(NotAllowed):
        reward_choose(member=colleague, grant=grant, choice="car")
    with pytest.raises(InvalidInput):
        reward_choose(member=owner, grant=grant, choice="bus")
    refused("choice_missing", reward_use, member=owner, grant=grant)
    reward_choose(member=owner, grant=grant, choice="car")
    refused("already_chosen", reward_choose, member=owner, grant=grant, choice="assistant")
    clock((end_of(LAST) - SECOND).isoformat())
    used = reward_use(member=owner, grant=grant)
    assert (used.status, used.choice) == ("used", "car")
    assert used.valid_until == end_of(date(2023, 1, 4))
    assert len(used.voucher) == 19
    assert set(used.voucher) <= {*VOUCHER_LETTERS, "-"}
    refused("already_used", reward_use, member=owner, grant=grant)
    refused("already_used", reward_choose, member=owner, grant=grant, choice="car")
    assert fresh(grant).voucher == used.voucher
    trail = LogEntry.objects.filter(additional_data__action__startswith="reward.")
    assert sorted(row.additional_data["action"] for row in trail) == ["reward.choose", "reward.use"]
    assert used.voucher not in str([row.changes for row in trail])


@pytest.mark.rule("GRO-8")
@pytest.mark.both_databases
def test_a_reward_lapses_at_the_instant_and_by_the_night(owner, clock, owner_client):
    grant = rewarded(owner.seller, clock, rewards=[{**COUPON, "choices": []}])
    clock(end_of(LAST).isoformat())
    refused("lapsed", reward_use, member=owner, grant=grant)
    assert fresh(grant).status == "granted"
    assert "Lapsed" in owner_client.get(reverse("growth:rewards")).content.decode()
    assert rewards_lapse(now=end_of(LAST) - SECOND) == 0
    with unscoped():
        night(LAST - ONE, REWARDS)
    assert fresh(grant).status == "lapsed"
    refused("lapsed", reward_use, member=owner, grant=grant)


@pytest.mark.rule("GRO-8")
def test_slots_and_places_take_effect_by_themselves(shop, clock):
    grant = rewarded(shop, clock, rewards=[{"kind": "showcase_slots", "amount": 2}])
    assert (grant.status, grant.valid_until) == ("used", end_of(date(2022, 11, 4)))
    assert rewards_lapse(now=end_of(date(2023, 1, 1))) == 0


@pytest.mark.rule("GRO-7", "GRO-8", "K-18")
def test_shops_are_told_before_the_end_of_the_outcome_and_before_a_reward_lapses(
    owner, stranger, viewer, clock, django_capture_on_commit_callbacks, mailoutbox
):
    pack = pack_create(tasks=[CARD, POWER], rewards=[COUPON, {**COUPON, "key": "b"}], quota=1)
    for member in (owner, stranger):
        claim_create(member.seller, pack)
        told(member.seller, "ext.card", d2022_08_01=1)
    told(owner.seller, "ext.power", d2022_08_30=60)
    told(stranger.seller, "ext.power", d2022_09_01=60)

    def notices(day: date) -> list[tuple[str, str]]:
        before = set(Notice.objects.values_list("pk", flat=True))
        clock.noon(day)
        night(day - 2 * ONE, REWARDS)
        night(day - 2 * ONE, REWARDS)
        fresh = Notice.objects.exclude(pk__in=before).exclude(user=viewer.user)
        return sorted((notice.user.username, notice.kind) for notice in fresh)

    with unscoped():
        assert notices(CLOSES - 8 * ONE) == []
        ending = [("owner", "pack_ending"), ("stranger", "pack_ending")]
        assert notices(CLOSES - 7 * ONE) == ending
        # As of 30 August one of them has done all.
        assert notices(CLOSES - ONE) == [("stranger", "pack_ending")]
        with django_capture_on_commit_callbacks(execute=True):
            assert notices(GRANTED) == [
                ("owner", "pack_reward_granted"), ("stranger", "pack_not_rewarded"),
            ]  # fmt: skip
        told_titles = {mail.subject for mail in mailoutbox}
        assert {
            "Reward granted: RFQ tool, RFQ tool",
            "Task pack A pack: Places spent",
        } <= told_titles
        assert notices(LAST - 8 * ONE) == []
        assert notices(LAST - 7 * ONE) == [("owner", "reward_lapsing")] * 2
        RewardGrant.objects.filter(reward__key="b").update(status="used")
        assert notices(LAST - ONE) == [("owner", "reward_lapsing")]
        # Viewers hear of it, too: they are of the shop.
        assert Notice.objects.filter(user=viewer.user, kind="pack_reward_granted").exists()


@pytest.fixture
def warned(clock):
    """What shops are warned of in the night of a day, with the days left."""

    def run(day: date) -> list[tuple[str, str]]:
        clock.noon(day)
        with unscoped():
            before = set(Notice.objects.values_list("pk", flat=True))
            night(day - 2 * ONE, REWARDS)
            fresh = Notice.objects.exclude(pk__in=before)
            return [(notice.kind, notice.params["days"]) for notice in fresh]

    return run


@pytest.mark.rule("GRO-7", "K-18")
def test_nights_that_were_missed_leave_no_end_of_a_pack_untold(owner, warned):
    claim_create(owner.seller, pack_create())
    assert warned(CLOSES - 9 * ONE) == []
    assert warned(CLOSES - 5 * ONE) == [("pack_ending", 5)]
    assert warned(CLOSES - 4 * ONE) == []
    assert warned(CLOSES) == [("pack_ending", 0)]


@pytest.mark.rule("GRO-8", "K-18")
def test_nights_that_were_missed_let_no_reward_lapse_untold(owner, clock, warned):
    rewarded(owner.seller, clock)
    assert warned(LAST - 9 * ONE) == []
    assert warned(LAST) == [("reward_lapsing", 0)], "one notice, though both are late"
    assert warned(LAST + ONE) == []


# --- API ----------------------------------------------------------------------------------------


@pytest.mark.rule("GRO-6", "API-1")
def test_the_api_lists_claims_and_refuses_by_code(owner_api, colleague_api, stranger_api, clock):
    pack_create(tasks=[CARD, {**POWER, "op": "in", "value": [60.5]}], rewards=[COUPON], quota=3)
    pack_create(code="later", opens_on=OPENS + ONE)
    pack_create(code="basic", audience=[{"field": "membership", "op": "eq", "value": "basic"}])
    pack_create(code="hidden", published=False)
    told(Seller.objects.get(member_id="cn1001"), "ext.power", d2022_08_01="60.5")
    clock.noon(OPENS + 2 * ONE)
    with unscoped():
        night(OPENS, PACKS)
    clock.noon(OPENS)
    first = owner_api.get("/api/v1/growth/packs").json()
    assert {row["code"]: row["state"] for row in first["results"]} == {
        "later": "not_open", "basic": "not_eligible", "pack": "open",
    }  # fmt: skip
    assert first["next"] is None
    clock.noon(OPENS + 2 * ONE)
    path = "/api/v1/growth/packs/pack"
    row = owner_api.get(path).json()
    assert row["tasks"] == [
        {"key": "card", "title": "card", "value": None, "target": 1, "op": "gte", "done": False},
        {"key": "power", "title": "power", "value": "60.5", "target": ["60.5"], "op": "in", "done": True},
    ]  # fmt: skip
    assert (row["quota_left"], row["as_of"], row["granted_by"]) == (3, "2022-08-05", "2022-10-15")
    assert [reward["key"] for reward in row["rewards"]] == ["coupon"]
    assert colleague_api.post(f"{path}/claim").status_code == 403
    assert owner_api.post("/api/v1/growth/packs/hidden/claim").status_code == 404
    answer = owner_api.post(f"{path}/claim")
    assert (answer.status_code, answer.json()["state"]) == (200, "claimed")
    for code, refusal in (("pack", "already_claimed"), ("basic", "not_eligible")):
        answer = owner_api.post(f"/api/v1/growth/packs/{code}/claim")
        assert (answer.status_code, answer.json()["code"]) == (409, refusal)
    assert stranger_api.get(path).json()["state"] == "open"
    clock.noon(CLOSES + ONE)
    answer = stranger_api.post(f"{path}/claim")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_open")
    with unscoped():
        assert PackClaim.objects.count() == 1


@pytest.mark.rule("GRO-8", "K-8", "API-1")
def test_rewards_over_the_api_are_the_shops_own(owner_api, viewer_api, stranger_api, shop, clock):
    grant = rewarded(shop, clock)
    [row] = viewer_api.get("/api/v1/growth/rewards").json()["results"]
    assert (row["id"], row["status"], row["choice"], row["voucher"]) == (
        grant.pk,
        "granted",
        "",
        "",
    )
    assert [tool["code"] for tool in row["choices"]] == ["assistant", "car"]
    assert stranger_api.get("/api/v1/growth/rewards").json()["results"] == []
    path = f"/api/v1/growth/rewards/{grant.pk}"
    for action in ("choose", "use"):
        sent = {"choice": "car"}
        assert stranger_api.post(f"{path}/{action}", sent).status_code == 404
        assert viewer_api.post(f"{path}/{action}", sent).status_code == 403
    assert owner_api.post(f"{path}/choose", {"choice": "bus"}).status_code == 400
    assert owner_api.post(f"{path}/choose", {"choice": "car"}).json()["choice"] == "car"
    key = {"Idempotency-Key": "k1"}
    used = owner_api.post(f"{path}/use", headers=key).json()
    assert used["voucher"]
    assert owner_api.post(f"{path}/use", headers=key).json() == used
    again = owner_api.post(f"{path}/use")
    assert (again.status_code, again.json()["code"]) == (409, "already_used")


# --- Pages --------------------------------------------------------------------------------------


@pytest.mark.rule("GRO-6")
def test_the_owner_claims_on_the_page_and_a_second_click_changes_nothing(
    owner_client, viewer_client, shop
):
    pack_create(rewards=[COUPON], title_zh="任务", edition="verified")
    pack_create(code="basic", title_en="For others", audience=[{"field": "membership", "op": "eq", "value": "basic"}])  # fmt: skip
    url, claim = reverse("growth:pack", args=["pack"]), reverse("growth:pack-claim", args=["pack"])
    pack_create(code="soon", title_en="Opens soon", opens_on=OPENS + 31 * ONE, closes_on=CLOSES + 31 * ONE)  # fmt: skip
    pack_create(code="far", title_en="Opens later", opens_on=OPENS + 32 * ONE, closes_on=CLOSES + 32 * ONE)  # fmt: skip
    listed = viewer_client.get(reverse("growth:packs")).content.decode()
    assert "A pack" in listed
    assert "Opens soon" in listed
    assert "Opens later" not in listed
    assert "For others" not in listed
    assert claim not in listed
    assert claim not in viewer_client.get(url).content.decode()
    assert viewer_client.post(claim).status_code == 403
    shown = owner_client.get(url).content.decode()
    assert claim in shown
    assert "Choose 1 of 2: Assistant, Car" in shown
    assert "Oct 10, 2022" in shown
    owner_client.post(claim)
    again = owner_client.post(claim, follow=True)
    assert "claimed this pack already" in again.content.decode()
    with unscoped():
        assert PackClaim.objects.count() == 1
    other = owner_client.get(reverse("growth:pack", args=["basic"])).content.decode()
    assert "not for your shop" in other
    assert "Membership: Gold Supplier" in other, "it says which condition is not met"
    assert "Not done" in other
    assert "To do" not in other, "what brings nothing is nobody's to do"
    assert owner_client.get(reverse("growth:pack", args=["nothing"])).status_code == 404


@pytest.mark.rule("GRO-8")
def test_a_reward_is_chosen_and_used_on_the_page_with_a_confirmation(owner_client, owner, clock):
    grant = rewarded(owner.seller, clock)
    page = reverse("growth:rewards")
    choose = reverse("growth:reward-choose", args=[grant.pk])
    use = reverse("growth:reward-use", args=[grant.pk])
    assert owner_client.post(choose, {"choice": ""}).status_code == 400
    asked = owner_client.post(choose, {"choice": "car"})
    assert "The choice is final" in asked.content.decode()
    assert fresh(grant).choice == ""
    owner_client.post(choose, {"choice": "car", "confirmed": "1"})
    assert "Use it now" in owner_client.get(use).content.decode()
    owner_client.post(use)
    assert fresh(grant).voucher in owner_client.get(page).content.decode()
    assert owner_client.get(use).status_code == 302


@pytest.mark.rule("UI-4")
def test_a_deadline_stands_in_both_zones_with_what_is_left(owner_client, clock, shop):
    pack_create()
    for name, args in (("growth:packs", []), ("growth:pack", ["pack"])):
        page = " ".join(owner_client.get(reverse(name, args=args)).content.decode().split())
        assert "Claim before:" in page
        assert "Sep 3, 2022 00:00 Pacific" in page
        assert "<small>Sep 3, 2022 15:00 China</small>" in page
        assert "30 days left" in page or "29 days left" in page or "28 days left" in page


@pytest.mark.rule("UI-1", "K-8")
def test_an_address_that_takes_forms_leads_back_to_its_page(
    owner_client, stranger_client, owner, clock
):
    """A person whose session ended is sent on by a link, not by the form."""
    grant = rewarded(owner.seller, clock)
    choose = reverse("growth:reward-choose", args=[grant.pk])
    claim = reverse("growth:pack-claim", args=["pack"])
    assert owner_client.get(choose).url == reverse("growth:rewards")
    assert stranger_client.get(choose).status_code == 404
    assert owner_client.get(claim).url == reverse("growth:pack", args=["pack"])
    assert fresh(grant).choice == ""


@pytest.mark.rule("GRO-6", "GRO-7")
@pytest.mark.parametrize("outcome", ["rewarded", "failed", "quota_spent"])
def test_an_outcome_is_explained(owner_client, shop, clock, outcome):
    claim_create(shop, pack_create(quota=1000))
    clock.noon(GRANTED)
    words = {"rewarded": "are yours", "failed": "Not all tasks", "quota_spent": "1,000 places"}
    url = reverse("growth:pack", args=["pack"])
    assert "The last day is counted two days later" in owner_client.get(url).content.decode()
    with unscoped():
        PackClaim.objects.update(outcome=outcome)
    assert words[outcome] in owner_client.get(url).content.decode()
    assert "A pack" in owner_client.get(reverse("growth:packs")).content.decode()


@pytest.mark.rule("GRO-6")
def test_pages_take_the_same_number_of_queries_for_any_number_of_packs(owner_client, shop, clock):
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as found:
            assert owner_client.get(path).status_code == 200
        return len(found)

    def more(numbers: range) -> None:
        for number in numbers:
            pack = pack_create(code=f"p{number}", quota=9, rewards=[COUPON], tasks=[CARD, POWER])
            claim = claim_create(shop, pack)
            for reward in pack.rewards.all():
                with unscoped():
                    RewardGrant.objects.create(
                        claim=claim, reward=reward, seller=shop, granted_at=end_of(OPENS),
                        usable_until=end_of(LAST),
                    )  # fmt: skip

    pages = [reverse("growth:packs"), reverse("growth:rewards"), "/api/v1/growth/packs"]
    clock.noon(OPENS + 2 * ONE)
    with unscoped():
        night(OPENS, PACKS)
    more(range(2))
    for page in pages:
        queries(page)
    before = [queries(page) for page in pages]
    more(range(2, 9))
    assert [queries(page) for page in pages] == before


# --- Home ---------------------------------------------------------------------------------------


def actions(member: Member, day: date) -> list[str]:
    with seller_scope(member.seller):
        found = next_actions_for(member.seller, member, day)
    return [
        str(each.title) for each in found if "/growth/packs" in each.url or "reward" in each.url
    ]


@pytest.mark.rule("GRO-6", "GRO-8", "UI-2")
def test_home_offers_what_can_be_claimed_finished_and_used(owner, viewer, clock):
    pack = pack_create(rewards=[COUPON], tasks=[CARD, POWER])
    pack_create(code="basic", audience=[{"field": "membership", "op": "eq", "value": "basic"}])
    assert actions(owner, OPENS) == ["Claim the task pack “A pack”"]
    assert actions(viewer, OPENS) == []
    with seller_scope(owner.seller):
        [tile] = [
            tile
            for tile in home_tiles_for(owner.seller, owner, OPENS)
            if tile.url == reverse("growth:packs")
        ]
    assert (tile.value, tile.hint) == ("1", "to be claimed: 1")
    claim_create(owner.seller, pack)
    assert actions(viewer, OPENS) == ["2 tasks of the pack “A pack” are left"]
    Pack.objects.filter(code="pack").update(code="old")
    with unscoped():
        PackClaim.objects.all().delete()
    Pack.objects.all().delete()
    grant = rewarded(owner.seller, clock)
    assert actions(owner, GRANTED) == ["Choose the tool of “RFQ tool”"]
    with unscoped():
        RewardGrant.objects.filter(pk=grant.pk).update(choice="car")
    assert actions(owner, GRANTED) == ["Use “RFQ tool”"]
