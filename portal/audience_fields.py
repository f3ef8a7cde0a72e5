"""The fields of a shop that audiences may name; apps add their own (K-17, GRO-6, GRO-17)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy
from django_countries import countries

from portal.audience import AudienceField, FieldType, Values, register_audience_field
from portal.choices import CompanyType, Membership, SellerStatus
from portal.models import Category, Order, Seller, SellerFlag
from portal.shop_flags import flags_holding, flags_of


def _column(name: str) -> Callable[[QuerySet[Seller], date], Values]:
    def load(sellers: QuerySet[Seller], day: date) -> Values:
        return dict(sellers.values_list("pk", name))

    return load


def _sold_to(sellers: QuerySet[Seller], day: date) -> Values:
    """Countries of paid orders that are not fake."""
    found: dict[int, set[str]] = {pk: set() for pk in sellers.values_list("pk", flat=True)}
    sold = (
        Order.objects.filter(
            seller__in=sellers.order_by().values("pk"), paid_at__isnull=False, fake=False
        )
        .exclude(destination="")
        .order_by()
        .values_list("seller_id", "destination")
        .distinct()
    )
    for seller_id, destination in sold:
        found[seller_id].add(destination)
    return found


def _own(name: str) -> Callable[[Seller, date], Any]:
    """Return what takes a column, or one of a category, from a shop at hand; none where it has no category."""
    *relation, column = name.split("__")

    def own(seller: Seller, day: date) -> Any:
        holder = getattr(seller, relation[0]) if relation else seller
        return getattr(holder, column, None)

    return own


def _days_since(opened_on: date | None, day: date) -> int | None:
    """Days since the shop opened: 1 on the day after; none before it opens (GRO-1)."""
    return (day - opened_on).days if opened_on is not None and opened_on <= day else None


def _days_open(sellers: QuerySet[Seller], day: date) -> Values:
    return {
        pk: _days_since(opened_on, day) for pk, opened_on in sellers.values_list("pk", "opened_on")
    }


def _flags(sellers: QuerySet[Seller], day: date) -> Values:
    """Codes of the flags in force on the day."""
    found: dict[int, set[str]] = {pk: set() for pk in sellers.values_list("pk", flat=True)}
    rows = SellerFlag.objects.filter(flags_holding(day), seller__in=sellers.order_by().values("pk"))
    for seller_id, code in rows.values_list("seller_id", "code"):
        found[seller_id].add(code)
    return found


def _industries() -> Iterable[str]:
    return Category.objects.filter(parent__isnull=True).values_list("code", flat=True)


def _category_names(codes: Collection[str]) -> Mapping[str, str]:
    return {category.code: category.name for category in Category.objects.filter(code__in=codes)}


def _country_names(codes: Collection[str]) -> Mapping[str, str]:
    return {code: str(countries.name(code)) for code in codes}


def _labels(choices: Any) -> Callable[[Collection[str]], Mapping[str, Any]]:
    return lambda codes: dict(choices.choices)


def _of_column(
    code: str,
    type_: FieldType,
    title: Any,
    *,
    column: str = "",
    allowed: Callable[[], Iterable[str]] | None = None,
    names: Callable[[Collection[str]], Mapping[str, Any]] | None = None,
) -> AudienceField:
    """Return the field of a column of the shop, of the same name unless told."""
    column = column or code
    return AudienceField(code, type_, _column(column), allowed, title, names, own=_own(column))


for _field in (
    _of_column(
        "membership",
        FieldType.TEXT,
        gettext_lazy("Membership"),
        allowed=lambda: Membership.values,
        names=_labels(Membership),
    ),
    _of_column(
        "company_type",
        FieldType.TEXT,
        gettext_lazy("Company type"),
        allowed=lambda: CompanyType.values,
        names=_labels(CompanyType),
    ),
    _of_column(
        "status",
        FieldType.TEXT,
        gettext_lazy("Status of the shop"),
        allowed=lambda: SellerStatus.values,
        names=_labels(SellerStatus),
    ),
    _of_column("assessed_star", FieldType.NUMBER, gettext_lazy("Assessed star")),
    AudienceField(
        "days_open",
        FieldType.NUMBER,
        _days_open,
        title=gettext_lazy("Days since opening"),
        own=lambda seller, day: _days_since(seller.opened_on, day),
    ),
    _of_column(
        "industry",
        FieldType.TEXT,
        gettext_lazy("Industry"),
        column="industry__code",
        allowed=_industries,
        names=_category_names,
    ),
    _of_column(
        "main_category",
        FieldType.TEXT,
        gettext_lazy("Main category"),
        column="main_category__code",
        allowed=lambda: Category.objects.values_list("code", flat=True),
        names=_category_names,
    ),
    _of_column("member_id", FieldType.TEXT, gettext_lazy("Member id")),
    _of_column("province", FieldType.TEXT, gettext_lazy("Province")),
    _of_column("city", FieldType.TEXT, gettext_lazy("City")),
    AudienceField(
        "sold_to",
        FieldType.MANY,
        _sold_to,
        lambda: dict(countries),
        gettext_lazy("Countries sold to"),
        _country_names,
    ),
    AudienceField(
        "flag",
        FieldType.MANY,
        _flags,
        title=gettext_lazy("Marks of the shop"),
        own=lambda seller, day: flags_of(seller.pk, day),
    ),
):
    register_audience_field(_field)
