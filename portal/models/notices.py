"""Notices: an inbox row per member, and its e-mail as a durable intent (K-18)."""

from __future__ import annotations

from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.choices import MailState
from portal.models.people import Member, Seller, User
from portal.notice_kinds import render
from portal.scoping import scoped_manager


class Notice(models.Model):
    """A message to one person, rendered from `kind` and `params` in the reader's language.

    `key` makes it unique: the same event never tells the same person twice. `mail_state` is the
    outbox: a pending row is the intent to send, and the sweeper finds it after any crash.
    Staff notices have no seller.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="notices", verbose_name=_("user"))
    seller = models.ForeignKey(
        Seller, models.CASCADE, null=True, blank=True, verbose_name=_("seller")
    )
    kind = models.CharField(_("kind"), max_length=40)
    key = models.CharField(_("key"), max_length=200)
    params = models.JSONField(_("parameters"), default=dict)
    link = models.CharField(_("link"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("created"), default=platform_time.now)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    mail_state = models.CharField(
        _("e-mail"), max_length=8, choices=MailState, default=MailState.NONE
    )
    mail_attempts = models.PositiveSmallIntegerField(_("mail attempts"), default=0)
    mail_due_at = models.DateTimeField(
        _("mail due"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Wall clock; a claim moves it forward."),
    )
    mailed_at = models.DateTimeField(_("mailed"), null=True, blank=True)

    objects = scoped_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-created_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="notice_once")]
        indexes = [
            models.Index(fields=["user", "seller", "read_at"], name="notice_inbox"),
            models.Index(
                fields=["mail_due_at"],
                name="notice_outbox",
                condition=models.Q(mail_state=MailState.PENDING),
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @cached_property
    def _texts(self) -> dict[str, tuple[str, str]]:
        return {}

    def _rendered(self) -> tuple[str, str]:
        language = get_language() or ""
        if language not in self._texts:
            self._texts[language] = render(self.kind, self.params)
        return self._texts[language]

    @property
    def title(self) -> str:
        """Title in the active language."""
        return self._rendered()[0]

    @property
    def body(self) -> str:
        """Body in the active language."""
        return self._rendered()[1]


class NoticePreference(models.Model):
    """A member's choice for one kind; no row means the kind's default."""

    member = models.ForeignKey(
        Member, models.CASCADE, related_name="notice_preferences", verbose_name=_("member")
    )
    kind = models.CharField(_("kind"), max_length=40)
    email = models.BooleanField(_("e-mail"), default=True)

    objects = scoped_manager(seller="member__seller")

    class Meta:
        verbose_name = _("notice preference")
        verbose_name_plural = _("notice preferences")
        constraints = [
            models.UniqueConstraint(fields=["member", "kind"], name="notice_preference_once")
        ]
