"""Terms that may not be used, chemicals, protected marks, and what became of hits (CMP-1, CMP-3 … CMP-5)."""

from __future__ import annotations

from datetime import date

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.choices import ChemicalListing, MarkCaseState, TermEffect, TextPlace
from compliance.models.certificates import Certificate
from compliance.models.products import GatedProduct
from portal.bilingual import reads_chinese
from portal.models import Category
from portal.scoping import scoped_manager


class RuleClass(models.Model):
    """A class of terms with one effect, from a day on (CMP-1).

    Without categories it holds for every product, else for those in the categories and all below.
    A class without `published_at` is a draft: staff test it against live products, sellers never see it.
    """

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name_en = models.CharField(_("name (English)"), max_length=200)
    name_zh = models.CharField(_("name (Chinese)"), max_length=200)
    effect = models.CharField(_("effect"), max_length=14, choices=TermEffect)
    advice_en = models.TextField(_("what to do (English)"), blank=True)
    advice_zh = models.TextField(_("what to do (Chinese)"), blank=True)
    starts_on = models.DateField(_("in force from"))
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=200, blank=True)
    categories = models.ManyToManyField(
        Category, blank=True, related_name="+", verbose_name=_("only in these categories")
    )
    published_at = models.DateTimeField(_("published"), null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        verbose_name = _("rule class")
        verbose_name_plural = _("rule classes")
        ordering = ["code"]
        permissions = [("publish_ruleclass", "Can publish rule classes")]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Name in the active language."""
        return self.name_zh if reads_chinese() else self.name_en

    @property
    def advice(self) -> str:
        """What to do about a hit, in the active language."""
        return self.advice_zh if reads_chinese() else self.advice_en

    def in_force(self, day: date) -> bool:
        """Tell whether it is published and holds on a Pacific day."""
        if self.published_at is None or day < self.starts_on:
            return False
        return self.ends_on is None or day <= self.ends_on


class Term(models.Model):
    """One term of a class; `pattern` is its normalised form, what the matcher looks for (CMP-3).

    A term with `excuse` is an exception: where it is found, hits inside it do not count
    (`toy gun` excuses `gun`).
    """

    rule_class = models.ForeignKey(
        RuleClass, models.CASCADE, related_name="terms", verbose_name=_("rule class")
    )
    text = models.CharField(_("term"), max_length=120)
    pattern = models.CharField(max_length=130, editable=False)
    excuse = models.BooleanField(_("exception"), default=False)

    class Meta:
        verbose_name = _("term")
        verbose_name_plural = _("terms")
        ordering = ["text"]
        constraints = [
            models.UniqueConstraint(fields=["rule_class", "pattern"], name="term_once_per_class")
        ]

    def __str__(self) -> str:
        return self.text


class Chemical(models.Model):
    """A substance of the chemicals rules, by CAS number (CMP-4); categories are where it may be listed."""

    cas = models.CharField(_("CAS number"), max_length=14, unique=True)
    name_en = models.CharField(_("name (English)"), max_length=200)
    name_zh = models.CharField(_("name (Chinese)"), max_length=200, blank=True)
    listing = models.CharField(_("list"), max_length=10, choices=ChemicalListing)
    starts_on = models.DateField(_("in force from"))
    categories = models.ManyToManyField(
        Category, blank=True, related_name="+", verbose_name=_("categories it belongs in")
    )
    source = models.CharField(_("source"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("chemical")
        verbose_name_plural = _("chemicals")
        ordering = ["cas"]

    def __str__(self) -> str:
        return f"{self.cas} {self.name_en}"

    @property
    def name(self) -> str:
        """Name in the active language; English where there is no other."""
        in_chinese = self.name_zh and reads_chinese()
        return self.name_zh if in_chinese else self.name_en


class ChemicalCategory(models.Model):
    """A category whose products must name a CAS number, with all below it (CMP-4)."""

    category = models.OneToOneField(
        Category, models.CASCADE, related_name="+", verbose_name=_("category")
    )
    starts_on = models.DateField(_("in force from"))

    class Meta:
        verbose_name = _("chemicals category")
        verbose_name_plural = _("chemicals categories")

    def __str__(self) -> str:
        # The audit trail names all of them together by a row without a category.
        return str(self.category) if self.category_id else str(self._meta.verbose_name_plural)


class ProtectedMark(models.Model):
    """A mark on the watch-list; `pattern` and those of the variants are screened for in titles (CMP-5)."""

    name = models.CharField(_("mark"), max_length=120)
    variants = models.JSONField(_("other spellings"), default=list, blank=True)
    number = models.CharField(_("registration number"), max_length=80, blank=True)
    holder = models.CharField(_("holder"), max_length=200, blank=True)
    nice_classes = models.JSONField(_("Nice classes"), default=list, blank=True)
    goods = models.TextField(_("protected goods"), blank=True)
    example = models.TextField(_("example of an infringement"), blank=True)
    source = models.CharField(_("source"), max_length=200, blank=True)
    starts_on = models.DateField(_("watched from"))
    active = models.BooleanField(_("watched"), default=True)

    class Meta:
        verbose_name = _("protected mark")
        verbose_name_plural = _("protected marks")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["name", "number"], name="protected_mark_once")
        ]

    def __str__(self) -> str:
        return self.name


class MarkCase(models.Model):
    """A live product whose title names a protected mark, and what the shop says about it (CMP-5)."""

    product = models.ForeignKey(
        GatedProduct, models.CASCADE, related_name="mark_cases", verbose_name=_("product")
    )
    mark = models.ForeignKey(ProtectedMark, models.PROTECT, db_index=False, verbose_name=_("mark"))
    title = models.CharField(_("title that was hit"), max_length=300)
    state = models.CharField(
        _("state"), max_length=13, choices=MarkCaseState, default=MarkCaseState.OPEN
    )
    opened_at = models.DateTimeField(_("opened"))
    answer = models.TextField(_("the shop's statement"), max_length=2000, blank=True)
    authorisation = models.ForeignKey(
        Certificate,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("authorisation"),
    )
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    judged_at = models.DateTimeField(_("judged"), null=True, blank=True)
    judged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("judged by"),
    )
    judgement = models.TextField(_("judgement"), max_length=2000, blank=True)

    objects = scoped_manager(seller="product__seller")

    class Meta:
        verbose_name = _("case of a protected mark")
        verbose_name_plural = _("cases of protected marks")
        ordering = ["-opened_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "mark"],
                condition=models.Q(state__in=[MarkCaseState.OPEN, MarkCaseState.ANSWERED]),
                name="mark_case_open_once",
            )
        ]
        indexes = [models.Index(fields=["state", "answered_at"], name="mark_case_queue")]

    def __str__(self) -> str:
        return self.title


class ProductHit(models.Model):
    """A term found in a product when it was last screened; replaced whenever the product changes (CMP-3)."""

    product = models.ForeignKey(
        GatedProduct, models.CASCADE, related_name="hits", verbose_name=_("product")
    )
    rule_class = models.ForeignKey(
        RuleClass, models.CASCADE, related_name="+", verbose_name=_("rule class")
    )
    term = models.CharField(_("term"), max_length=120)
    place = models.CharField(_("place"), max_length=11, choices=TextPlace)
    excerpt = models.CharField(_("excerpt"), max_length=200)

    objects = scoped_manager(seller="product__seller")

    class Meta:
        verbose_name = _("screening hit")
        verbose_name_plural = _("screening hits")
        constraints = [
            models.UniqueConstraint(
                fields=["product", "rule_class", "term", "place"], name="product_hit_once"
            )
        ]

    def __str__(self) -> str:
        return self.term


class Rescreening(models.Model):
    """A round through all live products with new terms, in chunks; it goes on where it stopped (CMP-3).

    `key` names its cause, so that one cause is one round. `cursor` is the primary key of the last
    product screened.
    """

    key = models.CharField(_("cause"), max_length=80, unique=True)
    rule_class = models.ForeignKey(
        RuleClass,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("rule class"),
    )
    asked_at = models.DateTimeField(_("asked"))
    cursor = models.BigIntegerField(_("last product"), default=0, editable=False)
    products = models.PositiveIntegerField(_("products screened"), default=0)
    hits = models.PositiveIntegerField(_("hits"), default=0)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("round of screening")
        verbose_name_plural = _("rounds of screening")
        ordering = ["-asked_at", "-pk"]
        indexes = [
            models.Index(
                fields=["asked_at"],
                condition=models.Q(finished_at__isnull=True),
                name="rescreening_waits",
            )
        ]

    def __str__(self) -> str:
        return self.key
