"""Rights in the staff site: found, granted with a reason, never changed (RFQ-9, UI-7)."""

from __future__ import annotations

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client

from portal import platform_time
from portal.models import Seller
from portal.scoping import unscoped
from rfq.models import RightEntry, RightLot
from rfq.services.rights import balances_of, right_spend
from tests import factories
from tests.rfq.world import lot_create, quote_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("RFQ-9", "UI-7")]

LOTS = "/admin/rfq/rightlot/"
ENTRIES = "/admin/rfq/rightentry/"
TOKEN = "a" * 24


@pytest.fixture
def operator_client(db: None) -> Client:
    """A browser session of an operator."""
    user = factories.user_create("operator", is_staff=True)
    user.groups.add(Group.objects.get(name="operator"))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def form(shop: Seller, /, **over: Any) -> dict[str, Any]:
    """What the form sends."""
    return {
        "seller": shop.pk,
        "kind": "quote",
        "amount": "12",
        "source": "activity",
        "last_day": "2022-08-31",
        "note": "Trade fair",
        "token": TOKEN,
    } | over


def lots() -> list[RightLot]:
    """All lots."""
    with unscoped():
        return list(RightLot.objects.order_by("pk"))


def test_an_operator_grants_once_however_often_the_form_is_sent(
    shop: Seller, operator_client: Client, clock: Any
) -> None:
    page = operator_client.get(f"{LOTS}add/").content.decode()
    assert 'value="2022-08-31"' in page
    for _time in range(2):
        assert operator_client.post(f"{LOTS}add/", form(shop)).status_code == 302
    (lot,) = lots()
    assert (lot.kind, lot.amount, lot.left, lot.source, lot.note) == (
        "quote", 12, 12, "activity", "Trade fair",
    )  # fmt: skip
    assert lot.expires_at == platform_time.parse_instant("2022-09-01T00:00:00-07:00")
    assert balances_of(seller=shop).quote == 12
    entry = LogEntry.objects.get(additional_data__action="right.grant")
    assert entry.actor.username == "operator"
    assert entry.additional_data["note"] == "Trade fair"


def test_without_limit_has_to_be_said(shop: Seller, operator_client: Client, clock: Any) -> None:
    operator_client.post(f"{LOTS}add/", form(shop, amount="", unlimited="on", kind="pin"))
    assert [lot.amount for lot in lots()] == [None]
    assert balances_of(seller=shop).pin is None


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"amount": ""}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"unlimited": "on"}, "amount"),
        ({"last_day": "2022-08-02"}, "last_day"),
        ({"last_day": ""}, "last_day"),
        ({"note": " "}, "note"),
        ({"source": "refund"}, "source"),
        ({"kind": "silver"}, "kind"),
        ({"seller": "0"}, "seller"),
        ({"token": "short"}, "token"),
    ],
)
def test_a_form_that_makes_no_sense_grants_nothing(
    shop: Seller, operator_client: Client, clock: Any, over: dict[str, str], field: str
) -> None:
    answer = operator_client.post(f"{LOTS}add/", form(shop, **over))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert lots() == []


def test_the_last_day_may_be_today(shop: Seller, operator_client: Client, clock: Any) -> None:
    operator_client.post(f"{LOTS}add/", form(shop, last_day="2022-08-03"))
    assert balances_of(seller=shop).quote == 12


def test_staff_find_grants_and_their_rows_and_change_nothing(
    shop: Seller, other_shop: Seller, staff_client: Client, clock: Any
) -> None:
    lot = lot_create(seller=shop, key="mine")
    lot_create(seller=other_shop, kind="pin", source="their word", key="theirs")
    with transaction.atomic():
        right_spend(seller=shop, kind="quote", key="use", quote=quote_create(seller=shop))
    found = staff_client.get(f"{LOTS}?q=cn1001&kind__exact=quote&source=staff&state=usable")
    assert [row.key for row in found.context["cl"].result_list] == ["mine"]
    found = staff_client.get(f"{LOTS}?source=other")
    assert [row.key for row in found.context["cl"].result_list] == ["theirs"]
    for state in ("used_up", "upcoming", "over"):
        assert not staff_client.get(f"{LOTS}?state={state}").context["cl"].result_list
    page = staff_client.get(f"{LOTS}{lot.pk}/change/").content.decode()
    assert f"{ENTRIES}?lot__id__exact={lot.pk}" in page
    rows = staff_client.get(f"{ENTRIES}?lot__id__exact={lot.pk}").context["cl"].result_list
    assert [row.key for row in rows] == ["use", "grant:mine"]
    assert staff_client.post(f"{LOTS}{lot.pk}/change/", {"left": "99"}).status_code == 403
    assert staff_client.post(f"{LOTS}{lot.pk}/delete/", {"post": "yes"}).status_code == 403
    entry = rows[0].pk
    assert staff_client.post(f"{ENTRIES}{entry}/change/", {"delta": "5"}).status_code == 403
    assert staff_client.get(f"{ENTRIES}add/").status_code == 403
    with unscoped():
        assert RightEntry.objects.get(pk=entry).delta == -1
    assert [one.left for one in lots()] == [9, 10]


def test_who_may_only_look_grants_nothing(shop: Seller, clock: Any) -> None:
    user = factories.user_create("reviewer", is_staff=True)
    user.groups.add(Group.objects.get(name="reviewer"))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(LOTS).status_code == 200
    assert client.post(f"{LOTS}add/", form(shop)).status_code == 403
    assert lots() == []
