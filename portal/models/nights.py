"""The night's ledger: run, job and shard (NGT-6)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.choices import RunState

OPEN_STATES = [RunState.PENDING, RunState.RUNNING]


class NightRun(models.Model):
    """One computation of one as-of day; at most one is open per day (two schedulers make one)."""

    as_of = models.DateField(_("as of"))
    number = models.PositiveIntegerField(_("number"), default=1)
    state = models.CharField(_("state"), max_length=8, choices=RunState, default=RunState.PENDING)
    jobs_asked = models.JSONField(
        _("jobs asked for"), default=list, blank=True, help_text=_("Empty means all.")
    )
    mode = models.CharField(_("mode"), max_length=8, default="celery")
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        verbose_name=_("started by"),
    )
    created_at = models.DateTimeField(_("created"), default=platform_time.now)
    started_at = models.DateTimeField(_("started (wall clock)"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished (wall clock)"), null=True, blank=True)
    code_version = models.CharField(_("code version"), max_length=40, blank=True)

    class Meta:
        verbose_name = _("nightly run")
        verbose_name_plural = _("nightly runs")
        ordering = ["-as_of", "-number"]
        permissions = [("run_night", _("Can start and retry nightly runs"))]
        constraints = [
            models.UniqueConstraint(fields=["as_of", "number"], name="night_number_once"),
            models.UniqueConstraint(
                fields=["as_of"],
                condition=models.Q(state__in=OPEN_STATES),
                name="night_one_open_per_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.as_of} #{self.number}"


class JobRun(models.Model):
    """One job of a run. `published` is the instant readers began to see the day."""

    run = models.ForeignKey(
        NightRun, models.CASCADE, related_name="jobs", verbose_name=_("nightly run")
    )
    job = models.CharField(_("job"), max_length=60)
    as_of = models.DateField(_("as of"))
    state = models.CharField(_("state"), max_length=8, choices=RunState, default=RunState.PENDING)
    plan = models.JSONField(_("plan"), default=dict, blank=True)
    started_at = models.DateTimeField(_("started (wall clock)"), null=True, blank=True)
    published_at = models.DateTimeField(_("published (wall clock)"), null=True, blank=True)
    rows_published = models.PositiveBigIntegerField(_("rows published"), default=0)
    rulebooks = models.JSONField(_("rulebooks used"), default=list, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("nightly job")
        verbose_name_plural = _("nightly jobs")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["run", "job"], name="job_once_per_run")]
        indexes = [
            models.Index(
                fields=["job", "-as_of"],
                name="job_published_days",
                condition=models.Q(state=RunState.COMPLETE),
            )
        ]

    def __str__(self) -> str:
        return f"{self.job} {self.as_of}"


class ShardRun(models.Model):
    """One shard of a job: the unit of work, of retry and of progress.

    `running` is a hint for the operator. Who may compute is decided by the row lock that the
    computing transaction holds; a killed worker's lock is gone with its connection.
    """

    job_run = models.ForeignKey(
        JobRun, models.CASCADE, related_name="shards", verbose_name=_("nightly job")
    )
    index = models.PositiveIntegerField(_("shard"))
    params = models.JSONField(_("range"), default=dict)
    state = models.CharField(_("state"), max_length=8, choices=RunState, default=RunState.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    enqueued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(_("started (wall clock)"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished (wall clock)"), null=True, blank=True)
    rows_read = models.PositiveBigIntegerField(_("rows read"), default=0)
    rows_written = models.PositiveBigIntegerField(_("rows written"), default=0)
    worker = models.CharField(_("worker"), max_length=120, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("nightly shard")
        verbose_name_plural = _("nightly shards")
        ordering = ["index"]
        constraints = [models.UniqueConstraint(fields=["job_run", "index"], name="shard_once")]

    def __str__(self) -> str:
        return f"{self.job_run} {self.index}"
