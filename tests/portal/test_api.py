"""The kernel's calls: own rows only, one shape of lists and errors, a schema that tells (API-1, K-8)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from rest_framework.throttling import UserRateThrottle

from portal import platform_time
from portal.choices import Role, RulebookStatus
from portal.models import (
    Bulletin,
    BulletinRead,
    Buyer,
    Category,
    Dispute,
    Inquiry,
    Member,
    Notice,
    Order,
    OrderLine,
    Rulebook,
    Seller,
    User,
)
from portal.scoping import unscoped
from portal.services.notices import notice_send
from tests import factories

pytestmark = [pytest.mark.rule("API-1"), pytest.mark.django_db]

API = "/api/v1"
PROBLEM = "application/problem+json"


@pytest.fixture(autouse=True)
def _clock(clock: object) -> None:
    """Every test lives on 2022-08-03."""


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is a problem of that code; return it."""
    assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM)
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["title"]
    return dict(body)


def order(seller: Seller, number: int = 1, **fields: Any) -> Order:
    buyer, _made = Buyer.objects.get_or_create(
        buyer_id=f"b{number}", defaults={"company": "Rad GmbH", "country": "DE", "tier": "L3"}
    )
    moment = platform_time.now()
    defaults = {
        "order_id": f"{seller.member_id}-{number}",
        "buyer": buyer,
        "channel": "trade_assurance",
        "kind": "rts",
        "amount": "12.50",
        "created_at": moment,
    }
    with unscoped():
        Inquiry.objects.create(
            inquiry_id=f"{seller.member_id}-i{number}",
            seller=seller,
            buyer=buyer,
            at=moment,
            product_ref="p1",
        )
        return Order.objects.create(seller=seller, **{**defaults, **fields})


# --- Who one is ---------------------------------------------------------------------------------


def test_me_names_member_shop_role_and_language(owner_api: APIClient, owner: Member) -> None:
    body = owner_api.get(f"{API}/me").json()
    assert {key: body[key] for key in ("member", "seller", "role", "language")} == {
        "member": "owner",
        "seller": "cn1001",
        "role": "owner",
        "language": "en",
    }
    assert owner_api.patch(f"{API}/me", {"language": "zh-hans"}).json()["language"] == "zh-hans"
    problem(owner_api.patch(f"{API}/me", {"language": "xx"}), 400, "invalid")
    owner.user.refresh_from_db()
    assert owner.user.language == "zh-hans"


@pytest.mark.rule("K-8")
def test_people_in_several_shops_choose_one_of_theirs(
    owner_api: APIClient, owner: Member, other_shop: Seller, category: Category
) -> None:
    second = factories.seller_create(category, member_id="cn3003", name_en="A second shop")
    Member.everywhere.create(user=owner.user, seller=second, role=Role.VIEWER)

    def seller(**headers: str) -> str:
        return str(owner_api.get(f"{API}/me", headers=headers).json()["seller"])

    assert seller(**{"X-Seller": "cn3003"}) == "cn3003"
    assert seller() == "cn3003"
    shops = {shop["seller"] for shop in owner_api.get(f"{API}/me").json()["shops"]}
    assert shops == {"cn1001", "cn3003"}


@pytest.mark.rule("K-8")
def test_what_names_a_shop_is_never_done_to_another(
    owner_api: APIClient, owner: Member, other_shop: Seller, category: Category
) -> None:
    """A shop one has left is like one that does not exist, and one's other shops are not taken for it."""
    Member.everywhere.create(user=owner.user, seller=other_shop, role=Role.OWNER, is_active=False)
    answers = [
        owner_api.post(
            f"{API}/listings/shipping-templates", {"name": "Sea"}, headers={"X-Seller": one}
        )
        for one in (other_shop.member_id, "nonsense")
    ]
    for answer in answers:
        problem(answer, 403, "permission_denied")
    assert answers[0].json() == answers[1].json()
    assert (
        owner_api.get(f"{API}/shop", headers={"X-Seller": owner.seller.member_id}).status_code
        == 200
    )


# --- Errors -------------------------------------------------------------------------------------


def test_every_error_is_a_problem(
    anonymous_api: APIClient, owner_api: APIClient, colleague_api: APIClient, staff_api: APIClient
) -> None:
    answer = anonymous_api.get(f"{API}/me")
    problem(answer, 401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Token"
    problem(staff_api.get(f"{API}/me"), 403, "permission_denied")
    problem(colleague_api.get(f"{API}/members"), 403, "permission_denied")
    for address in (f"{API}/nonsense", "/api/v2/me", f"{API}/me/", f"{API}/orders/none"):
        problem(owner_api.get(address), 404, "not_found")
    problem(owner_api.get(f"{API}/orders?cursor=nonsense"), 404, "not_found")
    answer = owner_api.delete(f"{API}/me")
    problem(answer, 405, "method_not_allowed")
    assert "PATCH" in answer["Allow"]
    problem(owner_api.get(f"{API}/me", HTTP_ACCEPT="text/csv"), 406, "not_acceptable")
    form = owner_api.post(f"{API}/members", "a=1", content_type="application/x-www-form-urlencoded")
    problem(form, 415, "unsupported_media_type")
    broken = owner_api.post(f"{API}/members", "{", content_type="application/json")
    problem(broken, 400, "parse_error")
    listed = owner_api.post(f"{API}/members", "[]", content_type="application/json")
    problem(listed, 400, "invalid")
    wrong = problem(owner_api.post(f"{API}/members", {"role": "king"}), 400, "invalid")
    assert {row["field"] for row in wrong["errors"]} == {"username", "email", "role"}
    problem(owner_api.get(f"{API}/orders?kind=nonsense"), 400, "invalid")


def test_a_bad_token_is_told(owner: Member) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Token nonsense")
    problem(client.get(f"{API}/me"), 401, "authentication_failed")


def test_too_many_calls_are_told_when_to_come_back(
    owner_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UserRateThrottle, "get_rate", lambda self: "1/min")
    assert owner_api.get(f"{API}/me").status_code == 200
    answer = owner_api.get(f"{API}/me")
    problem(answer, 429, "throttled")
    assert int(answer["Retry-After"]) > 0


def test_a_failure_of_ours_is_a_problem_too(
    owner_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("portal.api.bulletins.bulletins_for", fail)
    owner_api.raise_request_exception = False
    answer = owner_api.get(f"{API}/bulletins")
    body = problem(answer, 500, "server_error")
    assert "secret" not in str(body)


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "address",
    [
        "/orders/a%00b",
        "/categories/%00",
        "/members/%00",
        "/bulletins/%00",
        "/orders?destination=%00",
        "/categories?q=%00",
        "/orders?first_day=0001-01-01",
        "/orders?last_day=9999-12-31",
        "/orders?cursor=cD1ub25zZW5zZQ==",
        "/notices?cursor=cj0xJnA9eA==",
        "/categories?cursor=cD0lMDA=",
        "/inquiries?page_size=99999999999999999999",
        "/rulebooks?day=x",
    ],
)
def test_odd_input_is_never_a_failure_of_ours(owner_api: APIClient, address: str) -> None:
    answer = owner_api.get(f"{API}{address}")
    assert answer.status_code in (200, 400, 404)
    if answer.status_code != 200:
        assert answer["Content-Type"] == PROBLEM


# --- Other shops --------------------------------------------------------------------------------


@pytest.mark.rule("K-8")
def test_another_shops_rows_do_not_exist(
    shop: Seller, owner_api: APIClient, stranger_api: APIClient, colleague: Member
) -> None:
    mine = order(shop)
    notice_send(
        kind="question_answered", key="k", seller=shop, params={"bulletin": "B", "answer": "A"}
    )
    with unscoped():
        notice = Notice.objects.first()
    assert notice is not None
    for path in ("orders", "inquiries", "notices"):
        assert owner_api.get(f"{API}/{path}").json()["results"] != []
        assert stranger_api.get(f"{API}/{path}").json() == {"results": [], "next": None}
    for path in (f"orders/{mine.order_id}", "members/colleague"):
        assert owner_api.get(f"{API}/{path}").status_code == 200
        foreign = stranger_api.get(f"{API}/{path}")
        absent = stranger_api.get(f"{API}/{path.split('/')[0]}/never-existed")
        assert problem(foreign, 404, "not_found") == problem(absent, 404, "not_found")
    problem(stranger_api.patch(f"{API}/members/colleague", {"role": "viewer"}), 404, "not_found")
    problem(stranger_api.post(f"{API}/members/colleague/deactivate"), 404, "not_found")
    stranger_api.post(f"{API}/notices/read", {"ids": [notice.pk]})
    with unscoped():
        notice.refresh_from_db()
    colleague.refresh_from_db()
    assert (notice.read_at, colleague.role, colleague.is_active) == (None, "salesperson", True)


# --- Catalogue ----------------------------------------------------------------------------------


@pytest.mark.rule("K-12")
def test_the_tree_is_walked_and_searched(owner_api: APIClient) -> None:
    def codes(**query: str) -> list[str]:
        answer = owner_api.get(f"{API}/categories", query)
        return [row["code"] for row in answer.json()["results"]]

    assert codes(root="true") == ["home", "sports"]
    assert codes(parent="e-bike-parts") == ["e-bike-batteries", "e-bike-kits"]
    assert codes(under="home") == ["home", "kitchenware", "vacuum-flasks"]
    assert codes(q="电动自行车套件") == codes(q="electric KITS") == ["e-bike-kits"]
    assert codes(leaf="true", under="bicycles") == ["helmets", "e-bike-batteries", "e-bike-kits"]
    today = platform_time.today()
    Category.objects.filter(code="helmets").update(suspended_from=today, suspended_to=today)
    Category.objects.filter(code="e-bike-kits").update(suspended_from=today + timedelta(days=1))
    assert codes(flag="suspended") == ["helmets"]
    assert codes(flag="prohibited") == []


@pytest.mark.rule("K-12")
def test_a_category_lists_its_attributes_inherited_ones_too(owner_api: APIClient) -> None:
    body = owner_api.get(f"{API}/categories/e-bike-kits", headers={"Accept-Language": "zh-hans"})
    body = body.json()
    assert body["path"] == "运动及娱乐>>自行车>>电动自行车零件>>电动自行车套件"
    assert body["parent"] == "e-bike-parts"
    voltage = next(row for row in body["attributes"] if row["code"] == "voltage")
    assert voltage["values"] == ["36V", "48V", "52V"]
    assert voltage["inherited_from"] == "e-bike-parts"
    assert owner_api.get(f"{API}/categories/helmets").json()["attributes"] == []


# --- Facts --------------------------------------------------------------------------------------


@pytest.mark.rule("K-11")
def test_a_buyer_shows_as_badge_and_country_and_company_on_orders_only(
    owner_api: APIClient, shop: Seller
) -> None:
    mine = order(shop)
    with unscoped():
        OrderLine.objects.create(order=mine, product_ref="p1", quantity=2, unit_price="6.25")
        Dispute.objects.create(
            dispute_id="d1", order=mine, reason="quality", opened_at=platform_time.now()
        )
    (row,) = owner_api.get(f"{API}/orders").json()["results"]
    assert row["buyer"] == {"badge": "L1+", "country": "DE", "company": "Rad GmbH"}
    assert row["amount"] == "12.50"
    (inquiry,) = owner_api.get(f"{API}/inquiries").json()["results"]
    assert inquiry["buyer"] == {"badge": "L1+", "country": "DE"}
    detail = owner_api.get(f"{API}/orders/{mine.order_id}").json()
    assert detail["lines"] == [{"product": "p1", "quantity": "2.000", "unit_price": "6.25"}]
    assert [dispute["reason"] for dispute in detail["disputes"]] == ["quality"]
    assert "b1" not in str(row | inquiry | detail)


def test_orders_are_filtered_by_pacific_days(owner_api: APIClient, shop: Seller) -> None:
    day = date(2022, 7, 1)
    edges = {
        1: platform_time.start_of(day) - timedelta(seconds=1),
        2: platform_time.start_of(day),
        3: platform_time.end_of(day) - timedelta(seconds=1),
        4: platform_time.end_of(day),
    }
    for number, instant in edges.items():
        order(shop, number, created_at=instant, paid_at=instant if number == 2 else None)

    def found(**query: str) -> list[str]:
        rows = owner_api.get(f"{API}/orders", query).json()["results"]
        return [row["order_id"].split("-")[1] for row in rows]

    assert found(first_day="2022-07-01", last_day="2022-07-01") == ["3", "2"]
    assert found(first_day="2022-07-01") == ["4", "3", "2"]
    assert found(last_day="2022-07-01") == ["3", "2", "1"]
    assert found(paid="true") == ["2"]
    assert found(paid="false") == ["4", "3", "1"]


def test_pages_follow_each_other_without_gap_or_echo(owner_api: APIClient, shop: Seller) -> None:
    for number in range(7):
        order(shop, number)
    seen: list[str] = []
    address: str | None = f"{API}/orders?page_size=3"
    pages = 0
    while address:
        body = owner_api.get(address).json()
        seen += [row["order_id"] for row in body["results"]]
        address, pages = body["next"], pages + 1
    assert pages == 3
    assert sorted(seen) == sorted(f"cn1001-{number}" for number in range(7))


@pytest.mark.parametrize("path", ["orders", "inquiries", "categories", "rulebooks", "notices"])
def test_lists_take_as_many_queries_for_many_rows_as_for_few(
    owner_api: APIClient, shop: Seller, path: str
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert owner_api.get(f"{API}/{path}").status_code == 200
        return len(captured)

    def add(first: int, last: int) -> None:
        for number in range(first, last):
            order(shop, number)
            params = {"bulletin": "B", "answer": "A"}
            notice_send(kind="question_answered", key=f"k{number}", seller=shop, params=params)

    add(0, 2)
    queries()
    few = queries()
    add(2, 12)
    assert queries() == few


# --- Notices ------------------------------------------------------------------------------------


@pytest.mark.rule("K-18")
def test_notices_are_read_in_ones_language_and_marked(
    owner_api: APIClient, colleague: Member, shop: Seller
) -> None:
    for number in range(3):
        params = {"theme": "LED", "day": date(2022, 7, 19), "products": 1, "days": 7}
        notice_send(kind="theme_ending", key=f"k{number}", seller=shop, params=params)
    rows = owner_api.get(f"{API}/notices").json()["results"]
    assert len(rows) == 3
    assert rows[0]["title"] == "Theme LED ends on Jul 19, 2022"
    answer = owner_api.post(f"{API}/notices/read", {"ids": [rows[0]["id"], 2**62]})
    assert answer.json() == {"unread": 2}
    assert len(owner_api.get(f"{API}/notices?unread=true").json()["results"]) == 2
    assert owner_api.post(f"{API}/notices/read").json() == {"unread": 0}
    problem(owner_api.post(f"{API}/notices/read", {"ids": ["x"]}), 400, "invalid")


@pytest.mark.rule("K-18")
def test_preferences_are_changed_or_refused_as_a_whole(owner_api: APIClient) -> None:
    def wanted() -> dict[str, bool]:
        rows = owner_api.get(f"{API}/notice-preferences").json()["results"]
        return {row["kind"]: row["email"] for row in rows}

    before = wanted()
    assert (before["theme_ending"], before["matches_changed"]) == (True, False)
    body = {"email": {"theme_ending": False, "nonsense": True}}
    refused = problem(owner_api.patch(f"{API}/notice-preferences", body), 400, "invalid")
    assert refused["errors"][0]["field"] == "nonsense"
    assert wanted() == before
    owner_api.patch(f"{API}/notice-preferences", {"email": {"theme_ending": False}})
    assert wanted() == {**before, "theme_ending": False}


# --- Bulletins ----------------------------------------------------------------------------------


@pytest.mark.rule("K-17")
def test_bulletins_are_listed_read_and_asked_about(
    owner_api: APIClient, viewer_api: APIClient, stranger_api: APIClient, shop: Seller
) -> None:
    Seller.objects.filter(pk=shop.pk).update(assessed_star=3)
    now = platform_time.now()
    made = Bulletin.objects.create(
        slug="august",
        title_en="August",
        body_en="Text",
        published_at=now,
        questions_until=now + timedelta(hours=1),
        audience=[{"field": "assessed_star", "op": "gte", "value": 3}],
        actions=[{"text_en": "Look", "text_zh": "看", "url": "/listings/"}],
        rulebook=Rulebook.objects.get(module="portal.buyer_labels", version="2022-08"),
    )
    (row,) = owner_api.get(f"{API}/bulletins").json()["results"]
    assert (row["slug"], row["is_read"], row["questions_open"]) == ("august", False, True)
    assert row["actions"] == [{"text": "Look", "url": "/listings/"}]
    assert row["rulebook"]["version"] == "2022-08"
    assert owner_api.get(f"{API}/bulletins/august").json()["is_read"] is False
    assert owner_api.post(f"{API}/bulletins/august/read").json()["is_read"] is True
    questions = f"{API}/bulletins/august/questions"
    assert owner_api.post(questions, {"text": "When?"}).status_code == 201
    problem(viewer_api.post(questions, {"text": "When?"}), 403, "permission_denied")
    problem(owner_api.post(questions, {"text": " "}), 400, "invalid")
    (asked,) = viewer_api.get(questions).json()["results"]
    assert (asked["text"], asked["asked_by"], asked["answer"]) == ("When?", "owner", "")
    assert stranger_api.get(f"{API}/bulletins").json()["results"] == []
    problem(stranger_api.get(f"{API}/bulletins/august"), 404, "not_found")
    problem(stranger_api.get(questions), 404, "not_found")
    problem(stranger_api.post(questions, {"text": "Psst?"}), 404, "not_found")
    Bulletin.objects.filter(pk=made.pk).update(questions_until=now)
    problem(owner_api.post(questions, {"text": "Late?"}), 409, "questions_closed")
    with unscoped():
        assert BulletinRead.objects.count() == 1


# --- Rulebooks ----------------------------------------------------------------------------------


@pytest.mark.rule("K-16")
def test_published_rules_are_open_to_members(owner_api: APIClient) -> None:
    labels = {"module": "portal.buyer_labels"}
    rows = owner_api.get(f"{API}/rulebooks", labels).json()["results"]
    assert [row["version"] for row in rows] == ["2022-08", "2021"]
    on_day = owner_api.get(f"{API}/rulebooks", {**labels, "day": "2022-07-31"}).json()["results"]
    assert [row["version"] for row in on_day] == ["2021"]
    detail = owner_api.get(f"{API}/rulebooks/portal.buyer_labels/2021").json()
    assert detail["content"]["labels"] == ["blue", "gold"]
    Rulebook.objects.filter(version="2021", **labels).update(status=RulebookStatus.DRAFT)
    problem(owner_api.get(f"{API}/rulebooks/portal.buyer_labels/2021"), 404, "not_found")


# --- Members ------------------------------------------------------------------------------------


@pytest.mark.rule("K-7")
def test_an_owner_manages_members(owner_api: APIClient, owner: Member, colleague: Member) -> None:
    body = {"username": "new", "email": "new@example.com", "role": "viewer"}
    invited = owner_api.post(f"{API}/members", body)
    assert (invited.status_code, invited.json()["role"]) == (201, "viewer")
    problem(owner_api.post(f"{API}/members", body), 409, "taken")
    assert owner_api.patch(f"{API}/members/new", {"role": "manager"}).json()["role"] == "manager"
    problem(owner_api.patch(f"{API}/members/owner", {"role": "viewer"}), 409, "last_owner")
    problem(owner_api.post(f"{API}/members/owner/deactivate"), 409, "last_owner")
    assert owner_api.post(f"{API}/members/new/deactivate").json()["active"] is False
    problem(owner_api.post(f"{API}/members/new/deactivate"), 409, "not_active")
    rows = owner_api.get(f"{API}/members").json()["results"]
    assert [(row["username"], row["active"]) for row in rows] == [
        ("owner", True),
        ("colleague", True),
        ("new", False),
    ]


@pytest.mark.rule("K-7")
@pytest.mark.parametrize("role", [Role.MANAGER, Role.SALESPERSON, Role.VIEWER])
def test_nobody_else_manages_members(shop: Seller, owner: Member, role: str) -> None:
    client = factories.api_client(factories.member_create(shop, role).user)
    before = User.objects.count()
    body = {"username": "new", "email": "new@example.com", "role": "owner"}
    problem(client.get(f"{API}/members"), 403, "permission_denied")
    problem(client.post(f"{API}/members", body), 403, "permission_denied")
    problem(client.patch(f"{API}/members/owner", {"role": "viewer"}), 403, "permission_denied")
    problem(client.post(f"{API}/members/owner/deactivate"), 403, "permission_denied")
    owner.refresh_from_db()
    assert (User.objects.count(), owner.role) == (before, Role.OWNER)
