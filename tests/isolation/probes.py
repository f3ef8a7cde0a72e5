"""Values of the other shop, and such that nobody has: what asks with either is told the same (K-8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from compliance.models import Certificate, GatedProduct, Violation
from growth.models import Enrolment
from listings.models import Product, ShippingTemplate
from portal.models import Inquiry, Member, Order, StoredFile, WebhookDelivery
from rfq.models import Quote, QuoteTemplate
from tests.api.world import CANARY, OWNED, World

NOWHERE = {"text": "Xquvw-Zyqqa", "number": "987654", "token": "Q" * 40}


@dataclass(frozen=True)
class Kind:
    """A column whose values belong to shops."""

    model: Any
    column: str
    missing: str = "number"
    lookup: str = "seller"


KINDS = {
    "product": Kind(Product, "product_id", "text"),
    "order": Kind(Order, "order_id", "text"),
    "inquiry": Kind(Inquiry, "inquiry_id", "text"),
    "username": Kind(Member, "user__username", "text"),
    "member": Kind(Member, "pk"),
    "certificate": Kind(Certificate, "pk"),
    "violation": Kind(Violation, "pk"),
    "enrolment": Kind(Enrolment, "pk"),
    "shipping": Kind(ShippingTemplate, "pk"),
    "template": Kind(QuoteTemplate, "pk"),
    "quote": Kind(Quote, "pk"),
    "file": Kind(StoredFile, "token", "token"),
    "event": Kind(WebhookDelivery, "pk", lookup="endpoint__seller"),
}
"""What is named by pages and calls."""


ALSO: dict[str, dict[Any, str]] = {"product": {GatedProduct: "seller"}}
"""Further models whose rows stand for the same thing."""


def probes(world: World, kind: str, side: str = "A") -> list[tuple[str, str]]:
    """Return pairs of a value that only the shop across has, and one like it that nobody has."""
    other = world.other(side)
    if kind == "text":
        return [(CANARY[other], NOWHERE["text"])]
    if kind == "shop":
        return [(world.shops[other].member_id, NOWHERE["text"])]
    found = KINDS[kind]
    values = [_values(found, world, one) for one in (other, side)]
    foreign = [one for one in values[0] if one not in values[1]]
    assert foreign, f"the other shop has no {kind} of its own"
    return [(foreign[-1], NOWHERE[found.missing])]


def _values(kind: Kind, world: World, side: str) -> list[str]:
    rows = kind.model._base_manager.filter(**{kind.lookup: world.shops[side]}).order_by("pk")
    return [str(one) for one in rows.values_list(kind.column, flat=True)]


def same(answer: str, *values: str) -> str:
    """Return an answer with each of some values, where it stands alone, put as `…`."""
    for value in values:
        answer = re.sub(rf"(?<![\w-]){re.escape(value)}(?![\w-])", "…", answer)
    return answer


def crossed(world: World, kind: str, side: str = "A") -> list[str]:
    """Return the columns with which a row of a shop refers to what another shop has of a kind."""
    if kind not in KINDS:
        return []
    found = []
    targets = {KINDS[kind].model: KINDS[kind].lookup, **ALSO.get(kind, {})}
    mine, theirs = world.shops[side].pk, world.shops[world.other(side)].pk
    for model, lookup in OWNED.items():
        for column in model._meta.concrete_fields:
            owned_by_it = lookup.startswith(f"{column.name}__")
            if column.related_model in targets and not owned_by_it:
                foreign = f"{column.name}__{targets[column.related_model]}"
                rows = model._base_manager.filter(**{lookup: mine, foreign: theirs})
                found += [f"{model.__name__}.{column.name}"] if rows.exists() else []
    return found
