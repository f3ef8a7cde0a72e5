"""Base classes of standings that are valid for ranges of as-of days.

A standing row says: "for the key, this was so as of every day from `valid_from` to `valid_to`".
Unchanged rows are not rewritten (NGT-5); an older day can be recomputed without touching newer ones
(NGT-4). `portal.nightly.standings` is the only writer.
"""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

FOREVER = date(9999, 12, 31)
"""`valid_to` of a row that still holds."""


class StandingQuerySet(models.QuerySet):
    """Rows of a standing."""

    def as_of(self, day: date) -> Self:
        """Keep the rows that hold on an as-of day."""
        return self.filter(valid_from__lte=day, valid_to__gte=day)


class Standing(models.Model):
    """Abstract: add the key's and the payload's fields, and name them."""

    KEY: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that identify what the row is about."""
    PAYLOAD: ClassVar[tuple[str, ...]] = ()
    """Names of the fields whose change ends a row and begins the next."""
    CARRIED: ClassVar[tuple[str, ...]] = ()
    """Names of fields that follow from the key and never change alone (denormalised)."""

    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to"), default=FOREVER)

    class Meta:
        abstract = True


class StandingChange(models.Model):
    """Abstract: one staged difference of a shard; applied when its job is published.

    Declare the same key, payload and carried fields as the standing, foreign keys without index and
    constraint: rows are written and deleted by the hundred thousand, read by shard only, and checked
    when they become standings. `entering` is true for a row that begins with the day, false for one
    that ends before it.
    """

    STANDING: ClassVar[type[Standing]]

    shard: Any = models.ForeignKey(
        "portal.ShardRun", models.CASCADE, related_name="+", db_constraint=False
    )
    entering = models.BooleanField()

    class Meta:
        abstract = True
