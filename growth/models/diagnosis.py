"""How shops compare with their peers (GRO-11)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from growth.choices import BenchmarkScope
from portal.models import Category, Seller
from portal.models.standings import FOREVER, Standing, StandingChange, StandingQuerySet
from portal.scoping import scoped_manager


class BenchmarkFields(models.Model):
    """The median of a metric over at least five sellers; what is smaller is never kept (K-8)."""

    value = models.DecimalField(_("benchmark"), max_digits=20, decimal_places=4)
    sellers = models.PositiveIntegerField(_("sellers"))
    scope = models.CharField(_("over"), max_length=8, choices=BenchmarkScope)

    class Meta:
        abstract = True


class GrowthBenchmark(BenchmarkFields, Standing):
    """The benchmark of a metric in an industry as of each day of the range."""

    KEY = ("industry", "metric")
    PAYLOAD = ("value", "sellers", "scope")

    industry = models.ForeignKey(
        Category, models.CASCADE, related_name="+", db_index=False, verbose_name=_("industry")
    )
    metric = models.CharField(_("metric"), max_length=80)

    objects = models.Manager.from_queryset(StandingQuerySet)()

    class Meta:
        verbose_name = _("benchmark")
        verbose_name_plural = _("benchmarks")
        constraints = [
            models.UniqueConstraint(
                fields=["industry", "metric", "valid_from"], name="growth_benchmark_start_once"
            ),
        ]


class GrowthBenchmarkChange(BenchmarkFields, StandingChange):
    """Staged differences of benchmarks."""

    STANDING = GrowthBenchmark

    industry = models.ForeignKey(
        Category, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    metric = models.CharField(max_length=80)


class GrowthScoreFields(models.Model):
    """`score` is 0–100 with two decimals, null when nothing can be compared; `suggestions` are items below 1."""

    rulebook = models.CharField(_("rulebook"), max_length=40)
    score = models.DecimalField(_("growth score"), max_digits=5, decimal_places=2, null=True)
    suggestions = models.PositiveSmallIntegerField(_("suggestions"))

    class Meta:
        abstract = True


class GrowthScore(GrowthScoreFields, Standing):
    """The growth score of a seller as of each day of the range."""

    KEY = ("seller",)
    PAYLOAD = ("rulebook", "score", "suggestions")

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))

    objects = scoped_manager(models.Manager.from_queryset(StandingQuerySet))

    class Meta:
        verbose_name = _("growth score")
        verbose_name_plural = _("growth scores")
        constraints = [
            models.UniqueConstraint(
                fields=["seller", "valid_from"], name="growth_score_start_once"
            ),
            models.UniqueConstraint(
                fields=["seller"],
                condition=models.Q(valid_to=FOREVER),
                name="growth_score_one_current",
            ),
        ]


class GrowthScoreChange(GrowthScoreFields, StandingChange):
    """Staged differences of growth scores."""

    STANDING = GrowthScore

    seller = models.ForeignKey(
        Seller, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
