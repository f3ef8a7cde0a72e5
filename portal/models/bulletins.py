"""Bulletins (全网发布会): what the platform announces, to whom, from when (K-17)."""

from __future__ import annotations

from datetime import date

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.bilingual import reads_chinese
from portal.choices import RulebookStatus
from portal.models.people import Member, Seller
from portal.models.rulebooks import Rulebook
from portal.scoping import scoped_manager


class Bulletin(models.Model):
    """An announcement with an audience, action items and a question form."""

    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    title_en = models.CharField(_("title (English)"), max_length=200)
    title_zh = models.CharField(_("title (Chinese)"), max_length=200, blank=True)
    body_en = models.TextField(_("body (English)"))
    body_zh = models.TextField(_("body (Chinese)"), blank=True)
    audience = models.JSONField(
        _("audience"),
        default=list,
        blank=True,
        help_text=_("List of {field, op, value}; all must hold; empty means everybody."),
    )
    actions = models.JSONField(
        _("action items"), default=list, blank=True, help_text=_("List of {text_en, text_zh, url}.")
    )
    effective_on = models.DateField(_("effective on"), null=True, blank=True)
    published_at = models.DateTimeField(_("published"), null=True, blank=True, editable=False)
    announced_at = models.DateTimeField(
        _("announced"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Wall clock; empty until all were told."),
    )
    questions_until = models.DateTimeField(_("questions until"), null=True, blank=True)
    is_read: bool
    """Whether the reading member has opened it; only on what `bulletins_for` returns."""

    rulebook = models.ForeignKey(
        Rulebook,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="bulletins",
        verbose_name=_("rulebook"),
    )

    class Meta:
        verbose_name = _("bulletin")
        verbose_name_plural = _("bulletins")
        ordering = ["-published_at", "-pk"]

    def __str__(self) -> str:
        return self.title

    def _localised(self, field: str) -> str:
        zh = getattr(self, f"{field}_zh")
        if reads_chinese() and zh:
            return zh
        return getattr(self, f"{field}_en")

    @property
    def title(self) -> str:
        """Title in the active language."""
        return self._localised("title")

    @property
    def body(self) -> str:
        """Body in the active language; plain text, blank lines separate paragraphs."""
        return self._localised("body")

    @property
    def announces_nothing(self) -> bool:
        """Whether the rules it announces were withdrawn, so that nobody sees it (K-16)."""
        return self.rulebook is not None and self.rulebook.status == RulebookStatus.WITHDRAWN

    @property
    def action_items(self) -> list[dict[str, str]]:
        """What to do, as `{text, url}` in the active language."""
        chinese = reads_chinese()
        return [
            {"text": (chinese and item.get("text_zh")) or item["text_en"], "url": item["url"]}
            for item in self.actions
        ]

    @property
    def questions_open(self) -> bool:
        """Tell whether questions are taken now; without a deadline none are."""
        return self.questions_until is not None and platform_time.now() < self.questions_until

    @property
    def published_on(self) -> date | None:
        """Pacific day of publication."""
        return platform_time.day_of(self.published_at) if self.published_at else None

    def get_absolute_url(self) -> str:
        """Return the path of the bulletin's page."""
        return reverse("portal:bulletin-detail", kwargs={"slug": self.slug})


class BulletinRead(models.Model):
    """A member has opened a bulletin."""

    bulletin = models.ForeignKey(Bulletin, models.CASCADE, related_name="reads")
    member = models.ForeignKey(Member, models.CASCADE)
    at = models.DateTimeField(default=platform_time.now)

    objects = scoped_manager(seller="member__seller")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bulletin", "member"], name="bulletin_read_once")
        ]


class BulletinQuestion(models.Model):
    """A seller's question on a bulletin and the staff answer, seen by that seller only."""

    bulletin = models.ForeignKey(
        Bulletin, models.CASCADE, related_name="questions", verbose_name=_("bulletin")
    )
    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))
    member = models.ForeignKey(Member, models.SET_NULL, null=True, verbose_name=_("member"))
    text = models.TextField(_("question"), max_length=2000)
    asked_at = models.DateTimeField(_("asked"), default=platform_time.now)
    answer = models.TextField(_("answer"), blank=True)
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("answered by"),
    )

    objects = scoped_manager()

    class Meta:
        verbose_name = _("bulletin question")
        verbose_name_plural = _("bulletin questions")
        ordering = ["asked_at", "pk"]

    def __str__(self) -> str:
        return self.text[:60]
