"""Kinds of traffic facts: logins, inquiries, visits, showcase, product days, outside metrics (K-14)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.ingest.columns import CellError, Code, Day, Instant, Int, Money, Ref, Text, quote
from portal.ingest.kinds import IngestKind, ModelKind, Outcome, Rejection, Row, register
from portal.ingest.upsert import upsert
from portal.models import (
    Buyer,
    BuyerVisit,
    ExternalMetric,
    Inquiry,
    LoginDay,
    ProductDay,
    Seller,
    ShowcaseUse,
)

INSTANT = "2022-07-19T18:00:00-07:00"
SELLER = Ref("seller", model=Seller, by="member_id", example="cn1000001")
BUYER = Ref("buyer", model=Buyer, by="buyer_id", example="B-1001")
OUTSIDE = "ext."
_METRIC = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")


@register
class LoginKind(IngestKind):
    """Logins of a shop, kept as one row per Pacific day with the earliest instant."""

    name = "logins"
    label = _("logins")
    key = ("seller", "at")
    repeats = True
    columns = (SELLER, Instant("at", example=INSTANT))

    def apply(self, rows: list[Row]) -> Outcome:
        """Upsert the earliest login per seller and day; further ones of a day change nothing."""
        first: dict[tuple[int, date], datetime] = {}
        for row in rows:
            key = (row["seller"], platform_time.day_of(row["at"]))
            first[key] = min(row["at"], first.get(key, row["at"]))
        result = upsert(
            LoginDay,
            key=("seller_id", "day"),
            rows=[
                {"seller_id": seller, "day": day, "at": at} for (seller, day), at in first.items()
            ],
            merge=self._earliest,
        )
        changed = len(result.created) + len(result.updated)
        return Outcome(
            created=len(result.created), updated=len(result.updated), unchanged=len(rows) - changed
        )

    @staticmethod
    def _earliest(stored: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        return values | {"at": min(stored["at"], values["at"])}


@register
class InquiryKind(ModelKind):
    """Inquiries of buyers."""

    name = "inquiries"
    label = _("inquiries")
    model = Inquiry
    key = ("inquiry_id",)
    fixed = ("seller",)
    fields = {"product": "product_ref"}
    columns = (
        Code("inquiry_id", example="I-1"),
        SELLER,
        BUYER,
        Code("product", optional=True, example="P-1"),
        Instant("at", example=INSTANT),
        Text("keyword", optional=True, example="electric bike kit"),
    )


@register
class VisitKind(ModelKind):
    """Visits of buyers to a shop or one of its products."""

    name = "visits"
    label = _("buyer visits")
    model = BuyerVisit
    key = ("visit_id",)
    fixed = ("seller",)
    fields = {"product": "product_ref"}
    columns = (
        Code("visit_id", example="V-1"),
        SELLER,
        BUYER,
        Instant("at", example=INSTANT),
        Code("product", optional=True, example="P-1"),
    )


@register
class ShowcaseKind(ModelKind):
    """Showcase slots in use at the end of a Pacific day."""

    name = "showcase"
    label = _("showcase use")
    model = ShowcaseUse
    key = ("seller", "day")
    columns = (
        SELLER,
        Day("day", example="2022-07-19"),
        Int("slots", example="40"),
        Int("used", example="35"),
    )

    def check(self, rows: list[Row]) -> Iterable[Rejection]:
        """Refuse more slots in use than there are."""
        for row in rows:
            if row["used"] > row["slots"]:
                yield row.reject("used", _t("is more than the slots there are"))


@register
class ProductDayKind(ModelKind):
    """Exposure, clicks and inquiries of a product on a Pacific day."""

    name = "product_days"
    label = _("product days")
    model = ProductDay
    key = ("product", "day")
    fixed = ("seller",)
    fields = {"product": "product_ref"}
    columns = (
        SELLER,
        Code("product", example="P-1"),
        Day("day", example="2022-07-19"),
        Int("exposures", example="1200"),
        Int("clicks", example="60"),
        Int("inquiries", example="4"),
    )


class MetricKey(Code):
    """The key of a number only upstream knows: `ext.` and words joined by dots."""

    def parse(self, raw: Any) -> str:
        """Return the key; another key is refused with the one that is probably meant."""
        key = super().parse(raw)
        if key.startswith(OUTSIDE) and _METRIC.fullmatch(key):
            return key
        words = re.sub(r"[^a-z0-9_.]+", "_", key.casefold()).strip("._")
        meant = OUTSIDE + words.removeprefix(OUTSIDE)
        raise CellError(
            _t("%(key)s is not a key of an outside metric; they start with “ext.”.")
            % {"key": quote(key)}
            + " "
            + _t("Did you mean “%(word)s”?") % {"word": meant[:60]}
        )


@register
class MetricKind(ModelKind):
    """Numbers only upstream knows; the newest day up to the as-of day counts."""

    name = "metrics"
    label = _("outside metrics")
    model = ExternalMetric
    key = ("seller", "metric", "day")
    columns = (
        SELLER,
        Day("day", example="2022-07-19"),
        MetricKey("metric", max_length=80, example="ext.service_level"),
        # 15 digits are what SQLite keeps of a decimal number.
        Money("value", max_digits=15, places=4, least=None, example="97.5"),
    )
