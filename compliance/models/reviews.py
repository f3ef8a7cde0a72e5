"""What reviewers work with: canned reasons and imported registers (EPR-7, EPR-8)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.choices import EprCategory, ReasonKind
from compliance.models.certificates import Certificate
from portal.bilingual import reads_chinese
from portal.scoping import scoped_manager


class ReviewReason(models.Model):
    """A canned reason in both languages; the built-in ones are there after migration (EPR-7)."""

    kind = models.CharField(_("for"), max_length=6, choices=ReasonKind)
    code = models.SlugField(_("code"), max_length=40)
    text_en = models.TextField(_("text (English)"))
    text_zh = models.TextField(_("text (Chinese)"))
    active = models.BooleanField(_("in use"), default=True)

    class Meta:
        verbose_name = _("review reason")
        verbose_name_plural = _("review reasons")
        ordering = ["kind", "code"]
        constraints = [models.UniqueConstraint(fields=["kind", "code"], name="review_reason_once")]

    def __str__(self) -> str:
        return self.code

    @property
    def text(self) -> str:
        """The text in the active language."""
        return self.text_zh if reads_chinese() else self.text_en


class RegisterImport(models.Model):
    """One export of a public register as staff loaded it; the newest of a register counts (EPR-8)."""

    register = models.CharField(_("register"), max_length=20)
    dated_on = models.DateField(_("date of the register"))
    name = models.CharField(_("file"), max_length=150)
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    rows = models.PositiveIntegerField(_("rows"), default=0)
    rejected = models.PositiveIntegerField(_("rejected rows"), default=0)
    problems = models.JSONField(_("what was rejected"), default=list, blank=True)
    matched = models.PositiveIntegerField(_("waiting certificates found"), default=0)
    imported_at = models.DateTimeField(_("imported"))
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("imported by"),
    )

    class Meta:
        verbose_name = _("register import")
        verbose_name_plural = _("register imports")
        ordering = ["-imported_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["register", "sha256"], name="register_import_once")
        ]

    def __str__(self) -> str:
        return f"{self.register} {self.dated_on}"


class RegisterEntry(models.Model):
    """One registration of an imported register; `number` is normalised like a certificate's."""

    source = models.ForeignKey(
        RegisterImport, models.CASCADE, related_name="entries", verbose_name=_("import")
    )
    row = models.PositiveIntegerField(_("row"))
    country = models.CharField(_("country"), max_length=2)
    category = models.CharField(_("EPR category"), max_length=12, choices=EprCategory, blank=True)
    number = models.CharField(_("number"), max_length=64)
    holder = models.CharField(_("holder"), max_length=300, blank=True)
    brand = models.CharField(_("brand"), max_length=200, blank=True)
    device_type = models.CharField(_("kind of device"), max_length=200, blank=True)
    ended_on = models.DateField(_("ended on"), null=True, blank=True)

    class Meta:
        verbose_name = _("register entry")
        verbose_name_plural = _("register entries")
        indexes = [models.Index(fields=["number", "country"], name="register_number")]


class RegisterMatch(models.Model):
    """A certificate's number found in a register; what was found is copied, the import may go (EPR-8).

    `similarity` compares the register's holder with the company name of the certificate, 0–100.
    """

    certificate = models.OneToOneField(
        Certificate, models.CASCADE, related_name="register_match", verbose_name=_("certificate")
    )
    register = models.CharField(_("register"), max_length=20)
    dated_on = models.DateField(_("date of the register"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    row = models.PositiveIntegerField(_("row"))
    holder = models.CharField(_("holder"), max_length=300, blank=True)
    brand = models.CharField(_("brand"), max_length=200, blank=True)
    ended_on = models.DateField(_("ended on"), null=True, blank=True)
    similarity = models.PositiveSmallIntegerField(_("similarity of the names (%)"))
    matched_at = models.DateTimeField(_("found"))

    objects = scoped_manager(seller="certificate__seller")

    class Meta:
        verbose_name = _("register match")
        verbose_name_plural = _("register matches")
