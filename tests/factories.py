"""Rows for tests: each function fills in what the test does not care about."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient

from portal.choices import AttributeType, CompanyType, Membership, Role
from portal.models import (
    Attribute,
    Category,
    CategoryAttribute,
    CategoryClosure,
    Member,
    Seller,
    User,
)

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Node:
    """One category of a tree to make."""

    code: str
    parent: str | None
    name_en: str
    name_zh: str


TREE = (
    Node("sports", None, "Sports & Entertainment", "运动及娱乐"),
    Node("bicycles", "sports", "Bicycles", "自行车"),
    Node("e-bike-parts", "bicycles", "Electric Bicycle Parts", "电动自行车零件"),
    Node("e-bike-kits", "e-bike-parts", "Electric Bicycle Kits", "电动自行车套件"),
    Node("e-bike-batteries", "e-bike-parts", "Electric Bicycle Batteries", "电动自行车电池"),
    Node("helmets", "bicycles", "Bicycle Helmets", "自行车头盔"),
    Node("home", None, "Home & Garden", "家居园艺"),
    Node("kitchenware", "home", "Kitchenware", "厨房用品"),
    Node("vacuum-flasks", "kitchenware", "Vacuum Flasks", "保温杯"),
)
"""sports>>bicycles>>{e-bike-parts>>{e-bike-kits, e-bike-batteries}, helmets}; home>>kitchenware>>…"""


def tree_create(nodes: Iterable[Node] = TREE) -> dict[str, Category]:
    """Make a category tree with its closure, parents first; return it by code."""
    nodes = tuple(nodes)
    parents = {node.parent for node in nodes}
    lines: dict[str, list[Category]] = {}
    levels: dict[int, list[Category]] = {}
    for node in nodes:
        above = lines[node.parent] if node.parent else []
        category = Category(
            code=node.code,
            parent=above[-1] if above else None,
            name_en=node.name_en,
            name_zh=node.name_zh,
            path_en=">>".join([*(each.name_en for each in above), node.name_en]),
            path_zh=">>".join([*(each.name_zh for each in above), node.name_zh]),
            depth=len(above),
            is_leaf=node.code not in parents,
        )
        lines[node.code] = [*above, category]
        levels.setdefault(len(above), []).append(category)
    for _depth, level in sorted(levels.items()):  # a statement per level: most tests make a tree
        for category in level:
            category.parent = category.parent  # whose key the statement before has set
        Category.objects.bulk_create(level)
    CategoryClosure.objects.bulk_create(
        CategoryClosure(ancestor=above, descendant=line[-1], distance=len(line) - 1 - position)
        for line in lines.values()
        for position, above in enumerate(line)
    )
    return {code: line[-1] for code, line in lines.items()}


def attributes_create(category: Category, offered: Mapping[str, tuple[str, list[str]]]) -> None:
    """Make new system attributes, code → type and values, and offer them in a category."""
    made = Attribute.objects.bulk_create(
        Attribute(code=code, name_en=_title(code), type=type)
        for code, (type, _values) in offered.items()
    )
    CategoryAttribute.objects.bulk_create(
        CategoryAttribute(category=category, attribute=attribute, values=offered[attribute.code][1])
        for attribute in made
    )


def attribute_create(
    category: Category, code: str, type: str = AttributeType.SELECT, values: Iterable[str] = ()
) -> Attribute:
    """Make a system attribute and offer it in a category."""
    attribute, _ = Attribute.objects.get_or_create(
        code=code, defaults={"name_en": _title(code), "type": type}
    )
    CategoryAttribute.objects.create(category=category, attribute=attribute, values=list(values))
    return attribute


def _title(code: str) -> str:
    return code.replace("_", " ").title()


def seller_create(category: Category, **fields: Any) -> Seller:
    """Make a shop whose main category is `category`."""
    number = next(_numbers)
    industry = Category.objects.get(below__descendant=category, parent__isnull=True)
    defaults: Mapping[str, Any] = {
        "member_id": f"shop-{number}",
        "name_en": f"Shop {number} Ltd",
        "name_zh": f"{number}号店",
        "membership": Membership.VERIFIED,
        "company_type": CompanyType.MANUFACTURER,
        "main_category": category,
        "industry": industry,
    }
    return Seller.objects.create(**{**defaults, **fields})


def user_create(username: str = "", **fields: Any) -> User:
    """Make a user who signs in with `PASSWORD`."""
    username = username or f"user-{next(_numbers)}"
    defaults = {"email": f"{username}@example.com", "password": PASSWORD}
    return User.objects.create_user(username, **{**defaults, **fields})


def member_create(seller: Seller, role: str = Role.OWNER, username: str = "") -> Member:
    """Make a user and a membership in a shop."""
    user = user_create(username)
    return Member.everywhere.create(user=user, seller=seller, role=role)


def in_group(group: str) -> Client:
    """Return the browser of somebody new in a staff group, signed in."""
    user = user_create(f"{group.replace(' ', '-')}-{next(_numbers)}", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def api_client(user: User | None) -> APIClient:
    """Return an API client that carries a token of the user, or nothing."""
    client = APIClient()
    if user is not None:
        _, token = AuthToken.objects.create(user=user)
        client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client
