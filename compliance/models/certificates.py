"""Certificates, their files, what they cover and what happened to them (EPR-4, CRT-1)."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from compliance.choices import (
    CertificateEventKind,
    CertificateStatus,
    CertificateType,
    EprCategory,
    FileKind,
)
from compliance.models.products import GatedProduct
from portal.models import Category, Seller, StoredFile
from portal.scoping import scoped_manager

WAITING = (CertificateStatus.SUBMITTED, CertificateStatus.IN_REVIEW)


class Certificate(models.Model):
    """A certificate of a shop. Only `services.certificates` and `services.reviews` write it.

    It counts while `valid_from ≤ instant < valid_until`: set when it is verified, to the end of its
    last day (Pacific), and cut short by revocation or replacement. The gate asks these two columns
    and never the status, so that it closes at the instant itself (EPR-12).

    `number` is normalised, `number_typed` as the seller wrote it. `country` and `category` are an EPR
    registration's; empty for other types. With `covers_all` it covers every product of the shop, else
    the linked products and the linked categories with all below them. `digest` is the SHA-256 of the
    fields and the files' hashes as submitted: an approval names the digest it approves (EPR-7).
    """

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    type = models.CharField(_("type"), max_length=24, choices=CertificateType)
    status = models.CharField(
        _("status"), max_length=10, choices=CertificateStatus, default=CertificateStatus.DRAFT
    )
    name = models.CharField(_("name of the certificate"), max_length=200, blank=True)
    admission = models.SlugField(
        _("admission"),
        max_length=40,
        blank=True,
        help_text=_("Which industry admission it is; a code of the admissions rulebook."),
    )
    entity_name = models.CharField(_("certified entity"), max_length=200)
    company_name = models.CharField(_("registered company name"), max_length=200, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    category = models.CharField(_("EPR category"), max_length=12, choices=EprCategory, blank=True)
    number = models.CharField(_("number"), max_length=64)
    number_typed = models.CharField(_("number as typed"), max_length=80)
    issued_on = models.DateField(_("issued on"))
    expires_on = models.DateField(_("last day"), null=True, blank=True)
    scope_en = models.TextField(_("scope (English)"), max_length=1024, blank=True)
    scope_zh = models.TextField(_("scope (Chinese)"), max_length=1024, blank=True)
    brands = models.JSONField(_("brands"), default=list, blank=True)
    device_types = models.JSONField(_("kinds of device"), default=list, blank=True)
    cas_numbers = models.JSONField(
        _("CAS numbers"), default=list, blank=True, help_text=_("What a licence allows.")
    )
    own = models.BooleanField(
        _("own registration"), default=True, help_text=_("Not an upstream supplier's.")
    )
    declared_at = models.DateTimeField(_("declaration ticked"))
    covers_all = models.BooleanField(_("covers all products"), default=True)
    products = models.ManyToManyField(
        GatedProduct, through="CertificateProduct", verbose_name=_("products")
    )
    categories = models.ManyToManyField(
        Category, through="CertificateCategory", verbose_name=_("categories")
    )
    digest = models.CharField(max_length=64, blank=True, editable=False)
    replaces = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="replacements",
        verbose_name=_("replaces"),
    )
    submitted_at = models.DateTimeField(_("submitted"), null=True, blank=True)
    due_at = models.DateTimeField(_("decision due"), null=True, blank=True)
    claimed_at = models.DateTimeField(_("claimed"), null=True, blank=True)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("claimed by"),
    )
    first_approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("first approval by"),
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
    reason_code = models.CharField(_("reason"), max_length=40, blank=True)
    reason_en = models.TextField(_("reason (English)"), blank=True)
    reason_zh = models.TextField(_("reason (Chinese)"), blank=True)
    valid_from = models.DateTimeField(_("counts from"), null=True, blank=True)
    valid_until = models.DateTimeField(_("counts until"), null=True, blank=True)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    created_at = models.DateTimeField(_("created"))
    changed_at = models.DateTimeField(_("changed"))

    objects = scoped_manager()

    class Meta:
        verbose_name = _("certificate")
        verbose_name_plural = _("certificates")
        ordering = ["-changed_at", "-pk"]
        permissions = [
            ("review_certificate", "Can review certificates"),
            ("import_register", "Can import registers"),
        ]
        constraints = [
            # The same number again is a renewal: it waits once, and takes the place of the verified
            # one in the same transaction (EPR-5).
            models.UniqueConstraint(
                fields=["seller", "type", "country", "category", "number"],
                condition=Q(status__in=WAITING),
                name="certificate_waits_once",
            ),
            models.UniqueConstraint(
                fields=["seller", "type", "country", "category", "number"],
                condition=Q(status=CertificateStatus.VERIFIED),
                name="certificate_verified_once",
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=False, digest__gt="")
                | ~Q(status=CertificateStatus.VERIFIED),
                name="certificate_verified_counts",
            ),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="certificate_validity_order",
            ),
            models.CheckConstraint(
                condition=Q(status=CertificateStatus.IN_REVIEW, claimed_at__isnull=False)
                | Q(~Q(status=CertificateStatus.IN_REVIEW), claimed_at__isnull=True),
                name="certificate_claimed_in_review",
            ),
        ]
        indexes = [
            models.Index(fields=["seller", "country", "category"], name="certificate_shop"),
            models.Index(fields=["seller", "-changed_at", "-id"], name="certificate_shop_changed"),
            models.Index(
                fields=["due_at"], condition=Q(status__in=WAITING), name="certificate_queue"
            ),
            models.Index(fields=["number"], name="certificate_number"),
            models.Index(
                fields=["valid_until"],
                condition=Q(status=CertificateStatus.VERIFIED),
                name="certificate_ends",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_type_display()} {self.number}"

    def shown_status(self, now: datetime) -> CertificateStatus:
        """Return the status, with a verified certificate whose time is over as expired (EPR-12)."""
        if (
            self.status == CertificateStatus.VERIFIED
            and self.valid_until is not None
            and self.valid_until <= now
        ):
            return CertificateStatus.EXPIRED
        return CertificateStatus(self.status)

    def counts_at(self, at: datetime) -> bool:
        """Tell whether it covers anything at an instant."""
        return (
            self.valid_from is not None
            and self.valid_from <= at
            and (self.valid_until is None or at < self.valid_until)
        )


def counting_at(at: datetime) -> Q:
    """Return the condition for certificates that cover anything at an instant: `counts_at` as a query."""
    return Q(valid_from__lte=at) & (Q(valid_until__isnull=True) | Q(valid_until__gt=at))


class CertificateFile(models.Model):
    """A file of a certificate: 1–5 of the certificate itself, 1–5 invoices when it is upstream's."""

    certificate = models.ForeignKey(
        Certificate, models.CASCADE, related_name="files", verbose_name=_("certificate")
    )
    file = models.ForeignKey(StoredFile, models.PROTECT, verbose_name=_("file"))
    kind = models.CharField(_("kind"), max_length=11, choices=FileKind)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    objects = scoped_manager(seller="certificate__seller")

    class Meta:
        verbose_name = _("file of a certificate")
        verbose_name_plural = _("files of certificates")
        ordering = ["kind", "position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["certificate", "file"], name="certificate_file_once")
        ]


class CertificateProduct(models.Model):
    """A product a certificate covers."""

    certificate = models.ForeignKey(Certificate, models.CASCADE, verbose_name=_("certificate"))
    product = models.ForeignKey(GatedProduct, models.CASCADE, verbose_name=_("product"))

    objects = scoped_manager(seller="certificate__seller")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["certificate", "product"], name="certificate_product_once"
            )
        ]


class CertificateCategory(models.Model):
    """A category a certificate covers, with all below it."""

    certificate = models.ForeignKey(Certificate, models.CASCADE, verbose_name=_("certificate"))
    category = models.ForeignKey(
        Category, models.CASCADE, related_name="+", verbose_name=_("category")
    )

    objects = scoped_manager(seller="certificate__seller")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["certificate", "category"], name="certificate_category_once"
            )
        ]


class CertificateEvent(models.Model):
    """What happened to a certificate, for the seller's history and the reviewers' figures (EPR-4, EPR-7).

    Never changed. `content` is what a decision decided on: the fields and the files' hashes.
    """

    certificate = models.ForeignKey(
        Certificate, models.CASCADE, related_name="events", verbose_name=_("certificate")
    )
    kind = models.CharField(_("event"), max_length=14, choices=CertificateEventKind)
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("by"),
    )
    by_staff = models.BooleanField(_("by staff"), default=False)
    reason_code = models.CharField(_("reason"), max_length=40, blank=True)
    reason_en = models.TextField(_("reason (English)"), blank=True)
    reason_zh = models.TextField(_("reason (Chinese)"), blank=True)
    digest = models.CharField(max_length=64, blank=True)
    content = models.JSONField(_("content"), default=dict, blank=True)

    objects = scoped_manager(seller="certificate__seller")

    class Meta:
        verbose_name = _("event of a certificate")
        verbose_name_plural = _("events of certificates")
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["by", "kind", "at"], name="certificate_event_by")]
