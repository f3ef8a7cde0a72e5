"""The GMV challenge, links of orders to quotes, and spam reports (RFQ-17, RFQ-23, RFQ-24)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.models import Order, Seller, StoredFile
from portal.scoping import scoped_manager
from rfq.choices import ReportStatus, SpamKind
from rfq.models.market import Rfq
from rfq.models.quotes import Quote


class ChallengeEntry(models.Model):
    """A shop's part in the GMV challenge of one month (RFQ-23).

    `claimed` is how many quote rights it has had for the month; it only grows, by compare-and-set.
    """

    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))
    month = models.DateField(_("month"), help_text=_("Its first day."))
    enrolled_at = models.DateTimeField(_("enrolled"))
    enrolled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("enrolled by"),
    )
    claimed = models.PositiveSmallIntegerField(_("quote rights claimed"), default=0)

    objects = scoped_manager()

    class Meta:
        verbose_name = _("challenge entry")
        verbose_name_plural = _("challenge entries")
        ordering = ["-month"]
        constraints = [
            models.UniqueConstraint(fields=["seller", "month"], name="challenge_once"),
            models.CheckConstraint(condition=Q(month__day=1), name="challenge_month_start"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class OrderLink(models.Model):
    """The quote a seller named for an order; without one the newest that fits counts (RFQ-17)."""

    order = models.OneToOneField(
        Order, models.CASCADE, related_name="rfq_link", verbose_name=_("order")
    )
    quote = models.ForeignKey(
        Quote, models.CASCADE, related_name="order_links", verbose_name=_("quote")
    )
    linked_at = models.DateTimeField(_("linked"))
    linked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("linked by"),
    )

    objects = scoped_manager(seller="quote__seller")

    class Meta:
        verbose_name = _("link of an order")
        verbose_name_plural = _("links of orders")


class SpamReport(models.Model):
    """A seller's report that an RFQ is spam (RFQ-24)."""

    rfq = models.ForeignKey(Rfq, models.PROTECT, related_name="reports", verbose_name=_("RFQ"))
    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    kind = models.CharField(_("kind"), max_length=14, choices=SpamKind)
    description = models.TextField(_("description"), max_length=4000)
    status = models.CharField(
        _("status"), max_length=10, choices=ReportStatus, default=ReportStatus.OPEN
    )
    reported_at = models.DateTimeField(_("reported"))
    reported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("reported by"),
    )
    answer_due_at = models.DateTimeField(_("answer due"))
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    answer = models.TextField(_("answer to the reporter"), blank=True)

    objects = scoped_manager()

    class Meta:
        verbose_name = _("spam report")
        verbose_name_plural = _("spam reports")
        ordering = ["answer_due_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["rfq", "seller"],
                condition=Q(status=ReportStatus.OPEN),
                name="report_one_open_per_rfq",
            ),
        ]
        indexes = [
            models.Index(fields=["seller", "reported_at"], name="report_seller_day"),
            models.Index(fields=["status", "answer_due_at"], name="report_queue"),
        ]

    def __str__(self) -> str:
        return f"{self.rfq.rfq_id} #{self.pk}"


class SpamEvidence(models.Model):
    """An image that shows the spam."""

    report = models.ForeignKey(
        SpamReport, models.CASCADE, related_name="evidence", verbose_name=_("report")
    )
    file = models.ForeignKey(StoredFile, models.PROTECT, verbose_name=_("file"))

    objects = scoped_manager(seller="report__seller")

    class Meta:
        verbose_name = _("evidence")
        verbose_name_plural = _("evidence")
