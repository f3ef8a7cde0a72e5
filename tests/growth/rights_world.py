"""Rows for tests of rights, labels and cards."""

from __future__ import annotations

from datetime import date
from typing import Any

from compliance.models import Certificate
from growth.membership.strength_reading import Strength, strength_of
from growth.models import AffiliatedCompany
from growth.services.strength_labels import strength_labels_choose
from portal.metrics import PLAIN
from portal.models import Member, MetricValue, Seller
from portal.models.standings import FOREVER
from portal.scoping import unscoped
from tests.compliance.world import certificate_create
from tests.growth.pack_world import publish

AS_OF = date(2022, 8, 1)
"""The day of the numbers while the clock stands at 2022-08-03."""
FREE = ["exhibitions", "drawings"]
"""Two labels that ask for nothing."""


def numbers(shop: Seller, **values: int | str) -> None:
    """Let the night have counted `ext.*` numbers: `numbers(shop, floor_area=1200)`."""
    counted(shop, {f"ext.{name}": value for name, value in values.items()})


def counted(shop: Seller, values: dict[str, int | str]) -> None:
    """Write metrics as the night would, and note that it has published them."""
    publish(AS_OF, PLAIN)
    with unscoped():
        MetricValue.objects.bulk_create(
            MetricValue(seller=shop, metric=key, value=value, valid_from=AS_OF, valid_to=FOREVER)
            for key, value in values.items()
        )


def system(shop: Seller, name: str = "ISO 9001", **over: Any) -> Certificate:
    """Make a management-system certificate that counts since yesterday."""
    fields = {"type": "management_system", "name": name, "country": "", "category": "", **over}
    return certificate_create(seller=shop, **fields)


def affiliate_create(shop: Seller, **over: Any) -> AffiliatedCompany:
    """Make a second company that is combined with the shop."""
    fields = {"name": "Works Ltd", "shares": 50, **over}
    with unscoped():
        return AffiliatedCompany.objects.create(seller=shop, **fields)


def choose(member: Member, *labels: str) -> list[str]:
    """Choose labels through the service."""
    return strength_labels_choose(member=member, labels=labels)


def strength(shop: Seller) -> Strength:
    """Return what the shop can show now."""
    return strength_of(Seller.objects.get(pk=shop.pk))
