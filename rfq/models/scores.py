"""Service scores (RFQ服务分): predicted every night, assessed once a month (RFQ-12 … RFQ-22)."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.models import Category, Seller
from portal.models.standings import FOREVER, Standing, StandingChange, StandingQuerySet
from portal.scoping import scoped_manager
from rfq.choices import RightKind

MONEY: dict[str, Any] = {"max_digits": 14, "decimal_places": 2}


class ScoreFields(models.Model):
    """What a predicted score says of one seller on an as-of day: counts, ranks, points.

    Rates are kept as their two counts, so that no rounding decides a tier. Points of a factor that
    the rulebook does not have are null. `rank` is 1 for the best among `peers` sellers of the same
    industry with a value above zero, null without one; then `peers` is 0, and `PeerBenchmark` knows
    their number. Free quote rights are counted under rulebooks that ask for them, else 0.
    """

    rulebook = models.CharField(_("rulebook"), max_length=40)
    login_days = models.PositiveSmallIntegerField(_("login days"))
    quotes = models.PositiveIntegerField(_("quotes this month"))
    quotes_in_time = models.PositiveIntegerField(_("of them in time"))
    quoted_30d = models.PositiveIntegerField(_("RFQs quoted in 30 days"))
    replied_30d = models.PositiveIntegerField(_("of them with a reply"))
    gmv = models.DecimalField(_("RFQ GMV in 90 days (USD)"), **MONEY)
    quotes_rank = models.PositiveIntegerField(_("rank by quotes"), null=True)
    quotes_peers = models.PositiveIntegerField(_("peers by quotes"))
    response_rank = models.PositiveIntegerField(_("rank by response rate"), null=True)
    response_peers = models.PositiveIntegerField(_("peers by response rate"))
    login_days_points = models.PositiveSmallIntegerField(_("points for login days"), null=True)
    quotes_points = models.PositiveSmallIntegerField(_("points for quotes"), null=True)
    response_rate_points = models.PositiveSmallIntegerField(
        _("points for the response rate"), null=True
    )
    reply_rate_points = models.PositiveSmallIntegerField(_("points for the reply rate"), null=True)
    gmv_points = models.PositiveSmallIntegerField(_("points for GMV"), null=True)
    bonus = models.PositiveSmallIntegerField(_("bonus of verified sellers"))
    bonus_forfeited = models.BooleanField(_("bonus forfeited"))
    free_granted = models.PositiveIntegerField(_("free quote rights this month"))
    free_used = models.PositiveIntegerField(_("of them used"))
    total = models.PositiveSmallIntegerField(_("score"))
    marketing_bonus = models.PositiveSmallIntegerField(_("marketing bonus"))

    class Meta:
        abstract = True


SCORE_PAYLOAD = tuple(field.name for field in ScoreFields._meta.local_fields)


class ServiceScore(ScoreFields, Standing):
    """The predicted score of a seller as of each day of the range (RFQ-18)."""

    KEY = ("seller",)
    PAYLOAD = SCORE_PAYLOAD

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))

    objects = scoped_manager(models.Manager.from_queryset(StandingQuerySet))

    class Meta:
        verbose_name = _("service score")
        verbose_name_plural = _("service scores")
        constraints = [
            models.UniqueConstraint(fields=["seller", "valid_from"], name="score_start_once"),
            models.UniqueConstraint(
                fields=["seller"], condition=models.Q(valid_to=FOREVER), name="score_one_current"
            ),
        ]
        indexes = [models.Index(fields=["seller", "valid_to"], name="score_day")]


class ServiceScoreChange(ScoreFields, StandingChange):
    """Staged differences of service scores."""

    STANDING = ServiceScore

    seller = models.ForeignKey(
        Seller, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )


class PeerFigures(models.Model):
    """What sellers are told of their peers in one industry and factor (RFQ-12, RFQ-19, K-8).

    `threshold` is the value of the last seller who gets full points: quotes, or a rate in percent.
    Shown only from five peers on.
    """

    peers = models.PositiveIntegerField(_("peers with a value"))
    threshold = models.DecimalField(_("top-10 % threshold"), max_digits=14, decimal_places=4)

    class Meta:
        abstract = True


class PeerBenchmark(PeerFigures, Standing):
    """The top-10 % threshold of an industry as of each day of the range."""

    KEY = ("industry", "factor")
    PAYLOAD = ("peers", "threshold")

    industry = models.ForeignKey(
        Category, models.CASCADE, related_name="+", db_index=False, verbose_name=_("industry")
    )
    factor = models.CharField(_("factor"), max_length=20)

    objects = models.Manager.from_queryset(StandingQuerySet)()

    class Meta:
        verbose_name = _("peer benchmark")
        verbose_name_plural = _("peer benchmarks")
        constraints = [
            models.UniqueConstraint(
                fields=["industry", "factor", "valid_from"], name="benchmark_start_once"
            ),
        ]


class PeerBenchmarkChange(PeerFigures, StandingChange):
    """Staged differences of peer benchmarks."""

    STANDING = PeerBenchmark

    industry = models.ForeignKey(
        Category, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    factor = models.CharField(max_length=20)


class Assessment(models.Model):
    """The score of a month's last day, fixed on the 3rd of the next month; it decides that month's
    rights (RFQ-18). Never changed once written. Amounts are null when unlimited.
    """

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    as_of = models.DateField(_("as of"), help_text=_("Last day of the assessed month."))
    rulebook = models.CharField(_("rulebook"), max_length=40)
    total = models.PositiveSmallIntegerField(_("score"))
    quotes = models.PositiveIntegerField(_("quotes in the month"))
    gmv = models.DecimalField(_("RFQ GMV in 90 days (USD)"), **MONEY)
    quote_rights = models.PositiveIntegerField(_("quote rights"), null=True)
    gold_rights = models.PositiveIntegerField(_("gold-opportunity rights"), null=True)
    fast_lane_rights = models.PositiveIntegerField(_("fast-lane passes"), null=True)
    pin_rights = models.PositiveIntegerField(_("pin rights"), null=True)
    early_access = models.BooleanField(_("early access to silver RFQs"))
    marketing_bonus = models.PositiveSmallIntegerField(_("marketing bonus"))
    fixed_at = models.DateTimeField(_("fixed"))

    objects = scoped_manager()

    class Meta:
        verbose_name = _("assessed score")
        verbose_name_plural = _("assessed scores")
        ordering = ["-as_of"]
        constraints = [
            models.UniqueConstraint(fields=["seller", "as_of"], name="assessment_once"),
        ]
        indexes = [models.Index(fields=["as_of", "seller"], name="assessment_month")]

    def rights(self) -> dict[str, int | None]:
        """Return right kind → amount for the month after; null is unlimited, 0 none."""
        return {kind: getattr(self, f"{kind}_rights") for kind in RightKind.values}
