"""Which traits hold for a product, whatever says so and in whatever order it is said (EPR-2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.choices import EprCategory, TraitSource
from compliance.gate import products_forgotten, products_told
from compliance.models import CategoryTraits, GatedProduct, ShopCategoryTraits
from compliance.rules import FALLBACK_TRAITS, codes_of, mask_of, needed
from compliance.services.traits import (
    category_traits_set,
    product_traits_set_by_staff,
    shop_traits_confirm,
)
from portal.errors import InvalidInput, NotAllowed
from portal.models import Category, Seller
from portal.scoping import unscoped
from portal.services.catalogue import rebuild_tree
from portal.services.rulebooks import rulebook_for
from tests import factories
from tests.compliance.world import product_create, told

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-2")]

ELECTRICAL, BATTERY = mask_of(["packaging", "electrical"]), mask_of(["packaging", "battery"])


def now(product: GatedProduct) -> tuple[list[str], str]:
    """Return what holds for a product as stored."""
    with unscoped():
        stored = GatedProduct.objects.get(pk=product.pk)
    return codes_of(stored.traits), str(stored.source)


# --- Masks and the table ------------------------------------------------------------------------


def test_a_mask_is_its_codes() -> None:
    masks = range(1 << len(EprCategory.values))
    assert [mask_of(codes_of(mask)) for mask in masks] == [*masks]
    assert codes_of(masks[-1]) == EprCategory.values
    with pytest.raises(ValueError, match="nonsense"):
        mask_of(["packaging", "nonsense"])


@pytest.mark.rule("EPR-1")
def test_each_country_asks_for_its_own_categories(clock, db) -> None:
    from portal.platform_time import today

    rules = rulebook_for("compliance.epr", today()).content
    everything = mask_of(EprCategory.values)

    def asked(traits: int, country: str) -> list[str]:
        return [row.category.value for row in needed(rules, traits, country)]

    assert asked(everything, "DE") == ["packaging", "electrical", "battery"]
    assert asked(everything, "FR") == [
        "packaging", "electrical", "battery", "furniture", "tyre", "paper", "textile",
    ]  # fmt: skip
    assert asked(everything, "US") == []
    clothes = mask_of(["packaging", "textile"])
    assert (asked(clothes, "DE"), asked(clothes, "FR")) == (
        ["packaging"], ["packaging", "textile"],
    )  # fmt: skip


# --- Who says it --------------------------------------------------------------------------------


def test_the_strongest_source_wins_and_gives_way_again(shop, owner, staff, categories) -> None:
    silent = product_create(seller=shop, epr_traits=None)
    assert now(silent) == (["packaging"], "fallback")
    category_traits_set(actor=staff, category=categories["sports"], traits=mask_of(["tyre"]))
    assert now(silent) == (["tyre"], "category")
    shop_traits_confirm(member=owner, answers={categories["bicycles"].pk: BATTERY})
    assert now(silent) == (["packaging", "battery"], "shop")
    products_told([told(shop, product_id=silent.product_id, epr_traits=["textile"])])
    assert now(silent) == (["textile"], "product")
    product_traits_set_by_staff(actor=staff, product=silent, traits=ELECTRICAL, note="Seen")
    assert now(silent) == (["packaging", "electrical"], "staff")
    # Nothing the shop says later counts against staff.
    products_told([told(shop, product_id=silent.product_id, epr_traits=["paper"], title="New")])
    assert now(silent) == (["packaging", "electrical"], "staff")
    product_traits_set_by_staff(actor=staff, product=silent, traits=None, note="Wrong")
    assert now(silent) == (["paper"], "product")
    products_told([told(shop, product_id=silent.product_id)])
    assert now(silent) == (["packaging", "battery"], "shop")
    shop_traits_confirm(member=owner, answers={categories["bicycles"].pk: None})
    assert now(silent) == (["tyre"], "category")
    category_traits_set(actor=staff, category=categories["sports"], traits=None)
    assert now(silent) == (["packaging"], "fallback")


def test_the_nearest_answer_counts_for_the_shop_alone_and_for_products_to_come(
    shop, other_shop, owner, categories
) -> None:
    kit = product_create(seller=shop, category=categories["e-bike-kits"], epr_traits=None)
    helmet = product_create(seller=shop, category=categories["helmets"], epr_traits=None)
    theirs = product_create(seller=other_shop, epr_traits=None)
    answers = {categories["sports"].pk: BATTERY, categories["e-bike-parts"].pk: ELECTRICAL}
    assert shop_traits_confirm(member=owner, answers=answers) == 2
    assert now(kit) == (["packaging", "electrical"], "shop")
    assert now(helmet) == (["packaging", "battery"], "shop")
    assert now(theirs) == (["packaging"], "fallback")
    assert now(product_create(seller=shop, epr_traits=None))[0] == ["packaging", "electrical"]
    with unscoped():
        assert ShopCategoryTraits.objects.filter(seller=shop, confirmed_by=owner.user).count() == 2
    assert shop_traits_confirm(member=owner, answers=answers) == 0


def test_who_may_not_and_what_cannot_be_changes_nothing(
    shop, owner, viewer, staff, categories
) -> None:
    product = product_create(seller=shop, epr_traits=None)
    category = categories["bicycles"]
    plain = factories.user_create(is_staff=True)
    refused: list[tuple[type[Exception], Callable[[], Any]]] = [
        (NotAllowed, lambda: shop_traits_confirm(member=viewer, answers={category.pk: 3})),
        (InvalidInput, lambda: shop_traits_confirm(member=owner, answers={0: 3})),
        (InvalidInput, lambda: shop_traits_confirm(member=owner, answers={category.pk: 1 << 15})),
        (NotAllowed, lambda: category_traits_set(actor=plain, category=category, traits=3)),
        (InvalidInput, lambda: category_traits_set(actor=staff, category=category, traits=-1)),
        (NotAllowed, lambda: product_traits_set_by_staff(
            actor=plain, product=product, traits=3, note="x")),
        (InvalidInput, lambda: product_traits_set_by_staff(
            actor=staff, product=product, traits=3, note=" ")),
    ]  # fmt: skip
    audited = LogEntry.objects.count()
    for error, act in refused:
        with pytest.raises(error):
            act()
    assert now(product) == (["packaging"], "fallback")
    assert not CategoryTraits.objects.exists()
    assert LogEntry.objects.count() == audited


def test_each_change_leaves_its_audit_row(shop, owner, staff, category) -> None:
    product = product_create(seller=shop, epr_traits=None)
    shop_traits_confirm(member=owner, answers={category.pk: BATTERY})
    product_traits_set_by_staff(actor=staff, product=product, traits=ELECTRICAL, note="Looked in")
    category_traits_set(actor=staff, category=category, traits=ELECTRICAL, note="Usual")
    rows = list(LogEntry.objects.order_by("pk"))[-3:]
    assert [row.additional_data["action"] for row in rows] == [
        "traits.confirm", "traits.override", "traits.category",
    ]  # fmt: skip
    assert rows[0].changes == {category.code: [None, "packaging,battery"]}
    assert rows[1].changes == {
        "traits": ["packaging,battery", "packaging,electrical"], "source": ["shop", "staff"],
    }  # fmt: skip
    assert (rows[1].additional_data["note"], rows[2].changes["traits"][1]) == (
        "Looked in", "packaging,electrical",
    )  # fmt: skip


def test_a_confirmation_costs_the_same_for_many_products(shop, owner, category) -> None:
    def statements(count: int, mask: int) -> int:
        products_told(told(shop) for _number in range(count))
        with CaptureQueriesContext(connection) as queries:
            shop_traits_confirm(member=owner, answers={category.pk: mask})
        return len(queries)

    statements(1, ELECTRICAL)
    assert statements(1, BATTERY) == statements(60, ELECTRICAL)


# --- Telling ------------------------------------------------------------------------------------


def test_telling_again_writes_nothing_and_many_cost_as_much_as_few(shop, clock, categories) -> None:
    rows = [told(shop, epr_traits=None) for _number in range(40)]
    with CaptureQueriesContext(connection) as many:
        assert products_told(rows) == 40
    clock.advance(hours=1)
    assert products_told(rows) == 0
    with unscoped():
        assert len(set(GatedProduct.objects.values_list("told_at", flat=True))) == 1
    another = told(shop, epr_traits=None)
    with CaptureQueriesContext(connection) as few:
        products_told([another])
    assert len(many) == len(few)


def test_of_a_product_told_twice_the_last_counts(shop, categories) -> None:
    first, last = (told(shop, product_id="P", title=title) for title in ("first", "last"))
    assert products_told([first, last]) == 1
    with unscoped():
        assert GatedProduct.objects.get().title == "last"
    assert products_forgotten(["P", "nobody"]) == 1
    with unscoped():
        assert not GatedProduct.objects.exists()


# --- Any order ----------------------------------------------------------------------------------


def from_scratch() -> dict[str, tuple[int, str]]:
    """Work out every product by walking up the tree, one after the other."""
    parents = dict(Category.objects.values_list("pk", "parent_id"))
    usual = dict(CategoryTraits.objects.values_list("category_id", "traits"))
    answered = {
        (row.seller_id, row.category_id): row.traits for row in ShopCategoryTraits.objects.all()
    }

    def nearest(category: int | None, table: dict[Any, int], *shop: int) -> int | None:
        while category is not None:
            key = (*shop, category) if shop else category
            if key in table:
                return table[key]
            category = parents[category]
        return None

    found = {}
    for product in GatedProduct.objects.all():
        said = [
            (product.staff_traits, TraitSource.STAFF),
            (product.own_traits, TraitSource.PRODUCT),
            (nearest(product.category_id, answered, product.seller_id), TraitSource.SHOP),
            (nearest(product.category_id, usual), TraitSource.CATEGORY),
            (FALLBACK_TRAITS, TraitSource.FALLBACK),
        ]
        traits, source = next((mask, source) for mask, source in said if mask is not None)
        found[product.product_id] = (traits, source.value)
    return found


CODES = [node.code for node in factories.TREE]
LEAVES = ["e-bike-kits", "e-bike-batteries", "helmets", "vacuum-flasks"]
SAID = st.none() | st.integers(0, 15)
STEPS = st.one_of(
    st.tuples(st.just("tell"), st.integers(0, 3), st.sampled_from(LEAVES), SAID),
    st.tuples(st.just("confirm"), st.integers(0, 1), st.sampled_from(CODES), SAID),
    st.tuples(st.just("usual"), st.just(0), st.sampled_from(CODES), SAID),
    st.tuples(st.just("staff"), st.integers(0, 3), st.just(""), SAID),
    st.tuples(st.just("move"), st.just(0), st.sampled_from(["e-bike-parts", "kitchenware"]),
              st.sampled_from(["sports", "home", "bicycles"])),
)  # fmt: skip


@pytest.mark.both_databases
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=4, max_size=10))
def test_whatever_happens_products_hold_what_scratch_says(
    steps, shop: Seller, other_shop: Seller, owner, stranger, staff, categories
) -> None:
    shops, members = (shop, other_shop), (owner, stranger)
    with transaction.atomic(), unscoped():
        for number in range(4):
            products_told([told(shops[number % 2], product_id=f"P{number}")])
        for kind, place, code, value in steps:
            match kind:
                case "tell":
                    codes = None if value is None else codes_of(value)
                    products_told([
                        told(shops[place % 2], product_id=f"P{place}", category=categories[code],
                             epr_traits=codes)
                    ])  # fmt: skip
                case "confirm":
                    shop_traits_confirm(member=members[place], answers={categories[code].pk: value})
                case "usual":
                    category_traits_set(actor=staff, category=categories[code], traits=value)
                case "staff":
                    product = GatedProduct.objects.get(product_id=f"P{place}")
                    product_traits_set_by_staff(
                        actor=staff, product=product, traits=value, note="said"
                    )
                case "move":
                    Category.objects.filter(code=code).update(parent=categories[value])
                    rebuild_tree()
        held = {
            product.product_id: (product.traits, product.source)
            for product in GatedProduct.objects.all()
        }
        assert held == from_scratch()
        transaction.set_rollback(True)
