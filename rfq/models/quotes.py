"""Quotes, their drafts, templates, files, pins and follow-ups (RFQ-6, RFQ-11, RFQ-25)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.models import Buyer, Seller, StoredFile
from portal.scoping import scoped_manager
from rfq.choices import FollowUpKind, QuoteOrigin, QuoteStatus
from rfq.models.market import PIN_SLOTS, PRICE, Rfq

LIVE = Q(withdrawn_at__isnull=True)


class Quote(models.Model):
    """A seller's answer to an RFQ: at most one live one per seller and RFQ (RFQ-6).

    Three columns repeat what follows from others, so that the night reads quotes alone: `buyer` is
    the RFQ's, `response_seconds` is submitted − posted, and `links_until` is three years after
    submission, up to which orders of the buyer link to the quote (RFQ-16, RFQ-17). `refunded_at` is
    set when its rights were given back: from then on it counts in no figure.
    """

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    rfq = models.ForeignKey(Rfq, models.PROTECT, related_name="quotes", verbose_name=_("RFQ"))
    buyer = models.ForeignKey(Buyer, models.PROTECT, db_index=False, verbose_name=_("buyer"))
    origin = models.CharField(
        _("origin"), max_length=8, choices=QuoteOrigin, default=QuoteOrigin.PORTAL
    )
    status = models.CharField(
        _("status"), max_length=9, choices=QuoteStatus, default=QuoteStatus.SUBMITTED
    )
    unit_price = models.DecimalField(_("unit price"), **PRICE)
    currency = models.CharField(_("currency"), max_length=3, default="USD")
    moq = models.PositiveIntegerField(_("minimum order quantity"), null=True, blank=True)
    lead_time_days = models.PositiveSmallIntegerField(_("lead time (days)"), null=True, blank=True)
    ship_from = models.CharField(_("ships from"), max_length=80, blank=True)
    sample_offered = models.BooleanField(_("sample offered"), default=False)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    message = models.TextField(_("message"), max_length=8000, blank=True)
    products = models.JSONField(
        _("products"), default=list, blank=True, help_text=_("Ids of linked products.")
    )
    submitted_at = models.DateTimeField(_("submitted"))
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("submitted by"),
    )
    response_seconds = models.BigIntegerField(_("response time (seconds)"))
    links_until = models.DateTimeField(_("orders link until"))
    viewed_at = models.DateTimeField(_("viewed"), null=True, blank=True)
    replied_at = models.DateTimeField(_("replied"), null=True, blank=True)
    rejected_at = models.DateTimeField(_("rejected"), null=True, blank=True)
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)
    refunded_at = models.DateTimeField(_("rights refunded"), null=True, blank=True)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    objects = scoped_manager()

    class Meta:
        verbose_name = _("quote")
        verbose_name_plural = _("quotes")
        ordering = ["-submitted_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["rfq", "seller"], condition=LIVE, name="quote_one_live_per_rfq"
            ),
        ]
        indexes = [
            # The night counts the quotes of a month, of all sellers by time or of some sellers
            # one by one, and asks of every order whether a quote links it, from these three indexes
            # alone: it never reads the wide rows. Pages read the second one too.
            models.Index(
                fields=[
                    "submitted_at",
                    "seller",
                    "response_seconds",
                    "replied_at",
                    "refunded_at",
                    "withdrawn_at",
                ],
                name="quote_day_seller",
            ),
            models.Index(
                fields=[
                    "seller",
                    "-submitted_at",
                    "-id",
                    "response_seconds",
                    "replied_at",
                    "refunded_at",
                    "withdrawn_at",
                ],
                name="quote_seller_newest",
            ),
            models.Index(
                fields=["seller", "buyer", "submitted_at", "links_until", "refunded_at"],
                name="quote_seller_buyer",
            ),
            models.Index(
                fields=["submitted_at", "seller"],
                condition=Q(withdrawn_at__isnull=False),
                name="quote_withdrawn",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rfq.rfq_id} #{self.pk}"


class Pin(models.Model):
    """A quote pinned to one of the three places of its RFQ (RFQ-11).

    The constraints decide the race: whoever writes the row has the place. A withdrawn quote
    releases its place; a rejected one keeps it.
    """

    rfq = models.ForeignKey(Rfq, models.PROTECT, related_name="pins", verbose_name=_("RFQ"))
    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))
    quote = models.ForeignKey(Quote, models.PROTECT, related_name="pins", verbose_name=_("quote"))
    slot = models.PositiveSmallIntegerField(_("place"))
    pinned_at = models.DateTimeField(_("pinned"))
    released_at = models.DateTimeField(_("released"), null=True, blank=True)

    objects = scoped_manager()

    class Meta:
        verbose_name = _("pin")
        verbose_name_plural = _("pins")
        constraints = [
            models.CheckConstraint(
                condition=Q(slot__gte=1, slot__lte=PIN_SLOTS), name="pin_slot_range"
            ),
            models.UniqueConstraint(
                fields=["rfq", "slot"], condition=Q(released_at__isnull=True), name="pin_slot_once"
            ),
            models.UniqueConstraint(
                fields=["rfq", "seller"],
                condition=Q(released_at__isnull=True),
                name="pin_seller_once",
            ),
            models.UniqueConstraint(fields=["quote"], name="pin_quote_once"),
        ]


class QuoteFile(models.Model):
    """A file attached to a quote: for the seller and the buyer, nobody else."""

    quote = models.ForeignKey(Quote, models.CASCADE, related_name="files", verbose_name=_("quote"))
    file = models.ForeignKey(StoredFile, models.PROTECT, verbose_name=_("file"))

    objects = scoped_manager(seller="quote__seller")

    class Meta:
        verbose_name = _("quote file")
        verbose_name_plural = _("quote files")
        constraints = [models.UniqueConstraint(fields=["quote", "file"], name="quote_file_once")]


class QuoteDraft(models.Model):
    """What a person has typed into the quote form so far; saved as they type (RFQ-6)."""

    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("user"))
    rfq = models.ForeignKey(Rfq, models.CASCADE, verbose_name=_("RFQ"))
    content = models.JSONField(_("content"), default=dict)
    saved_at = models.DateTimeField(_("saved"))

    objects = scoped_manager()

    class Meta:
        verbose_name = _("quote draft")
        verbose_name_plural = _("quote drafts")
        constraints = [models.UniqueConstraint(fields=["seller", "user", "rfq"], name="draft_once")]


class QuoteTemplate(models.Model):
    """Wording and terms a shop uses again: a whole quote or a company introduction (RFQ-25).

    `elements` holds the six elements of the company introduction by key.
    """

    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))
    name = models.CharField(_("name"), max_length=80)
    content = models.JSONField(_("content"), default=dict)
    elements = models.JSONField(_("company introduction"), default=dict, blank=True)
    changed_at = models.DateTimeField(_("changed"))

    objects = scoped_manager()

    class Meta:
        verbose_name = _("quote template")
        verbose_name_plural = _("quote templates")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["seller", "name"], name="quote_template_name_once")
        ]


class FollowUp(models.Model):
    """A reminder to come back to a quote; ticked when done, told by the night (RFQ-25)."""

    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))
    quote = models.ForeignKey(
        Quote, models.CASCADE, related_name="follow_ups", verbose_name=_("quote")
    )
    kind = models.CharField(_("why"), max_length=10, choices=FollowUpKind)
    due_on = models.DateField(_("due"))
    done_at = models.DateTimeField(_("done"), null=True, blank=True)

    objects = scoped_manager()

    class Meta:
        verbose_name = _("follow-up")
        verbose_name_plural = _("follow-ups")
        ordering = ["due_on", "pk"]
        constraints = [models.UniqueConstraint(fields=["quote", "kind"], name="follow_up_once")]
        indexes = [models.Index(fields=["seller", "due_on"], name="follow_up_due")]
