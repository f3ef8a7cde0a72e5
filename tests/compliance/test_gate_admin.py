"""Staff look at products at the gate, say what one contains, and read what was blocked (EPR-2, EPR-11)."""

from __future__ import annotations

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from compliance.gate import gate
from compliance.models import GateBlock, GatedProduct
from portal.models import Seller
from portal.scoping import unscoped
from tests import factories
from tests.compliance.world import product_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("UI-7")]

PRODUCTS, BLOCKS = "/admin/compliance/gatedproduct/", "/admin/compliance/gateblock/"


@pytest.fixture(autouse=True)
def _clock(clock: Any) -> None:
    clock("2022-12-28T12:00:00-08:00")


@pytest.mark.rule("EPR-2")
def test_an_operator_sets_what_a_product_contains_with_a_note_and_takes_it_back(
    shop: Seller,
) -> None:
    product = product_create(seller=shop)
    client, address = factories.in_group("operator"), f"{PRODUCTS}{product.pk}/change/"

    def post(**form: Any) -> int:
        return client.post(address, form).status_code

    def held() -> tuple[int, str, str]:
        with unscoped():
            stored = GatedProduct.objects.get(pk=product.pk)
        return stored.traits, stored.source, stored.title

    before = held()
    assert 'checked=""' not in client.get(address).content.decode().split("battery")[1][:40]
    assert post(decision="set", contains=["battery"], note=" ", title="Hacked") == 200
    assert post(contains=["battery"], note="It has one") == 200  # nothing was decided
    assert held() == before
    assert post(decision="set", contains=["packaging", "battery"], note="It has one") == 302
    assert held() == (5, "staff", before[2])
    entry = LogEntry.objects.get_for_object(product).get()
    assert entry.additional_data["note"] == "It has one"
    assert post(decision="take_back", note="It has none") == 302
    assert held() == before


def test_who_may_only_look_decides_nothing(shop: Seller) -> None:
    product = product_create(seller=shop)
    client, address = factories.in_group("risk officer"), f"{PRODUCTS}{product.pk}/change/"
    page = client.get(address)
    assert page.status_code == 200
    assert 'name="decision"' not in page.content.decode()
    assert client.post(address, {"decision": "set", "note": "x"}).status_code == 403


@pytest.mark.rule("EPR-11")
def test_lists_find_by_whole_ids_and_ask_as_much_for_many_as_for_few(
    staff_client: Client, shop: Seller, other_shop: Seller
) -> None:
    def make(count: int) -> None:
        for seller in (shop, other_shop):
            for _number in range(count):
                gate(product_create(seller=seller), "DE")

    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert staff_client.get(address).status_code == 200
        return len(captured)

    make(1)
    gate(product_create(seller=shop, product_id="kit", cas="67-56-1"), "FR")
    few = [queries(address) for address in (PRODUCTS, BLOCKS)]
    make(5)
    assert [queries(address) for address in (PRODUCTS, BLOCKS)] == few

    def found(address: str, **asked: str) -> int:
        return len(staff_client.get(address, asked).context["cl"].result_list)

    assert found(PRODUCTS, q="kit") == found(PRODUCTS, q="67-56-1") == found(BLOCKS, q="kit") == 1
    assert (found(PRODUCTS, q=shop.member_id), found(BLOCKS, q=shop.member_id)) == (7, 7)
    assert found(BLOCKS, q="ki") == 0
    assert found(BLOCKS, country="FR") == 1
    assert found(BLOCKS, days="1") == 13
    assert found(PRODUCTS, source__exact="product") == 13
    assert "No number for Packaging in Germany" in staff_client.get(BLOCKS).content.decode()


@pytest.mark.rule("EPR-11")
def test_blocks_are_kept_for_400_days(shop: Seller, clock: Any, capsys: Any) -> None:
    gate(product_create(seller=shop), "DE")
    for day, left in (("2024-02-01T12:00:00-08:00", 1), ("2024-02-02T12:00:00-08:00", 0)):
        clock(day)
        call_command("purge_gate_blocks")
        with unscoped():
            assert GateBlock.objects.count() == left
    assert capsys.readouterr().out.splitlines()[-1] == "purged 1 blocked trades"
