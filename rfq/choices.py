"""Statuses and fixed vocabularies of `rfq`; nothing else."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Grade(models.TextChoices):
    """How good an opportunity the platform holds an RFQ for (RFQ-1)."""

    STANDARD = "standard", _("Standard")
    # Translators: 银牌商机（三星商机）
    SILVER = "silver", _("Silver")
    # Translators: 金牌商机
    GOLD = "gold", _("Gold")
    PRO = "pro", _("RFQ Pro")


class RfqStatus(models.TextChoices):
    """Life of an RFQ (RFQ-1). One whose time is over counts as expired before the night says so."""

    OPEN = "open", pgettext_lazy("RFQ", "Open")
    CLOSED = "closed", _("Closed")
    REMOVED = "removed", _("Removed")
    EXPIRED = "expired", _("Expired")


RFQ_TRANSITIONS = {
    RfqStatus.OPEN: {RfqStatus.CLOSED, RfqStatus.REMOVED, RfqStatus.EXPIRED},
    RfqStatus.CLOSED: {RfqStatus.OPEN, RfqStatus.REMOVED},
    RfqStatus.EXPIRED: {RfqStatus.OPEN, RfqStatus.REMOVED},
    RfqStatus.REMOVED: set(),
}


class QuoteStatus(models.TextChoices):
    """How far a quote came (RFQ-6)."""

    SUBMITTED = "submitted", _("Submitted")
    VIEWED = "viewed", _("Viewed")
    REPLIED = "replied", _("Replied")
    REJECTED = "rejected", _("Rejected")
    ACCEPTED = "accepted", _("Accepted")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class QuoteOrigin(models.TextChoices):
    """Where a quote was made."""

    PORTAL = "portal", _("This portal")
    UPSTREAM = "upstream", _("Upstream history")


class RightKind(models.TextChoices):
    """Kinds of entitlement, in the order in which a quote uses them (RFQ-9)."""

    # Translators: 报价权益
    QUOTE = "quote", _("Quote right")
    # Translators: 金牌商机报价权
    GOLD = "gold", _("Gold-opportunity right")
    # Translators: 报价畅行
    FAST_LANE = "fast_lane", _("Fast-lane pass")
    # Translators: 报价置顶
    PIN = "pin", _("Pin right")


class GrantSource(models.TextChoices):
    """Where rights come from. Upstream may name others; they are shown as they are."""

    MEMBERSHIP = "membership", pgettext_lazy("source of rights", "Membership")
    SERVICE_SCORE = "service_score", _("Service score reward")
    CHALLENGE = "challenge", _("GMV challenge")
    ACTIVITY = "activity", _("Activity")
    PAID = "paid", _("Paid pack")
    STAFF = "staff", _("Granted by staff")
    REFUND = "refund", _("Refund")


PAID_SOURCES = frozenset({"paid", "paid_pack", "purchase"})
"""Sources of rights that were bought: everything else is free (RFQ-13)."""


class SpamKind(models.TextChoices):
    """What makes an RFQ spam (RFQ-24)."""

    ADVERT = "advert", _("Advertisement")
    PHISHING = "phishing", _("Phishing")
    # Translators: 套价
    PRICE_FISHING = "price_fishing", _("Price fishing")
    FRAUD = "fraud", _("Fraud")
    OTHER = "other", _("Other")


class ReportStatus(models.TextChoices):
    """Life of a spam report (RFQ-24)."""

    OPEN = "open", _("Waiting for an answer")
    UPHELD = "upheld", _("Upheld")
    DISMISSED = "dismissed", _("Dismissed")


class OfferStatus(models.TextChoices):
    """Life of an unsolicited offer on an RFQ Pro (RFQ-3)."""

    SUBMITTED = "submitted", _("Waiting for evaluation")
    ACCEPTED = "accepted", _("Accepted")
    DECLINED = "declined", _("Declined")


class FollowUpKind(models.TextChoices):
    """Why a quote should be followed up (RFQ-25)."""

    NEXT_DAY = "next_day", _("The day after quoting")
    NEXT_WEEK = "next_week", _("A week after quoting")
    AFTER_VIEW = "after_view", _("The buyer viewed it")
    REPLY = "reply", _("The buyer replied")
