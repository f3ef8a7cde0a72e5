"""Categories and attributes: the tree, its flags, and what follows from it (K-12)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from portal.errors import Refusal
from portal.models import Attribute, Category, CategoryAttribute, CategoryClosure, Seller
from portal.services import catalogue
from tests.portal.ingest_tools import counts, send, why

pytestmark = [pytest.mark.rule("K-12"), pytest.mark.django_db, pytest.mark.both_databases]


def _category(code: str, parent: str = "", **more: Any) -> dict[str, Any]:
    return {"code": code, "parent": parent, "name_en": code.upper(), **more}


def _paths() -> dict[str, str]:
    return dict(Category.objects.values_list("code", "path_en"))


def _closure() -> set[tuple[str, str, int]]:
    return set(
        CategoryClosure.objects.values_list("ancestor__code", "descendant__code", "distance")
    )


TREE = [_category("c", "b", name_zh="丙"), _category("b", "a"), _category("a", name_zh="甲")]


def test_a_parent_may_come_later_in_the_same_file() -> None:
    assert counts(send("categories", *TREE)) == (3, 0, 0, 0)
    assert _paths() == {"a": "A", "b": "A>>B", "c": "A>>B>>C"}
    leaf = Category.objects.get(code="c")
    assert (leaf.path_zh, leaf.depth, leaf.is_leaf) == ("甲>>B>>丙", 2, True)
    assert not Category.objects.get(code="b").is_leaf
    assert _closure() == {
        ("a", "a", 0),
        ("b", "b", 0),
        ("c", "c", 0),
        ("a", "b", 1),
        ("b", "c", 1),
        ("a", "c", 2),
    }
    assert counts(send("categories", *TREE)) == (0, 0, 3, 0)


def test_moving_a_branch_moves_its_paths_closure_and_industries(
    categories: dict[str, Category], shop: Seller
) -> None:
    watched: list[set[int]] = []
    catalogue.watch_tree(watched.append)
    try:
        row = {"code": "bicycles", "parent": "home", "name_en": "Bicycles"}
        assert counts(send("categories", row)) == (0, 1, 0, 0)
    finally:
        catalogue._watchers.remove(watched.append)
    kits = Category.objects.get(code="e-bike-kits")
    assert kits.path_en == "Home & Garden>>Bicycles>>Electric Bicycle Parts>>Electric Bicycle Kits"
    assert Category.objects.get(code="sports").is_leaf
    assert set(catalogue.subtree(categories["home"]).values_list("code", flat=True)) > {
        "kitchenware",
        "helmets",
    }
    shop.refresh_from_db()
    assert shop.industry == categories["home"]
    below = catalogue.subtree(categories["bicycles"]).values_list("pk", flat=True)
    assert watched == [{*below, categories["sports"].pk}]


def test_an_absent_parent_column_leaves_the_category_where_it_is(
    categories: dict[str, Category],
) -> None:
    assert counts(send("categories", {"code": "helmets", "name_en": "Helmets"})) == (0, 1, 0, 0)
    assert _paths()["helmets"] == "Sports & Entertainment>>Bicycles>>Helmets"
    assert counts(send("categories", {"code": "helmets", "parent": "", "name_en": "H"})) == (
        0, 1, 0, 0,
    )  # fmt: skip
    assert _paths()["helmets"] == "H"


def test_rebuilding_what_is_right_writes_nothing(
    categories: dict[str, Category], django_assert_max_num_queries: Any
) -> None:
    catalogue.rebuild_tree()
    before = set(CategoryClosure.objects.values_list("pk", flat=True))
    with django_assert_max_num_queries(5) as log:
        assert catalogue.rebuild_tree() == set()
    assert not [query for query in log.captured_queries if query["sql"].startswith(("INS", "UPD"))]
    assert set(CategoryClosure.objects.values_list("pk", flat=True)) == before


def test_a_circle_is_refused_and_its_path_named(categories: dict[str, Category]) -> None:
    before = _paths()
    report = send(
        "categories",
        {"code": "sports", "parent": "e-bike-parts", "name_en": "Sports"},
        _category("x", "y"),
        _category("y", "z"),
        _category("z", "x"),
        _category("below-x", "x"),
        _category("fine", "home"),
        _category("self", "self"),
    )
    assert counts(report) == (1, 0, 0, 6)
    messages = {item.row: item.message for item in report.rejections}
    for step in ("sports >> e-bike-parts", "e-bike-parts >> bicycles", "bicycles >> sports"):
        assert step in messages[1]
    for row in (2, 3, 4):
        assert "x >> y >> z >> x" in messages[row]
    assert "self >> self" in messages[7]
    assert "“x”" in messages[5]
    assert _paths() == before | {"fine": "Home & Garden>>FINE"}


def test_an_unknown_parent_takes_the_new_ones_below_it_along(
    categories: dict[str, Category],
) -> None:
    report = send(
        "categories", _category("a2", "a1"), _category("a1", "bicycle"), _category("b1", "home")
    )
    assert counts(report) == (1, 0, 0, 2)
    assert why(report) == [(1, "parent"), (2, "parent")]
    assert "“bicycles”" in report.rejections[1].message
    assert not Category.objects.filter(code__startswith="a").exists()


def test_a_tree_has_a_deepest_level() -> None:
    most = catalogue.MAX_DEPTH
    chain = [_category(f"d{n}", f"d{n - 1}" if n else "") for n in range(most + 2)]
    report = send("categories", *chain)
    assert counts(report) == (most + 1, 0, 0, 1)
    assert why(report) == [(most + 2, "parent")]
    assert Category.objects.get(code=f"d{most}").depth == most


def test_a_circle_that_got_into_the_database_is_not_built_upon() -> None:
    send("categories", *TREE)
    Category.objects.filter(code="a").update(parent=Category.objects.get(code="c"))
    with pytest.raises(Refusal, match="a >> c >> b >> a"):
        catalogue.rebuild_tree()
    assert len(_closure()) == 6


@pytest.mark.parametrize(
    ("flags", "stored"),
    [
        ("prohibited", (True, False, None, None)),
        ("prohibited|restricted", (True, True, None, None)),
        (
            "suspended:2021-08-20..2021-11-30",
            (False, False, date(2021, 8, 20), date(2021, 11, 30)),
        ),
        ("suspended:2021-08-20..", (False, False, date(2021, 8, 20), None)),
        ("suspended:..2021-11-30", (False, False, date(1970, 1, 1), date(2021, 11, 30))),
        ("", (False, False, None, None)),
    ],
)
def test_flags_are_read(flags: str, stored: tuple[Any, ...]) -> None:
    send("categories", _category("a", flags="restricted|suspended:2020-01-01.."))
    send("categories", _category("a", flags=flags))
    found = Category.objects.values_list(
        "prohibited", "restricted", "suspended_from", "suspended_to"
    )
    assert found.get() == stored
    assert counts(send("categories", _category("a", flags=flags))) == (0, 0, 1, 0)
    assert counts(send("categories", _category("a"))) == (0, 0, 1, 0)


def test_a_suspension_with_an_open_start_holds_since_ever() -> None:
    send("categories", _category("a", flags="suspended:..2021-11-30"))
    category = Category.objects.get()
    assert category.is_suspended(date(2021, 11, 30))
    assert not category.is_suspended(date(2021, 12, 1))


@pytest.mark.parametrize(
    "flags",
    ["banned", "suspended:2021-08-20", "suspended:2021-08-20..2021-08-19", "suspended:a..b"],
)
def test_wrong_flags_are_refused(flags: str) -> None:
    assert why(send("categories", _category("a", flags=flags))) == [(1, "flags")]
    assert not Category.objects.exists()


# --- Attributes ---------------------------------------------------------------------------------


def _attribute(category: str, code: str, **more: Any) -> dict[str, Any]:
    row = {"category": category, "code": code, "name_en": code.title(), "type": "select"}
    return {**row, "values": "36V|48V", **more}


def test_an_attribute_is_created_then_unchanged_then_updated(
    categories: dict[str, Category],
) -> None:
    row = _attribute("helmets", "visor", unit="V")
    assert counts(send("attributes", row)) == (1, 0, 0, 0)
    assert counts(send("attributes", row)) == (0, 0, 1, 0)
    assert counts(send("attributes", {**row, "values": ["36V"]})) == (0, 1, 0, 0)
    assert counts(send("attributes", {**row, "values": ["36V"], "name_zh": "面罩"})) == (0, 1, 0, 0)
    stored = CategoryAttribute.objects.select_related("attribute").get(
        category=categories["helmets"]
    )
    assert (stored.values, stored.attribute.name_zh, stored.attribute.unit) == (
        ["36V"],
        "面罩",
        "V",
    )


def test_a_code_means_the_same_attribute_everywhere(categories: dict[str, Category]) -> None:
    report = send(
        "attributes",
        _attribute("helmets", "size", values="S|M"),
        _attribute("kitchenware", "size", values="1 l"),
        _attribute("bicycles", "size", type="number", values=""),
        _attribute("bicycles", "voltage", type="text", values=""),
    )
    assert counts(report) == (2, 0, 0, 2)
    assert why(report) == [(3, "type"), (4, "type")]
    assert Attribute.objects.filter(code="size").count() == 1
    assert Attribute.objects.get(code="voltage").type == "select"


def test_values_belong_to_lists_and_to_nothing_else(categories: dict[str, Category]) -> None:
    report = send(
        "attributes",
        _attribute("helmets", "a", values=""),
        _attribute("helmets", "b", type="multi", values=None),
        _attribute("helmets", "c", type="text"),
        _attribute("helmets", "d", type="number", values="", unit="kg"),
    )
    assert counts(report) == (1, 0, 0, 3)
    assert why(report) == [(1, "values"), (2, "values"), (3, "values")]


def test_a_category_offers_its_own_and_inherited_attributes(
    categories: dict[str, Category], django_assert_num_queries: Any
) -> None:
    send(
        "attributes",
        _attribute("sports", "voltage", values="12V"),
        _attribute("sports", "season", values="Summer"),
        _attribute("e-bike-kits", "wheel", values='26"'),
        _attribute("helmets", "visor"),
    )
    with django_assert_num_queries(1):
        offers = catalogue.attributes_for(categories["e-bike-kits"])
        found = {offer.attribute.code: offer.values for offer in offers}
    assert found["season"] == ["Summer"]
    assert found["wheel"] == ['26"']
    assert found["voltage"] == ["36V", "48V", "52V"]
    assert "visor" not in found
    assert [offer.attribute.code for offer in offers][-1] == "wheel"
