"""What announced rules would make of a shop's figures (K-17)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.models import Seller
from portal.models.standings import FOREVER, Standing, StandingChange, StandingQuerySet
from portal.scoping import scoped_manager
from rfq.models.scores import SCORE_PAYLOAD, ScoreFields


class ScoreOutlook(ScoreFields, Standing):
    """The score of a seller as of each day of the range under the rulebook that comes next.

    Counted and ranked anew under that rulebook, because its windows and hours may differ. There are
    rows only for the days on which a successor of the rulebook in force is announced.
    """

    KEY = ("seller",)
    PAYLOAD = SCORE_PAYLOAD

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))

    objects = scoped_manager(models.Manager.from_queryset(StandingQuerySet))

    class Meta:
        verbose_name = _("score outlook")
        verbose_name_plural = _("score outlooks")
        constraints = [
            models.UniqueConstraint(fields=["seller", "valid_from"], name="outlook_start_once"),
            models.UniqueConstraint(
                fields=["seller"], condition=models.Q(valid_to=FOREVER), name="outlook_one_current"
            ),
        ]
        indexes = [models.Index(fields=["seller", "valid_to"], name="outlook_day")]


class ScoreOutlookChange(ScoreFields, StandingChange):
    """Staged differences of score outlooks."""

    STANDING = ScoreOutlook

    seller = models.ForeignKey(
        Seller, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
