"""What a change of rules does: to one shop (K-17), to all of them before it is published (K-16)."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from portal import platform_time
from portal.choices import RulebookStatus
from portal.models import Bulletin, Member, Rulebook, Seller
from portal.rule_changes import rule_change_for, rulebook_to_come
from portal.rule_impact import RuleImpact, impact_of
from portal.scoping import seller_scope, unscoped
from portal.services.rulebooks import content_digest, rulebooks_published
from rfq.models import ScoreOutlook, ServiceScore
from rfq.score.schema import SCORE
from tests import factories
from tests.factories import Node
from tests.rfq.score_world import World, night
from tests.rfq.world import quote_create, rfq_create

pytestmark = pytest.mark.django_db

DAY = date(2022, 8, 1)


@pytest.fixture(autouse=True)
def _noon(clock: Any) -> None:
    """2022-08-03: the newest day is 2022-08-01, under 2022-01; 2022-08 starts today."""


@pytest.fixture
def tree(db: None) -> dict[str, Any]:
    """The small tree with three more industries."""
    more = [Node(code, None, code, code) for code in ("alone", "pair", "lone")]
    return factories.tree_create([*factories.TREE, *more])


@pytest.fixture
def world(tree: dict[str, Any]) -> None:
    """Sixty sellers with a night of scores and of the outlook."""
    World(tree, DAY, sellers=60, seed=7).make()
    night(DAY, "rfq.score", "rfq.outlook", shards=2)


def draft(version: str = "draft", *, like: str = "2022-08", **changes: Any) -> Rulebook:
    """Make a draft with the content of a shipped rulebook."""
    content = Rulebook.objects.get(module=SCORE, version=like).content | changes
    return Rulebook.objects.create(
        module=SCORE,
        version=version,
        effective_from=platform_time.today() + timedelta(days=30),
        content=content,
        digest=content_digest(content),
    )


def totals(model: Any) -> dict[str, int]:
    with unscoped():
        rows = model.objects.as_of(DAY).values_list("seller__member_id", "total")
        return dict(rows)


# --- The outlook of the night -------------------------------------------------------------------


@pytest.mark.rule("K-17")
@pytest.mark.parametrize(
    ("as_of", "version"),
    [
        (date(2022, 6, 16), None),
        (date(2022, 6, 17), "2022-08"),  # shown on June 19, 45 days before August 3
        (date(2022, 8, 2), "2022-08"),
        (date(2022, 8, 3), None),
        (date(2021, 11, 14), None),
        (date(2021, 11, 15), "2022-01"),
        (date(2021, 12, 31), "2022-01"),
    ],
)
def test_rules_are_compared_from_45_days_before_they_start(
    db: None, as_of: date, version: str | None
) -> None:
    found = rulebook_to_come(rulebooks_published(SCORE), as_of)
    assert (found.version if found else None) == version


@pytest.mark.both_databases
@pytest.mark.rule("K-17", "RFQ-15")
def test_the_outlook_counts_by_the_hours_of_the_other_rules(shop: Seller) -> None:
    posted = platform_time.parse_instant("2022-08-01T01:00:00-07:00")
    for waited in (timedelta(hours=12), timedelta(hours=12, seconds=1)):
        rfq = rfq_create(posted_at=posted)
        quote_create(seller=shop, rfq=rfq, submitted_at=posted + waited)
    night(DAY, "rfq.score", "rfq.outlook")
    with unscoped():
        now = ServiceScore.objects.as_of(DAY).get()
        then = ScoreOutlook.objects.as_of(DAY).get()
    assert (now.rulebook, now.quotes, now.quotes_in_time) == ("2022-01", 2, 2)
    assert (then.rulebook, then.quotes, then.quotes_in_time) == ("2022-08", 2, 1)
    assert (now.login_days_points, then.login_days_points) == (0, None)


@pytest.mark.rule("K-17", "NGT-3")
def test_without_announced_rules_there_is_no_outlook(world: None, clock: Any) -> None:
    later = date(2022, 8, 4)
    clock.noon(date(2022, 8, 6))
    night(later, "rfq.score", "rfq.outlook")
    with unscoped():
        assert ScoreOutlook.objects.as_of(DAY).exists()
        assert not ScoreOutlook.objects.as_of(later).exists()


# --- What changes for a shop --------------------------------------------------------------------


def first_member(member_id: str = "w000") -> Member:
    return factories.member_create(Seller.objects.get(member_id=member_id))


@pytest.mark.both_databases
@pytest.mark.rule("K-17")
def test_a_bulletin_compares_the_own_score_factor_by_factor(world: None) -> None:
    member = first_member()
    rules = Rulebook.objects.get(module=SCORE, version="2022-08")
    with seller_scope(member.seller):
        change = rule_change_for(member.seller, rules)
        before = ServiceScore.objects.as_of(DAY).get(seller=member.seller)
        after = ScoreOutlook.objects.as_of(DAY).get(seller=member.seller)
    assert change is not None
    assert (change.before, change.after, change.as_of) == ("2022-01", "2022-08", DAY)
    factors, rewards = change.tables
    assert factors.total is not None
    assert factors.total.before == f"{before.total} points"
    assert factors.total.after == f"{after.total} points"
    rows = {str(row.label): row for row in factors.rows}
    assert rows["Login days"].after == "not judged"
    assert rows["Quotes this month"].before == f"{before.quotes_points} of 20"
    assert rows["Response rate"].after == f"{after.response_rate_points} of 20"
    assert "within 12 hours" in str(rows["Response rate"].note)
    assert "within 24 hours" in str(rows["Response rate"].note)
    assert rows["RFQ GMV"].after == f"{after.gmv_points} of 30"
    shown = [int(str(row.after).split()[0]) for row in factors.rows if row.after != "not judged"]
    assert sum(shown) == after.total
    assert [str(row.label) for row in rewards.rows][:2] == [
        "Quote rights",
        "Gold-opportunity rights",
    ]


@pytest.mark.rule("K-17", "K-8")
def test_the_page_and_the_call_show_the_reader_s_own_change(world: None) -> None:
    rules = Rulebook.objects.get(module=SCORE, version="2022-08")
    Bulletin.objects.create(
        slug="august", title_en="August", body_en="New.", rulebook=rules,
        published_at=platform_time.now() - timedelta(hours=1),
    )  # fmt: skip
    for member_id in ("w000", "w001"):
        member = first_member(member_id)
        client = Client()
        client.force_login(member.user, backend="django.contrib.auth.backends.ModelBackend")
        page = client.get("/bulletins/august/").content.decode()
        assert "What changes for you" in page
        assert f"{totals(ScoreOutlook)[member_id]} points" in page
        api: APIClient = factories.api_client(member.user)
        told = api.get("/api/v1/bulletins/august/change").json()["change"]
        assert told["tables"][0]["total"]["after"] == f"{totals(ScoreOutlook)[member_id]} points"
        assert told["tables"][0]["total"]["before"] == f"{totals(ServiceScore)[member_id]} points"


@pytest.mark.rule("K-17")
def test_the_comparison_stays_that_of_the_last_day_before_the_change(
    world: None, clock: Any
) -> None:
    clock.noon(date(2022, 8, 12))
    night(date(2022, 8, 2), "rfq.score", "rfq.outlook")
    night(date(2022, 8, 10), "rfq.score", "rfq.outlook")
    member = first_member()
    rules = Rulebook.objects.get(module=SCORE, version="2022-08")
    with seller_scope(member.seller):
        change = rule_change_for(member.seller, rules)
        first = Rulebook.objects.get(module=SCORE, version="2021-09")
        assert rule_change_for(member.seller, first) is None
    assert change is not None
    assert change.as_of == date(2022, 8, 2)


# --- Whom a draft touches -----------------------------------------------------------------------


def counts(impact: RuleImpact) -> dict[str, int]:
    return {group.key: group.count for group in impact.groups}


@pytest.mark.both_databases
@pytest.mark.rule("K-16")
def test_the_preview_says_what_the_night_would_say_under_the_draft(world: None) -> None:
    impact = impact_of(draft())
    assert impact is not None
    old, new = totals(ServiceScore), totals(ScoreOutlook)
    assert old.keys() == new.keys()
    assert len(old) > 40
    found = counts(impact)
    row = {"old": (90, 80, 70, 60, 40, 0), "new": (90, 80, 60, 0)}

    def start(table: str, total: int) -> int:
        return next(at for at in row[table] if total >= at)

    assert found["all"] == impact.sellers == len(old)
    assert found["gain"] == sum(new[key] > old[key] for key in old) > 0
    assert found["lose"] == sum(new[key] < old[key] for key in old) > 0
    moved = {key: start("new", new[key]) - start("old", old[key]) for key in old}
    assert found["up"] == sum(step > 0 for step in moved.values())
    assert found["down"] == sum(step < 0 for step in moved.values()) > 0
    assert found["early"] == sum(new[key] >= 60 and old[key] < 70 for key in old)
    assert found["not_early"] == sum(new[key] < 60 and old[key] >= 70 for key in old)
    listed = {cells[0]: (int(cells[2]), int(cells[3])) for cells in impact.rows("all", 0, None)}
    assert listed == {key: (old[key], new[key]) for key in old}


@pytest.mark.rule("K-16")
def test_the_same_rules_touch_nobody_and_other_hours_do(world: None) -> None:
    same = impact_of(draft("same", like="2022-01"))
    assert same is not None
    assert {key: number for key, number in counts(same).items() if number} == {"all": same.sellers}
    content = Rulebook.objects.get(module=SCORE, version="2022-01").content
    factors = [
        each | {"hours": 1} if each["key"] == "response_rate" else each
        for each in content["factors"]
    ]
    other = impact_of(draft("hours", like="2022-01", factors=factors))
    assert other is not None
    assert counts(other)["gain"] + counts(other)["lose"] > 0


@pytest.mark.rule("K-16", "UI-7")
def test_staff_see_the_impact_before_publishing_page_by_page_and_as_csv(
    world: None, staff_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = draft()
    publish = reverse("admin:portal_rulebook_publish", args=[rules.pk])
    page = staff_client.get(publish)
    impact = page.context["impact"]
    assert "Whom it touches" in page.content.decode()
    assert f"{impact.sellers} sellers as of 2022-08-01" in page.content.decode()
    rules.refresh_from_db()
    assert rules.status == RulebookStatus.DRAFT
    monkeypatch.setattr("portal.admin.rulebooks.IMPACT_PAGE", 10)
    address = reverse("admin:portal_rulebook_impact", args=[rules.pk])
    paged = [staff_client.get(address, {"page": number}).context["rows"] for number in (1, 2)]
    assert [len(rows) for rows in paged] == [10, 10]
    file = staff_client.get(f"{address[: -len('impact/')]}impact.csv", {"group": "all"})
    text = b"".join(file.streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(StringIO(text)))
    assert len(rows) == impact.sellers + 1
    assert [row[0] for row in rows[1:21]] == [cells[0] for each in paged for cells in each]
    losses = [int(row[3]) - int(row[2]) for row in rows[1:]]
    assert losses == sorted(losses)
    assert staff_client.get(address, {"group": "no such", "page": "x"}).status_code == 200


@pytest.mark.rule("K-16")
def test_a_preview_takes_the_same_queries_for_any_number_of_sellers(
    shop: Seller, django_assert_num_queries: Any
) -> None:
    rules = draft()
    night(DAY, "rfq.score")
    impact_of(rules)
    with CaptureQueriesContext(connection) as few:
        list(impact_of(rules).rows("all", 0, 100))  # type: ignore[union-attr]
    for _number in range(20):
        factories.seller_create(shop.main_category)
    night(DAY, "rfq.score")
    with django_assert_num_queries(len(few)):
        rows = list(impact_of(rules).rows("all", 0, 100))  # type: ignore[union-attr]
    assert len(rows) == 21


@pytest.mark.rule("K-16")
def test_mistakes_and_a_portal_without_nights_have_no_preview(
    staff_client: Client, owner_client: Client
) -> None:
    rules = draft()
    page = staff_client.get(reverse("admin:portal_rulebook_publish", args=[rules.pk]))
    assert page.context["impact"] is None
    assert "Nothing is counted yet" in page.content.decode()
    broken = draft("broken", rewards=[])
    page = staff_client.get(reverse("admin:portal_rulebook_publish", args=[broken.pk]))
    assert "Shown once the draft has no mistakes" in page.content.decode()
    address = reverse("admin:portal_rulebook_impact", args=[broken.pk])
    assert staff_client.get(address).status_code == 302
    assert owner_client.get(address).status_code == 302
    published = Rulebook.objects.get(module=SCORE, version="2022-08")
    shown = reverse("admin:portal_rulebook_impact", args=[published.pk])
    assert staff_client.get(shown).status_code == 404
