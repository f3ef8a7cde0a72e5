"""Programmes: activities, channels, services and offers; one mechanism (GRO-17, GRO-18)."""

from __future__ import annotations

from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from compliance.models import Certificate
from growth.choices import (
    OPEN_ENROLMENTS,
    EnrolmentState,
    ProgrammeKind,
    RenewalStatus,
)
from portal.bilingual import in_language
from portal.models import Seller, StoredFile
from portal.scoping import scoped_manager


class Programme(models.Model):
    """A programme as data; `content` is a `growth.programmes.schema.ProgrammeContent`.

    `content` holds audience, windows, agreement, documents, benefits, exit and removal, steps and
    renewal. Built-in programmes come with the product; staff change them or add others.
    """

    code = models.SlugField(_("code"), max_length=60, unique=True)
    kind = models.CharField(_("kind"), max_length=8, choices=ProgrammeKind)
    title_en = models.CharField(_("title (English)"), max_length=120)
    title_zh = models.CharField(_("title (Chinese)"), max_length=120, blank=True)
    content = models.JSONField(_("content"), default=dict)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    published = models.BooleanField(_("published"), default=True)
    shipped_digest = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = _("programme")
        verbose_name_plural = _("programmes")
        ordering = ["position", "code"]
        permissions = [("review_enrolment", "Can review enrolments")]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """Title in the active language."""
        return in_language(self.title_en, self.title_zh)


class Enrolment(models.Model):
    """A shop's enrolment in a programme; at most one open per shop and programme.

    `round` is the first day of the window it was made in, null for programmes without rounds.
    `route` is the way in that was taken, for programmes that have several. `since` and `until` are the
    first and last Pacific day of membership, the latter null without an end: one that ends early ends
    with the day before, so a day on which it ended is not counted. `step` is the key of the last step
    done in programmes that have them, `step_at` when. `agreement` is the digest of the text ticked.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="enrolments", verbose_name=_("programme")
    )
    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    state = models.CharField(_("state"), max_length=9, choices=EnrolmentState)
    round = models.DateField(_("round"), null=True, blank=True)
    route = models.SlugField(_("way in"), max_length=40, blank=True)
    automatic = models.BooleanField(_("without application"), default=False)
    applied_at = models.DateTimeField(_("applied"))
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("applied by"),
    )
    agreement = models.CharField(_("agreement"), max_length=64, blank=True)
    answers = models.JSONField(_("answers"), default=dict, blank=True)
    since = models.DateField(_("enrolled since"), null=True, blank=True)
    until = models.DateField(_("enrolled until"), null=True, blank=True)
    step = models.SlugField(_("step"), max_length=40, blank=True)
    step_at = models.DateTimeField(_("step done"), null=True, blank=True)
    voucher = models.CharField(_("voucher"), max_length=40, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    reason_code = models.SlugField(_("reason"), max_length=60, blank=True)
    reason = models.TextField(_("reason in words"), blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    objects = scoped_manager()

    class Meta:
        verbose_name = _("enrolment")
        verbose_name_plural = _("enrolments")
        ordering = ["-applied_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "seller"],
                condition=Q(state__in=OPEN_ENROLMENTS),
                name="enrolment_one_open",
            ),
            models.UniqueConstraint(
                fields=["voucher"], condition=~Q(voucher=""), name="enrolment_voucher_once"
            ),
        ]
        indexes = [
            models.Index(fields=["seller", "state"], name="enrolment_of_shop"),
            models.Index(fields=["programme", "state", "applied_at"], name="enrolment_queue"),
        ]

    def __str__(self) -> str:
        return f"{self.programme_id}:{self.seller_id}"

    @property
    def is_open(self) -> bool:
        """Whether it waits for staff or holds."""
        return self.state in OPEN_ENROLMENTS

    def over_on(self, day: date) -> bool:
        """Tell whether its time has run out by a Pacific day, before the night says so."""
        return self.state == EnrolmentState.ACTIVE and self.until is not None and self.until < day


class EnrolmentDocument(models.Model):
    """A certificate of the shop shown with an application."""

    enrolment = models.ForeignKey(
        Enrolment, models.CASCADE, related_name="documents", verbose_name=_("enrolment")
    )
    requirement = models.SlugField(_("requirement"), max_length=40)
    certificate = models.ForeignKey(
        Certificate, models.PROTECT, related_name="+", verbose_name=_("certificate")
    )

    objects = scoped_manager(seller="enrolment__seller")

    class Meta:
        verbose_name = _("document of an enrolment")
        verbose_name_plural = _("documents of enrolments")
        constraints = [
            models.UniqueConstraint(
                fields=["enrolment", "requirement", "certificate"], name="enrolment_document_once"
            )
        ]


class EnrolmentFile(models.Model):
    """A file shown with an application, for what is no certificate."""

    enrolment = models.ForeignKey(
        Enrolment, models.CASCADE, related_name="files", verbose_name=_("enrolment")
    )
    requirement = models.SlugField(_("requirement"), max_length=40)
    file = models.ForeignKey(StoredFile, models.PROTECT, related_name="+", verbose_name=_("file"))

    objects = scoped_manager(seller="enrolment__seller")

    class Meta:
        verbose_name = _("file of an enrolment")
        verbose_name_plural = _("files of enrolments")
        constraints = [
            models.UniqueConstraint(fields=["enrolment", "file"], name="enrolment_file_once")
        ]


class EnrolmentEvent(models.Model):
    """A change of an enrolment: state or step, who, when, why."""

    enrolment = models.ForeignKey(
        Enrolment, models.CASCADE, related_name="events", verbose_name=_("enrolment")
    )
    at = models.DateTimeField(_("at"))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("by"),
    )
    state = models.CharField(_("state"), max_length=9, choices=EnrolmentState)
    step = models.SlugField(_("step"), max_length=40, blank=True)
    reason = models.TextField(_("reason"), blank=True)

    objects = scoped_manager(seller="enrolment__seller")

    class Meta:
        verbose_name = _("event of an enrolment")
        verbose_name_plural = _("events of enrolments")
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.enrolment_id}:{self.state}"


class EnrolmentRenewal(models.Model):
    """A request to renew an enrolment before it ends (GRO-18)."""

    enrolment = models.ForeignKey(
        Enrolment, models.CASCADE, related_name="renewals", verbose_name=_("enrolment")
    )
    status = models.CharField(
        _("status"), max_length=7, choices=RenewalStatus, default=RenewalStatus.OPEN
    )
    asked_at = models.DateTimeField(_("asked"))
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("asked by"),
    )
    note = models.TextField(_("note of the shop"), blank=True)
    answer_due_at = models.DateTimeField(_("answer due"))
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("answered by"),
    )
    answer = models.TextField(_("answer"), blank=True)

    objects = scoped_manager(seller="enrolment__seller")

    class Meta:
        verbose_name = _("renewal of an enrolment")
        verbose_name_plural = _("renewals of enrolments")
        ordering = ["answer_due_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["enrolment"],
                condition=Q(status=RenewalStatus.OPEN),
                name="renewal_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.enrolment_id}:{self.asked_at:%Y-%m-%d}"
