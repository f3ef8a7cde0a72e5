"""The ingest kind `grants` (09-contract): rights that upstream has given to shops (RFQ-9)."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.ingest.columns import Choice, Code, Instant, Int, Ref
from portal.ingest.kinds import IngestKind, Outcome, Rejection, Row, register
from portal.models import Seller
from rfq.choices import RightKind
from rfq.services.rights import Grant, rights_grant_many

UPSTREAM = "upstream:"
"""Before every key of upstream, so that none can be one of the portal's own."""


@register
class GrantRows(IngestKind):
    """Grants are facts: the same row again changes nothing, another one under its key is refused."""

    name = "grants"
    label = gettext_lazy("grants")
    key = ("key",)
    columns = (
        Code("key", max_length=100, example="2022-08-activity-cn1001"),
        Ref("seller", model=Seller, by="member_id", example="cn1001"),
        Choice("kind", choices=RightKind.values, example="quote"),
        Int("amount", blank=True, least=1, example="20"),
        Instant("granted_at", example="2022-08-03T00:00:00-07:00"),
        Instant("expires_at", optional=True, example="2022-09-01T00:00:00-07:00"),
        Code("source", max_length=40, example="activity"),
    )

    def check(self, rows: list[Row]) -> Iterable[Rejection]:
        """Refuse grants that are over before they begin."""
        for row in rows:
            expires_at = row.get("expires_at")
            if expires_at is not None and expires_at <= row["granted_at"]:
                yield row.reject("expires_at", _("must lie after granted_at"))

    def apply(self, rows: list[Row]) -> Outcome:
        """Write the chunk with its ledger rows."""
        granted = rights_grant_many([self._grant(row) for row in rows])
        return Outcome(
            created=len(granted.created),
            unchanged=len(granted.unchanged),
            rejections=[
                rows[index].reject(
                    attribute.removesuffix("_id"),
                    _("differs from what was granted under this key; a grant never changes"),
                )
                for index, attribute in granted.differing
            ],
        )

    def _grant(self, row: Row) -> Grant:
        return Grant(
            seller_id=row["seller"],
            kind=row["kind"],
            amount=row["amount"],
            source=row["source"],
            key=f"{UPSTREAM}{row['key']}",
            granted_at=row["granted_at"],
            expires_at=row.get("expires_at"),
            granted_by_id=self.actor.pk if self.actor else None,
        )
