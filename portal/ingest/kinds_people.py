"""Kinds of people: sellers and their members (K-6, K-7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models.functions import Lower
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.choices import CompanyType, Membership, Role, SellerStatus
from portal.ingest.columns import (
    CellError,
    Choice,
    Code,
    Day,
    Int,
    Ref,
    Secret,
    Text,
    quote,
)
from portal.ingest.kinds import IngestKind, ModelKind, Outcome, Rejection, Row, register
from portal.ingest.upsert import Upserted, upsert
from portal.models import Category, Member, Seller, User
from portal.services import catalogue
from portal.services.shops import shops_will_change, stars_named_by_upstream


@dataclass(frozen=True)
class Star(Int):
    """A star; unlike elsewhere, an empty cell says nothing and leaves the stored star alone."""

    default: Any = field(default=0, kw_only=True)
    most: int = field(default=5, kw_only=True)

    def clean(self, raw: Any) -> Any:
        """Return the star, or none for an empty cell."""
        said = raw is not None and (not isinstance(raw, str) or raw.strip())
        return super().clean(raw) if said else None


@register
class SellerKind(ModelKind):
    """Shops; the industry follows from the main category.

    A star that upstream names marks the shop (`star_from_upstream`): the portal's own assessment then
    leaves it alone.
    """

    name = "sellers"
    label = _("sellers")
    model = Seller
    key = ("member_id",)
    columns = (
        Code("member_id", example="cn1000001"),
        Text("name_en", example="Suzhou E-Bike Co., Ltd."),
        Text("name_zh", optional=True, example="苏州电动车有限公司"),
        Choice("membership", choices=Membership.values, example="verified"),
        Choice("company_type", choices=CompanyType.values, example="manufacturer"),
        Text("province", optional=True, max_length=80, example="Jiangsu"),
        Text("city", optional=True, max_length=80, example="Suzhou"),
        Ref("main_category", model=Category, by="code", example="bike-kits"),
        Day("paid_on", optional=True, example="2021-07-01"),
        Day("opened_on", optional=True, example="2021-07-15"),
        Star("assessed_star", optional=True, example="3"),
        Choice(
            "status", choices=SellerStatus.values, optional=True, default="active", example="active"
        ),
        Day("service_starts_on", optional=True, example="2021-07-15"),
        Day("service_ends_on", optional=True, example="2022-07-14"),
        Star("predicted_star", optional=True, example="4"),
    )

    def derive(self, rows: list[Row], values: list[dict[str, Any]]) -> None:
        """Set the industry, the root of the main category; leave out stars that are not named."""
        industries = catalogue.industries_of(row["main_category"] for row in rows)
        for value in values:
            category = value["main_category_id"]
            value["industry_id"] = industries.get(category, category)
            for star in ("assessed_star", "predicted_star"):
                if value.get(star, 0) is None:
                    del value[star]

    def apply(self, rows: list[Row]) -> Outcome:
        """Upsert the chunk, and mark the shops whose star was named."""
        shops_will_change(member_ids=[row["member_id"] for row in rows])
        outcome = super().apply(rows)
        named = [row["member_id"] for row in rows if row.values.get("assessed_star") is not None]
        if named:
            stars_named_by_upstream(member_ids=named, day=platform_time.today())
        return outcome

    def check(self, rows: list[Row]) -> Iterable[Rejection]:
        """Refuse a service that ends before it starts."""
        for row in rows:
            starts, ends = row.get("service_starts_on"), row.get("service_ends_on")
            if starts and ends and ends < starts:
                yield row.reject("service_ends_on", _t("is before service_starts_on"))


@dataclass(frozen=True)
class Email(Text):
    """An e-mail address in lower case."""

    max_length: int = field(default=254, kw_only=True)

    def parse(self, raw: Any) -> str:
        """Return the address."""
        address = super().parse(raw).lower()
        try:
            validate_email(address)
        except ValidationError:
            raise CellError(
                _t("%(value)s is not an e-mail address") % {"value": quote(raw)}
            ) from None
        return address


@dataclass(frozen=True)
class Username(Code):
    """A name to sign in with, in Unicode's normal form."""

    max_length: int = field(default=150, kw_only=True)

    def parse(self, raw: Any) -> str:
        """Return the name."""
        name = User.normalize_username(super().parse(raw))
        try:
            User.username_validator(name)
        except ValidationError as error:
            raise CellError(error.messages[0]) from None
        return name


@register
class MemberKind(IngestKind):
    """People who act for a shop; makes their accounts.

    Passwords are hashed before the transaction, and only where a user is new or the password
    differs. A missing or empty password leaves the stored one; a new user then has none and asks
    for a reset. What upstream gives is accepted as it is: its own sign-up judged the strength.
    """

    name = "members"
    label = _("members")
    key = ("username", "seller")
    # Hashing takes some 50 ms a row; nobody should wait for a long time between two chunks.
    chunk_size = 100
    columns = (
        Username("username", example="li.wei"),
        Email("email", optional=True, example="li.wei@example.com"),
        Ref("seller", model=Seller, by="member_id", example="cn1000001"),
        Choice("role", choices=Role.values, example="salesperson"),
        Secret("password", optional=True),
    )

    def __init__(self, *, actor: User | None = None) -> None:
        super().__init__(actor=actor)
        self._hashes: dict[str, str] = {}

    def check(self, rows: list[Row]) -> Iterable[Rejection]:
        """Refuse what cannot become a member, and hash the passwords of the rest."""
        users = _users_named(rows)
        self._hashes = {}
        rejections = [
            *self._staff(rows, users),
            *self._look_alikes(rows, users),
            *self._contradictions(rows),
            *self._taken_addresses(rows),
        ]
        gone = {item.row for item in rejections}
        for row in rows:
            password = row.get("password")
            if row.number in gone or not password or row["username"] in self._hashes:
                continue
            user = users.get(row["username"])
            if user is None or not check_password(password, user.password):
                self._hashes[row["username"]] = make_password(password)
        return rejections

    def _staff(self, rows: list[Row], users: dict[str, User]) -> list[Rejection]:
        return [
            row.reject("username", _t("belongs to platform staff"))
            for row in rows
            if (user := users.get(row["username"])) and (user.is_staff or user.is_superuser)
        ]

    def _look_alikes(self, rows: list[Row], users: dict[str, User]) -> list[Rejection]:
        """Refuse a new name that differs from another only in case: people would mix them up."""
        folded = {row["username"].lower() for row in rows}
        spelled: dict[str, str] = {}
        for name in (
            User.objects.annotate(folded=Lower("username"))
            .filter(folded__in=folded)
            .order_by("pk")
            .values_list("username", flat=True)
        ):
            spelled.setdefault(name.lower(), name)
        rejections = []
        for row in rows:
            name = row["username"]
            other = spelled.setdefault(name.lower(), name)
            if name != other and name not in users:
                text = _t("differs from the user %(name)s only in case") % {"name": quote(other)}
                rejections.append(row.reject("username", text))
        return rejections

    def _contradictions(self, rows: list[Row]) -> list[Rejection]:
        """Refuse rows that give one user (in several shops) two addresses or passwords."""
        first: dict[tuple[str, str], Any] = {}
        rejections = []
        for row in rows:
            for name in ("email", "password"):
                if name not in row or (name == "password" and not row[name]):
                    continue
                if first.setdefault((row["username"], name), row[name]) != row[name]:
                    text = _t("differs from what an earlier row gives for the same user")
                    rejections.append(row.reject(name, text))
        return rejections

    def _taken_addresses(self, rows: list[Row]) -> list[Rejection]:
        wanted = {row.get("email") for row in rows} - {""}
        owners = dict(
            User.objects.annotate(folded=Lower("email"))
            .filter(folded__in=wanted)
            .values_list("folded", "username")
        )
        rejections = []
        for row in rows:
            address = row.get("email")
            if address and owners.setdefault(address, row["username"]) != row["username"]:
                rejections.append(row.reject("email", _t("is the address of another user")))
        return rejections

    def apply(self, rows: list[Row]) -> Outcome:
        """Upsert the users, then their memberships."""
        rejections = self._staff(rows, _users_named(rows))
        gone = {item.row for item in rejections}
        rows = [row for row in rows if row.number not in gone]
        first_row, users = self._upsert_users(rows)
        ids = dict(
            User.objects.filter(username__in=first_row).order_by().values_list("username", "pk")
        )
        members = upsert(
            Member,
            key=("user_id", "seller_id"),
            rows=[
                {"user_id": ids[row["username"]], "seller_id": row["seller"], "role": row["role"]}
                for row in rows
            ],
        )
        created = set(members.created)
        first_rows = list(first_row.values())
        updated = (set(members.updated) | {first_rows[index] for index in users.updated}) - created
        return Outcome(
            created=len(created),
            updated=len(updated),
            unchanged=len(rows) - len(created) - len(updated),
            rejections=rejections,
        )

    def _upsert_users(self, rows: list[Row]) -> tuple[dict[str, int], Upserted]:
        """Write the users; return the index of the first row of each, and what became of them."""
        first_row: dict[str, int] = {}
        values: dict[str, dict[str, Any]] = {}
        for index, row in enumerate(rows):
            name = row["username"]
            first_row.setdefault(name, index)
            value = values.setdefault(name, {"username": name})
            if "email" in row:
                value["email"] = row["email"]
            if name in self._hashes:
                value["password"] = self._hashes[name]
        result = upsert(
            User,
            key=("username",),
            rows=list(values.values()),
            defaults={"password": lambda: make_password(None), "date_joined": platform_time.now},
        )
        return first_row, result


def _users_named(rows: list[Row]) -> dict[str, User]:
    names = {row["username"] for row in rows}
    return {user.username: user for user in User.objects.filter(username__in=names)}
