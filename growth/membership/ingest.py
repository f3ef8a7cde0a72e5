"""The ingest kind `affiliates`: second companies, as the certification company reports them (GRO-16)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from growth.models import AffiliatedCompany
from portal.ingest.columns import Bool, Int, Money, Ref, Text
from portal.ingest.kinds import ModelKind, Rejection, Row, register
from portal.models import Seller

PERCENTAGES = ("shares", "concert_shares")


@register
class AffiliateKind(ModelKind):
    """The second company of a shop: at most one, and how the two hang together."""

    name = "affiliates"
    label = gettext_lazy("affiliated companies")
    model = AffiliatedCompany
    key = ("seller",)
    columns = (
        Ref("seller", model=Seller, by="member_id", example="cn1001"),
        Text("name", max_length=200, example="Suzhou E-Bike Works Ltd"),
        Money("shares", max_digits=5, optional=True, default=Decimal(0), example="51.00"),
        Money("concert_shares", max_digits=5, optional=True, example="60.00"),
        Bool("same_legal_person", optional=True, default=False, example="no"),
        Int("floor_area", optional=True, default=0, example="12000"),
        Int("qc_staff", optional=True, default=0, example="8"),
        Int("rd_staff", optional=True, default=0, example="5"),
        Int("employees", optional=True, default=0, example="160"),
    )

    def check(self, rows: list[Row]) -> Iterable[Rejection]:
        """Refuse more than the whole of a company."""
        for row in rows:
            for name in PERCENTAGES:
                percent = row.get(name)
                if percent is not None and percent > 100:
                    yield row.reject(name, _("is more than 100 percent"))
