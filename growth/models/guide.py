"""Where shops stand on their way, and which tasks they have done (GRO-1 … GRO-5)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from growth.choices import Phase, Stage
from portal.models import Seller
from portal.models.standings import FOREVER, Standing, StandingChange, StandingQuerySet
from portal.scoping import scoped_manager


class StageFields(models.Model):
    """What the guide says of a shop on an as-of day.

    `opportunities`, `orders` and `received` are counted since opening through the end of the day.
    `core_done_on` is the first day on which all core tasks were done together, null before.
    """

    rulebook = models.CharField(_("edition"), max_length=40)
    stage = models.CharField(_("stage"), max_length=12, choices=Stage)
    phase = models.CharField(_("phase"), max_length=13, choices=Phase, null=True)
    opportunities = models.PositiveIntegerField(_("opportunities"))
    orders = models.PositiveIntegerField(_("orders"))
    received = models.DecimalField(_("received (USD)"), max_digits=16, decimal_places=2)
    core_done_on = models.DateField(_("core tasks done on"), null=True)

    class Meta:
        abstract = True


STAGE_PAYLOAD = tuple(field.name for field in StageFields._meta.local_fields)


class StageStanding(StageFields, Standing):
    """The stage and phase of a seller as of each day of the range (GRO-1, GRO-3).

    There is no index by stage: it would lead the nightly comparison of rows astray, which is by seller.
    """

    KEY = ("seller",)
    PAYLOAD = STAGE_PAYLOAD

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))

    objects = scoped_manager(models.Manager.from_queryset(StandingQuerySet))

    class Meta:
        verbose_name = _("stage of a shop")
        verbose_name_plural = _("stages of shops")
        constraints = [
            models.UniqueConstraint(fields=["seller", "valid_from"], name="stage_start_once"),
            models.UniqueConstraint(
                fields=["seller"], condition=models.Q(valid_to=FOREVER), name="stage_one_current"
            ),
        ]


class StageStandingChange(StageFields, StandingChange):
    """Staged differences of stages."""

    STANDING = StageStanding

    seller = models.ForeignKey(
        Seller, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )


class TaskDone(Standing):
    """That a shop fulfils a task rule, as of each day of the range (GRO-5).

    `rule` is the canonical text of metric, comparison and target (`growth.tasks.rules.TaskRule.code`), so
    that the same rule in a stage and in several packs is one standing. `since` is the first day of
    the unbroken run that includes the day: for numbers upstream dates (`ext.*`) from their facts, for
    all others from the days that were counted.
    """

    KEY = ("seller", "rule")
    PAYLOAD = ("since",)

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    rule = models.CharField(_("rule"), max_length=160)
    since = models.DateField(_("since"))

    objects = scoped_manager(models.Manager.from_queryset(StandingQuerySet))

    class Meta:
        verbose_name = _("task done")
        verbose_name_plural = _("tasks done")
        constraints = [
            models.UniqueConstraint(
                fields=["seller", "rule", "valid_from"], name="task_done_start_once"
            ),
            models.UniqueConstraint(
                fields=["seller", "rule"],
                condition=models.Q(valid_to=FOREVER),
                name="task_done_one_current",
            ),
        ]


class TaskDoneChange(StandingChange):
    """Staged differences of tasks done."""

    STANDING = TaskDone

    seller = models.ForeignKey(
        Seller, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    rule = models.CharField(max_length=160)
    since = models.DateField()
