"""Task packs: what they ask and give, who claimed them, what was granted (GRO-6 … GRO-10)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from growth.choices import ClaimOutcome, Operator, PackEdition, RewardKind, RewardStatus
from portal.bilingual import in_language
from portal.models import Seller
from portal.models.standings import FOREVER, Standing, StandingChange, StandingQuerySet
from portal.scoping import scoped_manager


class Pack(models.Model):
    """A task pack (任务包): all its tasks, claimed inside the window and done on the last day, bring the rewards.

    Days are Pacific and both ends of the window count whole. `frozen_on` closes the list of shops:
    who fulfils the audience on that day may take part, whatever becomes of it (GRO-10). `listed_at`
    is when that happened. `settled_at` is when the last day was counted: outcomes are final then.
    """

    code = models.SlugField(_("code"), max_length=60, unique=True)
    title_en = models.CharField(_("title (English)"), max_length=120)
    title_zh = models.CharField(_("title (Chinese)"), max_length=120, blank=True)
    rules_en = models.TextField(_("rules (English)"), blank=True)
    rules_zh = models.TextField(_("rules (Chinese)"), blank=True)
    edition = models.CharField(
        _("edition"), max_length=8, choices=PackEdition, default=PackEdition.GENERAL
    )
    audience = models.JSONField(
        _("audience"), default=list, blank=True, help_text=_("Conditions that must all hold.")
    )
    opens_on = models.DateField(_("first day"))
    closes_on = models.DateField(_("last day"))
    frozen_on = models.DateField(_("list closed on"), null=True, blank=True)
    quota = models.PositiveIntegerField(_("places"), null=True, blank=True)
    published = models.BooleanField(_("published"), default=True)
    listed_at = models.DateTimeField(_("list closed"), null=True, editable=False)
    settled_at = models.DateTimeField(_("settled"), null=True, editable=False)

    class Meta:
        verbose_name = _("task pack")
        verbose_name_plural = _("task packs")
        ordering = ["-opens_on", "code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(closes_on__gte=F("opens_on")), name="pack_window_order"
            ),
            models.CheckConstraint(
                condition=Q(frozen_on__isnull=True) | Q(frozen_on__lte=F("closes_on")),
                name="pack_list_closes_in_time",
            ),
        ]
        indexes = [models.Index(fields=["closes_on"], name="pack_closes")]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """Title in the active language."""
        return in_language(self.title_en, self.title_zh)

    @property
    def rules(self) -> str:
        """Rule text in the active language."""
        return in_language(self.rules_en, self.rules_zh)


class PackTask(models.Model):
    """One task: a rule on a metric. `value` is a number, or a list for `in` (GRO-5)."""

    pack = models.ForeignKey(
        Pack, models.CASCADE, related_name="tasks", verbose_name=_("task pack")
    )
    key = models.SlugField(_("key"), max_length=60)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    metric = models.CharField(_("metric"), max_length=80)
    op = models.CharField(_("comparison"), max_length=3, choices=Operator)
    value: Any = models.JSONField(_("target"))
    title_en = models.CharField(_("title (English)"), max_length=200, blank=True)
    title_zh = models.CharField(_("title (Chinese)"), max_length=200, blank=True)
    guide_en = models.TextField(_("how it is done (English)"), blank=True)
    guide_zh = models.TextField(_("how it is done (Chinese)"), blank=True)
    page = models.CharField(
        _("page"), max_length=80, blank=True, help_text=_("Where it is done; a name of a page.")
    )

    class Meta:
        verbose_name = _("task of a pack")
        verbose_name_plural = _("tasks of packs")
        ordering = ["pack", "position", "pk"]
        constraints = [models.UniqueConstraint(fields=["pack", "key"], name="pack_task_once")]

    def __str__(self) -> str:
        return f"{self.pack_id}:{self.key}"

    @property
    def title(self) -> str:
        """Title in the active language; the key when it has none."""
        return in_language(self.title_en, self.title_zh) or self.key

    @property
    def guide(self) -> str:
        """How it is done, in the active language."""
        return in_language(self.guide_en, self.guide_zh)


class PackReward(models.Model):
    """Something a completed pack gives.

    A coupon lets the shop choose one of `choices` (lists of code, name_en, name_zh, url) and holds
    `valid_months` from its use. Showcase slots: `amount` slots for `valid_months`. A programme place names
    the programme. `usable_months`: months in which it can be used before it lapses.
    """

    pack = models.ForeignKey(
        Pack, models.CASCADE, related_name="rewards", verbose_name=_("task pack")
    )
    key = models.SlugField(_("key"), max_length=60)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    kind = models.CharField(_("kind"), max_length=15, choices=RewardKind)
    title_en = models.CharField(_("title (English)"), max_length=200)
    title_zh = models.CharField(_("title (Chinese)"), max_length=200, blank=True)
    choices = models.JSONField(_("tools to choose from"), default=list, blank=True)
    amount = models.PositiveIntegerField(_("amount"), default=1)
    programme = models.SlugField(_("programme"), max_length=60, blank=True)
    valid_months = models.PositiveSmallIntegerField(_("valid for months"), default=1)
    usable_months = models.PositiveSmallIntegerField(_("to be used within months"), default=3)

    class Meta:
        verbose_name = _("reward of a pack")
        verbose_name_plural = _("rewards of packs")
        ordering = ["pack", "position", "pk"]
        constraints = [models.UniqueConstraint(fields=["pack", "key"], name="pack_reward_once")]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """Title in the active language."""
        return in_language(self.title_en, self.title_zh)


class PackListing(models.Model):
    """A shop on the closed list of a pack (GRO-10)."""

    pack = models.ForeignKey(
        Pack, models.CASCADE, related_name="listings", verbose_name=_("task pack")
    )
    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))

    objects = scoped_manager()

    class Meta:
        verbose_name = _("shop on a list")
        verbose_name_plural = _("shops on lists")
        constraints = [models.UniqueConstraint(fields=["pack", "seller"], name="pack_listed_once")]


class PackClaim(models.Model):
    """That a shop claimed a pack by hand, and what became of it (GRO-6, GRO-7).

    `complete_since` is the first day of the unbroken complete run that includes the last day; it and
    `outcome` are written once, when the pack is settled.
    """

    pack = models.ForeignKey(
        Pack, models.PROTECT, related_name="claims", verbose_name=_("task pack")
    )
    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))
    claimed_at = models.DateTimeField(_("claimed"))
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("claimed by"),
    )
    outcome = models.CharField(_("outcome"), max_length=11, choices=ClaimOutcome, blank=True)
    complete_since = models.DateField(_("complete since"), null=True, blank=True)

    objects = scoped_manager()

    class Meta:
        verbose_name = _("claim of a pack")
        verbose_name_plural = _("claims of packs")
        ordering = ["-claimed_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["pack", "seller"], name="pack_claimed_once")]


class PackProgress(models.Model):
    """How far a shop is with a pack on an as-of day."""

    done = models.PositiveSmallIntegerField(_("tasks done"))
    tasks = models.PositiveSmallIntegerField(_("tasks"))
    complete_since = models.DateField(_("complete since"), null=True)

    class Meta:
        abstract = True


class PackStanding(PackProgress, Standing):
    """Progress of shops that claimed a pack, for the days of its window (GRO-7)."""

    KEY = ("seller", "pack")
    PAYLOAD = ("done", "tasks", "complete_since")

    seller = models.ForeignKey(Seller, models.CASCADE, db_index=False, verbose_name=_("seller"))
    pack = models.ForeignKey(Pack, models.CASCADE, verbose_name=_("task pack"))

    objects = scoped_manager(models.Manager.from_queryset(StandingQuerySet))

    class Meta:
        verbose_name = _("progress with a pack")
        verbose_name_plural = _("progress with packs")
        constraints = [
            models.UniqueConstraint(
                fields=["seller", "pack", "valid_from"], name="pack_progress_start_once"
            ),
            models.UniqueConstraint(
                fields=["seller", "pack"],
                condition=Q(valid_to=FOREVER),
                name="pack_progress_one_current",
            ),
        ]


class PackStandingChange(PackProgress, StandingChange):
    """Staged differences of progress with packs."""

    STANDING = PackStanding

    seller = models.ForeignKey(
        Seller, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    pack = models.ForeignKey(
        Pack, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )


class RewardGrant(models.Model):
    """A reward in a shop's hands: granted once per claim and reward (GRO-8).

    `choice` is the code of the tool the shop chose; using a coupon without one is refused.
    `usable_until` and `valid_until` are the first instants at which it is too late.
    """

    claim = models.ForeignKey(
        PackClaim, models.CASCADE, related_name="grants", verbose_name=_("claim")
    )
    reward = models.ForeignKey(PackReward, models.PROTECT, verbose_name=_("reward"))
    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))
    status = models.CharField(
        _("status"), max_length=7, choices=RewardStatus, default=RewardStatus.GRANTED
    )
    granted_at = models.DateTimeField(_("granted"))
    usable_until = models.DateTimeField(_("to be used before"))
    choice = models.SlugField(_("tool"), max_length=60, blank=True)
    used_at = models.DateTimeField(_("used"), null=True, blank=True)
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    voucher = models.CharField(_("voucher"), max_length=40, blank=True)

    objects = scoped_manager()

    class Meta:
        verbose_name = _("reward granted")
        verbose_name_plural = _("rewards granted")
        ordering = ["-granted_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["claim", "reward"], name="reward_granted_once"),
            models.UniqueConstraint(
                fields=["voucher"], condition=~Q(voucher=""), name="voucher_unique"
            ),
        ]
        indexes = [
            models.Index(fields=["seller", "status"], name="reward_of_shop"),
            models.Index(fields=["status", "usable_until"], name="reward_lapsing"),
        ]
