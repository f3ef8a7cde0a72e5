"""Operators write themes: checked against the catalogue, previewed, duplicated, ended (LST-3, UI-7)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from listings.models import Theme
from portal.models import Category, Seller
from tests import factories
from tests.listings.theme_world import ASKS, days_publish, match_make, product_feed, theme_make

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LST-3", "UI-7")]

LIST, ADD = "/admin/listings/theme/", "/admin/listings/theme/add/"


@pytest.fixture
def operator_client(categories: Any, clock: Any) -> Client:
    user = factories.user_create("operator", is_staff=True)
    user.groups.add(Group.objects.get(name="operator"))
    return signed_in(user)


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def typed(**changes: Any) -> dict[str, Any]:
    """What an operator types for `ASKS`."""
    return {
        "theme_id": "121323",
        "title_en": "E-bike kits",
        "title_zh": "",
        "reason_en": "",
        "reason_zh": "",
        "picture": "",
        "category": Category.objects.get(code="e-bike-kits").pk,
        "keywords": "hub motor\n轮毂电机",
        "keyword_mode": "any",
        "kind": "rts",
        "attributes": '{"voltage": ["48V", "52V"], "features": ["Foldable"]}',
        "services": "overseas_after_sales, linked_certificate",
        "countries": "ID, my",
        "price_min": "1200",
        "price_max": "2500",
        "starts_on": "2022-07-01",
        "ends_on": "",
        "traffic_gain": "900",
        "conversion_gain": "",
        "trade_gain": "",
        **changes,
    }


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    return dict(response.context["adminform"].form.errors)


def test_an_operator_writes_and_changes_a_theme_with_an_audit_trail(
    operator_client: Client,
) -> None:
    assert operator_client.post(ADD, typed()).status_code == 302
    theme = Theme.objects.get()
    assert theme.keywords == ["hub motor", "轮毂电机"]
    assert theme.attributes == {"voltage": ["48V", "52V"], "features": ["Foldable"]}
    assert (theme.countries, theme.services) == (
        ["ID", "MY"], ["overseas_after_sales", "linked_certificate"],
    )  # fmt: skip
    assert theme.is_national
    change = f"{LIST}{theme.pk}/change/"
    page = operator_client.get(change)
    assert "hub motor" in page.content.decode()
    response = operator_client.post(change, typed(title_en="Kits for the south", countries=""))
    assert response.status_code == 302, errors_of(response)
    theme.refresh_from_db()
    assert (theme.theme_id, theme.title_en, theme.is_national) == (
        "121323", "Kits for the south", False,
    )  # fmt: skip
    entries = LogEntry.objects.get_for_object(theme).order_by("pk")
    assert [entry.additional_data["action"] for entry in entries] == [
        "theme.create",
        "theme.change",
    ]
    assert {entry.additional_data["actor"] for entry in entries} == {"operator"}
    history = operator_client.get(f"{LIST}{theme.pk}/history/").content.decode()
    assert "theme.change" in history
    assert "Kits for the south" in history


@pytest.mark.parametrize(
    ("change", "field", "hint"),
    [
        ({"attributes": '{"voltag": ["48V"]}'}, "attributes", "Did you mean “voltage”?"),
        ({"attributes": '{"voltage": ["48 Volt"]}'}, "attributes", "Did you mean “48V”?"),
        ({"attributes": '{"voltage": ["48V"'}, "attributes", "Not JSON"),
        ({"attributes": '["48V"]'}, "attributes", "Write an object"),
        ({"attributes": '{"voltage": []}'}, "attributes", "at least one accepted value"),
        ({"countries": "Malaysia"}, "countries", "Did you mean “MY”?"),
        ({"countries": "UK"}, "countries", "Did you mean “GB”?"),
        ({"theme_id": "a/b"}, "theme_id", "must not hold"),
        ({"ends_on": "2022-06-30"}, "ends_on", "before it starts"),
        ({"price_min": "3000"}, "price_max", "below the lowest"),
        ({"keywords": "!!!"}, "keywords", "no letter"),
        ({"category": ""}, "category", "required"),
    ],
)
@pytest.mark.parametrize("button", ["_save", "_preview"])
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_saved(
    operator_client: Client, change: dict[str, Any], field: str, hint: str, button: str
) -> None:
    errors = errors_of(operator_client.post(ADD, typed(**change, **{button: "1"})))
    assert list(errors) == [field]
    assert hint in " ".join(errors[field])
    assert not Theme.objects.exists()
    assert not LogEntry.objects.filter(content_type__model="theme").exists()


@pytest.mark.both_databases
def test_a_preview_counts_what_would_match_and_saves_nothing(
    operator_client: Client, shop: Seller, other_shop: Seller
) -> None:
    product_feed(shop, "fits")
    product_feed(shop, "fits-too", title="Hub motor")
    product_feed(other_shop, "theirs")
    product_feed(other_shop, "dear", price_max="2500.01")
    product_feed(shop, "two-faults", price_max="2500.01", services=[])
    product_feed(shop, "draft", status="draft")
    product_feed(shop, "helmet", category="helmets", attributes={})
    with CaptureQueriesContext(connection) as captured:
        text = operator_client.post(ADD, typed(_preview="1")).content.decode()
    assert "Now 3 live products of 2 shops meet every requirement and 1 miss one, of 5 live" in text
    assert sum("matchprojection" in query["sql"] for query in captured) == 1
    assert "hub motor" in text
    assert not Theme.objects.exists()
    theme = theme_make("121323", **ASKS)
    change = f"{LIST}{theme.pk}/change/"
    text = operator_client.post(change, typed(price_max="2600", _preview="1")).content.decode()
    assert "Now 4 live products" in text
    theme.refresh_from_db()
    assert theme.price_max == 2500


def test_a_duplicate_starts_from_the_requirements_under_a_new_id(operator_client: Client) -> None:
    theme = theme_make("121323", **ASKS, ends_on="2022-12-31", traffic_gain=900)
    page = operator_client.get(f"{LIST}{theme.pk}/change/").content.decode()
    assert f"{ADD}?duplicate={theme.pk}" in page
    form = operator_client.get(f"{ADD}?duplicate={theme.pk}").context["adminform"].form
    initial = {name: form.get_initial_for_field(form.fields[name], name) for name in form.fields}
    assert initial["attributes"] == theme.attributes
    assert initial["category"] == theme.category_id
    assert not initial["theme_id"]
    assert not initial["starts_on"]
    assert operator_client.get(f"{ADD}?duplicate=none").status_code == 200


def test_ending_asks_first_and_then_makes_today_the_last_day(
    operator_client: Client, shop: Seller
) -> None:
    days_publish(date(2022, 8, 1))
    running = theme_make("running")
    later = theme_make("later", starts_on="2022-08-04")
    over = theme_make("over", starts_on="2022-06-01", ends_on="2022-08-03")
    match_make(product_feed(shop, "kit"), running, date(2022, 8, 1))
    chosen = {"action": "end_today", "_selected_action": [running.pk, later.pk, over.pk]}
    page = operator_client.post(LIST, chosen)
    assert "1 product is in their matched lists now." in page.content.decode()
    assert "2 chosen themes are not in force beyond today" in page.content.decode()
    assert set(Theme.objects.filter(ends_on=None)) == {running, later}
    assert operator_client.post(LIST, {**chosen, "confirmed": "yes"}).status_code == 302
    running.refresh_from_db()
    later.refresh_from_db()
    assert (running.ends_on, later.ends_on) == (date(2022, 8, 3), None)
    entry = LogEntry.objects.get_for_object(running).order_by("pk").last()
    assert entry.additional_data["action"] == "theme.change"
    assert "ends_on" in entry.changes


@pytest.mark.both_databases
def test_the_list_counts_matched_shops_in_a_constant_number_of_queries(
    operator_client: Client, shop: Seller, other_shop: Seller
) -> None:
    days_publish(date(2022, 8, 1))
    theme = theme_make("t", countries=["US"])
    for seller, name in ((shop, "a"), (shop, "b"), (other_shop, "c")):
        match_make(product_feed(seller, name), theme, date(2022, 8, 1))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            response = operator_client.get(LIST)
        row = next(row for row in response.context["cl"].result_list if row.theme_id == "t")
        assert (row.sellers_matched, row.products_matched) == (2, 3)
        return len(captured)

    few = queries()
    for number in range(20):
        theme_make(f"more-{number}", category="bicycles")
    assert queries() == few


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=in_force", {"now"}),
        ("state=upcoming", {"next"}),
        ("state=ended", {"gone"}),
        ("is_national__exact=1", {"next"}),
        ("industry=sports", {"now", "next"}),
        ("industry=home", {"gone"}),
        ("q=flask", {"gone"}),
    ],
)
def test_the_list_filters(operator_client: Client, query: str, expected: set[str]) -> None:
    theme_make("now")
    theme_make("next", starts_on="2022-08-04", countries=["US"])
    theme_make("gone", category="vacuum-flasks", ends_on="2022-08-02")
    response = operator_client.get(f"{LIST}?{query}")
    assert {theme.theme_id for theme in response.context["cl"].result_list} == expected


@pytest.mark.parametrize("group", ["reviewer", "risk officer"])
def test_other_staff_look_and_do_not_touch(operator_client: Client, group: str) -> None:
    theme = theme_make("t")
    user = factories.user_create(is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = signed_in(user)
    assert client.get(f"{LIST}{theme.pk}/change/").status_code == 200
    assert client.post(ADD, typed()).status_code == 403
    assert client.post(f"{LIST}{theme.pk}/change/", typed(title_en="X")).status_code == 403
    client.post(LIST, {"action": "end_today", "_selected_action": [theme.pk], "confirmed": "yes"})
    theme.refresh_from_db()
    assert (theme.title_en, theme.ends_on) == (ASKS["title_en"], None)
    assert Theme.objects.count() == 1
