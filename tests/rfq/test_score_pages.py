"""Pages of the service score as a shop sees them, and what the home page tells (RFQ-18, RFQ-19)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.metrics import metric_job
from portal.models import Member, MetricValue, Seller
from portal.next_actions import NextAction, next_actions_for
from portal.scoping import seller_scope, unscoped
from rfq.models import Assessment, ScoreOutlook, ServiceScore
from rfq.nightly.assess import FIXED_ON
from rfq.score.reading import FIX_DAY, score_standing
from tests import factories
from tests.factories import Node
from tests.rfq.score_rows import DAY, benchmark, outlook_row, score_publish, score_row
from tests.rfq.score_world import World, night
from tests.rfq.world import assessment_create, rights_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("RFQ-19")]

PAGE, TRY = "/rfq/score/", "/rfq/score/simulate/"


@pytest.fixture(autouse=True)
def _noon(clock: Any) -> None:
    """2022-08-03: the newest day there can be is 2022-08-01."""


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


# --- Explanation and stored points ----------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.rule("RFQ-18")
@pytest.mark.parametrize("day", [date(2022, 7, 31), date(2022, 9, 12)])
def test_what_is_explained_is_what_the_night_stored(db: None, clock: Any, day: date) -> None:
    more = [Node(code, None, code, code) for code in ("alone", "pair", "lone")]
    clock.noon(date(2022, 10, 1))
    World(factories.tree_create([*factories.TREE, *more]), day, sellers=80, seed=11).make()
    night(day)
    with unscoped():
        rows = list(ServiceScore.objects.as_of(day).select_related("seller"))
    assert len(rows) > 50
    for row in rows:
        with seller_scope(row.seller):
            standing = score_standing(row.seller)
        score = standing.score
        assert score is not None
        assert standing.as_of == day
        assert (score.total, score.bonus, score.marketing_bonus) == (
            row.total, row.bonus, row.marketing_bonus,
        )  # fmt: skip
        assert score.bonus_forfeited == row.bonus_forfeited
        for each in score.factors:
            assert each.points == getattr(row, f"{each.key}_points")


# --- The score page -------------------------------------------------------------------------------


@pytest.mark.rule("K-2")
def test_the_page_shows_value_points_table_and_next_step(
    shop: Seller, viewer_client: Client
) -> None:
    score_publish(DAY)
    row = score_row(shop)
    response = viewer_client.get(PAGE)
    page = text_of(response)
    assert "Data as of" in page
    assert "Aug 1, 2022 24:00" in page
    assert response.context["score"].total == row.total
    cards = {card.key: card for card in response.context["cards"]}
    reply = cards["reply_rate"]
    assert (reply.value, reply.counts) == ("15%", "3 of 20 RFQs quoted got a reply")
    assert (reply.points, reply.max) == (6, 15)
    assert [row.value for row in reply.rows if row.current] == ["from 10%"]
    assert reply.next == "3 more replies → 30%, +6 points"
    assert reply.next in page
    assert "divided by all RFQs you quoted" in reply.definition
    assert [row.value for row in cards["gmv"].rows if row.current] == ["above US$0"]
    assert str(cards["response_rate"].name) == "24-hour response rate"
    assert "within 1 hour" in " ".join(cards["response_rate"].tips)
    assert [step.key for step in response.context["steps"]] == ["reply_rate", "gmv", "login_days"]
    own = [label for label, _cells, own in response.context["table"].rows if own]
    assert own == ["60–69"]
    assert 'href="/rules/rfq.score/?version=2022-01"' in page


@pytest.mark.rule("K-8")
@pytest.mark.parametrize(("peers", "told"), [(4, False), (5, True)])
def test_the_page_tells_of_peers_from_five_on(
    shop: Seller, owner_client: Client, peers: int, told: bool
) -> None:
    score_publish(DAY)
    score_row(shop, quotes_rank=3, quotes_peers=peers)
    benchmark(shop, "quotes", 60, peers)
    page = text_of(owner_client.get(PAGE))
    assert ("begins at 60 quotes" in page) == told
    assert (f"Place 3 of {peers}" in page) == told
    assert ("20 more quotes" in page) == told


@pytest.mark.rule("K-8")
def test_each_shop_sees_its_own_score(
    shop: Seller, other_shop: Seller, owner_client: Client, stranger_client: Client
) -> None:
    score_publish(DAY)
    score_row(shop, quotes=41)
    assert "41 quotes" in text_of(owner_client.get(PAGE))
    theirs = stranger_client.get(PAGE, {"seller": shop.member_id})
    assert theirs.context["score"] is None
    assert "No score for this shop yet" in text_of(theirs)
    assert stranger_client.get(TRY).context["standing"].row is None


def test_before_the_first_night_it_says_when(owner_client: Client) -> None:
    assert "Your first score is on its way" in text_of(owner_client.get(PAGE))


@pytest.mark.rule("RFQ-14")
def test_a_forfeited_bonus_says_why_and_for_how_long(shop: Seller, owner_client: Client) -> None:
    score_publish(DAY)
    score_row(shop, valid_to=date(2022, 7, 31), gmv=Decimal("980.50"))
    score_row(shop, valid_from=DAY, bonus_forfeited=True, gmv=1200)
    bonus = owner_client.get(PAGE).context["bonus"]
    assert (bonus.state, bonus.points) == ("forfeited", 0)
    assert bonus.text == (
        "No bonus of 20 points from Aug 1, 2022 to Aug 31, 2022: on Jul 31, 2022 the RFQ GMV of 90 "
        "days was US$980.50, below US$1,000."
    )


@pytest.mark.rule("RFQ-14")
@pytest.mark.parametrize(("gmv", "state"), [("999.99", "at_risk"), ("1000", "given")])
def test_a_bonus_at_risk_says_what_is_missing(
    shop: Seller, owner_client: Client, gmv: str, state: str
) -> None:
    score_publish(DAY)
    score_row(shop, gmv=Decimal(gmv))
    bonus = owner_client.get(PAGE).context["bonus"]
    assert (bonus.state, bonus.points) == (state, 20)
    assert ("US$0.01 are missing" in bonus.text) == (state == "at_risk")


@pytest.mark.rule("RFQ-18", "RFQ-10")
def test_the_month_s_rights_have_their_grant_days(
    shop: Seller, owner_client: Client, clock: Any
) -> None:
    assert FIX_DAY == FIXED_ON
    clock("2022-08-02T12:00:00-07:00")
    assert "fixed on <time" in text_of(owner_client.get(PAGE))
    clock("2022-08-03T12:00:00-07:00")
    assessment_create(seller=shop, quote_rights=15, gold_rights=None, fast_lane_rights=0)
    parts = owner_client.get(PAGE).context["month_parts"]
    assert [(str(p["name"]), p["amount"], p["day"].day, p["granted"]) for p in parts] == [
        ("Quote rights", "8", 3, True),
        ("Gold-opportunity rights", "Unlimited", 3, True),
        ("Quote rights", "7", 15, False),
    ]


@pytest.mark.rule("K-17")
def test_new_rules_are_shown_until_the_figures_are_theirs(
    shop: Seller, owner_client: Client, clock: Any
) -> None:
    score_publish(DAY)
    score_publish(DAY, job="rfq.outlook")
    row = score_row(shop)
    assert owner_client.get(PAGE).context["change"] is None
    after = outlook_row(shop, quotes_in_time=10, response_rank=20)
    response = owner_client.get(PAGE)
    change = response.context["change"]
    assert (change.before, change.after) == ("2022-01", "2022-08")
    total = change.tables[0].total
    assert (total.before, total.after) == (f"{row.total} points", f"{after.total} points")
    assert "New rules from" in text_of(response)
    clock.noon(date(2022, 8, 5))
    score_publish(date(2022, 8, 3))
    assert owner_client.get(PAGE).context["standing"].as_of == date(2022, 8, 3)
    assert owner_client.get(PAGE).context["change"] is None


@pytest.mark.rule("RFQ-18")
def test_history_draws_both_scores_with_their_table(shop: Seller, owner_client: Client) -> None:
    score_publish(DAY - timedelta(days=1), DAY)
    score_row(shop)
    assessment_create(seller=shop)
    plot = owner_client.get(PAGE).context["plot"]
    assert "Predicted" in plot
    assert "Assessed" in plot
    assert "plot-line plot-2" in plot


@pytest.mark.parametrize("address", [PAGE, TRY, "/"])
def test_pages_take_the_same_queries_whatever_there_is_to_show(
    shop: Seller, owner_client: Client, django_assert_num_queries: Any, address: str
) -> None:
    score_publish(DAY)
    score_publish(DAY, job="rfq.outlook")
    score_row(shop, valid_from=DAY, gmv=2000)
    outlook_row(shop)
    assessment_create(seller=shop, quote_rights=15)
    rights_create(shop, quote=5)
    owner_client.get(address)
    with CaptureQueriesContext(connection) as few:
        owner_client.get(address)
    for back in range(1, 15):
        day = DAY - timedelta(days=5 * back)
        score_publish(day)
        score_row(shop, valid_from=day, valid_to=day, gmv=back)
        assessment_create(seller=shop, as_of=day)
        rights_create(shop, quote=5, gold=5, pin=5)
    for key in ("quotes", "response_rate"):
        benchmark(shop, key, 60)
    with django_assert_num_queries(len(few)):
        owner_client.get(address)


# --- What if --------------------------------------------------------------------------------------


def test_the_form_starts_with_the_own_figures(shop: Seller, viewer_client: Client) -> None:
    score_publish(DAY)
    row = score_row(shop)
    page = viewer_client.get(TRY, {"rulebook": "2022-01"})
    assert page.context["tried"].score.total == row.total
    assert page.context["gain"] == 0
    given = page.context["given"]
    assert (given["quoted"], given["replied"], given["gmv"]) == ("20", "3", "999.50")
    assert given["quotes"] == str(row.quotes_points)


def test_changed_figures_are_compared_with_the_present_and_nothing_is_saved(
    shop: Seller, owner_client: Client
) -> None:
    score_publish(DAY)
    score_row(shop)
    with unscoped():
        before = list(ServiceScore.objects.values())
    page = owner_client.get(TRY, {"rulebook": "2022-01", "shown": "2022-01", "replied": "6"})
    assert page.context["gain"] == 6
    rows = {str(row.label): row for row in page.context["factors"]}
    reply = rows["Buyer reply rate"]
    assert (reply.now, reply.then, reply.difference) == ("6", "12", "+6")
    fewer = owner_client.get(TRY, {"rulebook": "2022-01", "replied": "5", "quoted": "17"})
    assert fewer.context["gain"] == 0  # 29.41 %
    richer = owner_client.get(
        TRY, {"rulebook": "2022-08", "gmv": "35000", "replied": "10", "quotes": "20"}
    )
    assert richer.context["tried"].score.total >= 80
    rewards = {str(row.label): row for row in richer.context["rewards"]}
    assert rewards["Gold-opportunity rights"].then == "Unlimited"
    assert rewards["Pin rights"].direction == 1
    with unscoped():
        assert list(ServiceScore.objects.values()) == before
        assert not Assessment.objects.exists()


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"replied": "21", "quoted": "20"}, "replied"),
        ({"quoted": "many"}, "quoted"),
        ({"gmv": "-1"}, "gmv"),
        ({"quotes": "21"}, "quotes"),
        ({"membership": "gold"}, "membership"),
        ({"assessed_star": "6"}, "assessed_star"),
    ],
)
def test_a_wrong_figure_is_explained_at_its_field(
    owner_client: Client, sent: dict[str, str], field: str
) -> None:
    page = owner_client.get(TRY, {"rulebook": "2022-08", **sent})
    assert set(page.context["errors"]) == {field}
    assert page.context["tried"] is None
    assert "invalid-feedback" in text_of(page)


def test_another_rulebook_has_its_own_fields_and_cuts_points(owner_client: Client) -> None:
    old = owner_client.get(TRY, {"rulebook": "2021-09", "quotes": "25"})
    names = [field.name for field in old.context["fields"]]
    assert {"login_days", "quotes_last_month", "free_used_percent"} <= set(names)
    assert old.context["tried"].score.factor("quotes").points == 25
    moved = owner_client.get(TRY, {"rulebook": "2022-08", "shown": "2021-09", "quotes": "25"})
    assert moved.context["given"]["quotes"] == "20"
    assert moved.context["errors"] == {}
    assert "login_days" not in [field.name for field in moved.context["fields"]]
    assert owner_client.get(TRY, {"rulebook": "x"}).context["book"].version == "2022-08"


def test_an_unticked_box_gives_the_bonus_back(shop: Seller, owner_client: Client) -> None:
    score_publish(DAY)
    score_row(shop, bonus_forfeited=True)
    sent = {"rulebook": "2022-08", "shown": "2022-08"}
    assert owner_client.get(TRY).context["tried"].score.bonus == 0
    assert owner_client.get(TRY, sent).context["tried"].score.bonus == 20
    ticked = owner_client.get(TRY, {**sent, "bonus_forfeited": "1"})
    assert ticked.context["tried"].score.bonus == 0


# --- The home page --------------------------------------------------------------------------------


@pytest.mark.rule("UI-2")
def test_the_home_page_shows_score_trend_and_rights_left(
    shop: Seller, owner_client: Client
) -> None:
    rights_create(shop, quote=7, gold=None)
    tiles = {str(tile.label): tile for tile in owner_client.get("/").context["tiles"]}
    assert list(tiles) == ["Quote rights left"]
    score_publish(DAY - timedelta(days=4), DAY)
    first = score_row(shop, valid_to=DAY - timedelta(days=1))
    last = score_row(shop, valid_from=DAY, gmv=60_000)
    for day, row in ((DAY - timedelta(days=4), first), (DAY, last)):
        score_publish(day, job=metric_job("rfq.service_score"))
        with unscoped():
            MetricValue.objects.create(
                seller=shop,
                metric="rfq.service_score",
                value=row.total,
                valid_from=day,
                valid_to=day,
            )
    tiles = {str(tile.label): tile for tile in owner_client.get("/").context["tiles"]}
    score = tiles["RFQ service score"]
    assert (score.value, score.url) == (str(last.total), PAGE)
    assert score.hint == f"predicted, +{last.total - first.total} in 4 days"
    assert "sparkline" in score.chart
    rights = tiles["Quote rights left"]
    assert rights.value == "7"
    assert "Gold-opportunity rights: Unlimited" in rights.hint


def actions(member: Member, day: date) -> dict[str, NextAction]:
    with seller_scope(member.seller):
        found = next_actions_for(member.seller, member, day)
    return {str(action.title): action for action in found if PAGE in action.url}


@pytest.mark.rule("UI-2")
def test_the_cheapest_step_is_what_to_do_next(shop: Seller, owner: Member, viewer: Member) -> None:
    score_publish(DAY)
    score_row(shop, gmv=4000)
    step = actions(owner, date(2022, 8, 3))["3 more replies → 30%, +6 points"]
    assert step.gain == "Service score: 6 points more; reaches the rewards from 70 points"
    assert (step.loses, step.due) == ("", None)
    assert step.url == f"{PAGE}#factor-reply_rate"
    assert not actions(viewer, date(2022, 8, 3))


@pytest.mark.rule("UI-2", "RFQ-18")
@pytest.mark.parametrize(("day", "decides"), [(24, False), (25, True), (31, True)])
def test_in_the_last_week_of_a_month_the_assessment_presses(
    shop: Seller, owner: Member, clock: Any, day: int, decides: bool
) -> None:
    score_publish(DAY)
    score_row(shop, gmv=50_000)
    clock.noon(date(2022, 8, day))
    step = actions(owner, date(2022, 8, day))["3 more replies → 30%, +6 points"]
    assert (step.due is not None) == decides
    assert ("fixed on Sep 3, 2022" in str(step.loses)) == decides


@pytest.mark.rule("UI-2", "RFQ-14")
@pytest.mark.parametrize(("gmv", "told"), [("999.99", True), ("1000", False)])
def test_a_bonus_at_risk_presses(shop: Seller, owner: Member, gmv: str, told: bool) -> None:
    score_publish(DAY)
    score_row(shop, gmv=Decimal(gmv))
    found = actions(owner, date(2022, 8, 3))
    assert ("Keep the bonus of verified sellers" in found) == told


def test_outlooks_are_the_shop_s_own(shop: Seller, other_shop: Seller) -> None:
    outlook_row(shop)
    with seller_scope(other_shop):
        assert not ScoreOutlook.objects.exists()
