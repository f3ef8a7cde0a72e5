"""Requests for quotation and what sellers do with them before quoting (RFQ-1 … RFQ-4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.models import Buyer, Category, Seller
from portal.scoping import scoped_manager
from rfq.choices import Grade, OfferStatus, RfqStatus

PRICE: dict[str, Any] = {"max_digits": 14, "decimal_places": 4}
DEFAULT_SEATS = 10
PIN_SLOTS = 3
OPEN = Q(status=RfqStatus.OPEN)


class RfqQuerySet(models.QuerySet):
    """RFQs; they belong to the market, not to a seller."""

    def live(self, now: datetime) -> Self:
        """Keep what is posted, open and not past its time."""
        return self.filter(OPEN, posted_at__lte=now, expires_at__gt=now)


class Rfq(models.Model):
    """A buyer's request (RFQ-1). `quoted` counts live quotes; a full RFQ has `quoted >= seats`.

    `opens_to_all_at` is `posted_at`, except for silver: the end of the early-access hours (RFQ-4).
    `listed_at` is the instant from which sellers see it: posted, and arrived here.
    Written by `services.rfqs` alone; `quoted` by `services.quotes`.
    """

    rfq_id = models.CharField(_("RFQ id"), max_length=64, unique=True)
    buyer = models.ForeignKey(
        Buyer, models.PROTECT, related_name="rfqs", db_index=False, verbose_name=_("buyer")
    )
    title = models.CharField(_("title"), max_length=300)
    category = models.ForeignKey(
        Category, models.PROTECT, db_index=False, verbose_name=_("category")
    )
    quantity = models.DecimalField(_("quantity"), max_digits=14, decimal_places=3)
    unit = models.CharField(_("unit"), max_length=40)
    details = models.TextField(_("details"), blank=True)
    attachments = models.JSONField(
        _("attachments"), default=list, blank=True, help_text=_("Links of the buyer's files.")
    )
    target_price = models.DecimalField(_("target price (USD)"), null=True, blank=True, **PRICE)
    destination = models.CharField(_("destination"), max_length=2, blank=True)
    value_usd = models.DecimalField(
        _("value (USD)"), max_digits=14, decimal_places=2, null=True, blank=True
    )
    posted_at = models.DateTimeField(_("posted"))
    expires_at = models.DateTimeField(_("expires"))
    opens_to_all_at = models.DateTimeField(_("open to all from"))
    listed_at = models.DateTimeField(_("listed"), default=platform_time.now, editable=False)
    status = models.CharField(_("status"), max_length=8, choices=RfqStatus, default=RfqStatus.OPEN)
    grade = models.CharField(_("grade"), max_length=8, choices=Grade, default=Grade.STANDARD)
    seats = models.PositiveSmallIntegerField(_("seats"), default=DEFAULT_SEATS)
    quoted = models.PositiveIntegerField(_("live quotes"), default=0, editable=False)

    objects = models.Manager.from_queryset(RfqQuerySet)()

    class Meta:
        verbose_name = _("RFQ")
        verbose_name_plural = _("RFQs")
        ordering = ["-posted_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gte=models.F("posted_at")), name="rfq_time_order"
            ),
            models.CheckConstraint(condition=Q(seats__gte=1), name="rfq_has_seats"),
        ]
        # Each order of the market page reads its index; closed RFQs, the most by far, are in none.
        indexes = [
            models.Index(fields=["-posted_at", "-id"], condition=OPEN, name="rfq_newest"),
            models.Index(
                fields=["quoted", "-posted_at", "-id"], condition=OPEN, name="rfq_fewest_quotes"
            ),
            models.Index(
                fields=["-quantity", "-posted_at", "-id"], condition=OPEN, name="rfq_quantity"
            ),
            models.Index(
                fields=["category", "-posted_at", "-id"], condition=OPEN, name="rfq_category"
            ),
            models.Index(fields=["grade", "-posted_at", "-id"], condition=OPEN, name="rfq_grade"),
            models.Index(fields=["buyer", "id"], condition=OPEN, name="rfq_buyer"),
            models.Index(fields=["expires_at"], condition=OPEN, name="rfq_expiry"),
            models.Index(fields=["listed_at"], condition=OPEN, name="rfq_listed"),
        ]

    def __str__(self) -> str:
        return self.rfq_id

    @property
    def seats_left(self) -> int:
        """Seats nobody has taken."""
        return max(0, self.seats - self.quoted)

    def state(self, now: datetime) -> str:
        """Return the status at an instant: open ones past their time are expired."""
        if self.status == RfqStatus.OPEN and self.expires_at <= now:
            return RfqStatus.EXPIRED
        return self.status


class RfqWord(models.Model):
    """One word of an open RFQ's title or details: the market's search index (RFQ-2).

    `rfq.market.search_words` says what a word is. `posted` repeats the RFQ's `posted_at` (microseconds since 1970),
    so that the RFQs of a word are read newest first and no further than a page. RFQs that are closed
    have no words: the index holds what can be found and no more.
    """

    pk = models.CompositePrimaryKey("word", "posted", "rfq")
    word = models.CharField(max_length=40)
    posted = models.BigIntegerField()
    rfq = models.ForeignKey(Rfq, models.CASCADE, related_name="words", db_index=False)

    class Meta:
        indexes = [models.Index(fields=["rfq", "word"], name="rfq_word_of")]


class RfqInvitation(models.Model):
    """A seller on the buyer's invitation list of an RFQ Pro (RFQ-3)."""

    rfq = models.ForeignKey(Rfq, models.CASCADE, related_name="invitations", verbose_name=_("RFQ"))
    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))
    invited_at = models.DateTimeField(_("invited"))

    objects = scoped_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [models.UniqueConstraint(fields=["rfq", "seller"], name="invited_once")]


class UnsolicitedOffer(models.Model):
    """What a seller who was not invited offers on an RFQ Pro within 24 hours of posting (RFQ-3)."""

    rfq = models.ForeignKey(Rfq, models.PROTECT, related_name="offers", verbose_name=_("RFQ"))
    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))
    title = models.CharField(_("title"), max_length=200)
    price = models.DecimalField(_("price (USD)"), **PRICE)
    message = models.TextField(_("message"), max_length=4000)
    status = models.CharField(
        _("status"), max_length=10, choices=OfferStatus, default=OfferStatus.SUBMITTED
    )
    submitted_at = models.DateTimeField(_("submitted"))
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("submitted by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    answer = models.TextField(_("answer"), blank=True)

    objects = scoped_manager()

    class Meta:
        verbose_name = _("unsolicited offer")
        verbose_name_plural = _("unsolicited offers")
        ordering = ["submitted_at"]
        constraints = [models.UniqueConstraint(fields=["rfq", "seller"], name="offer_once")]


class SavedSearch(models.Model):
    """A market search a seller keeps; `query` is its query string, new hits are told (RFQ-2)."""

    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("user"))
    name = models.CharField(_("name"), max_length=80)
    query = models.CharField(_("search"), max_length=2500)
    alert = models.BooleanField(_("tell me about new ones"), default=True)
    seen_until = models.DateTimeField(_("told up to"))

    objects = scoped_manager()

    class Meta:
        verbose_name = _("saved search")
        verbose_name_plural = _("saved searches")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["seller", "user", "name"], name="search_name_once")
        ]
