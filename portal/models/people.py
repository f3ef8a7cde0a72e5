"""Users, sellers and the members who act for them (K-6, K-7)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from portal.bilingual import in_language
from portal.choices import ROLE_ACTIONS, Action, CompanyType, Membership, Role, SellerStatus
from portal.models.catalogue import Category
from portal.scoping import scoped_manager


class User(AbstractUser):
    """A person who signs in: a member of one or several shops, or platform staff."""

    language = models.CharField(_("language"), max_length=10, default="en")
    session_epoch = models.PositiveIntegerField(default=0, editable=False)
    """Counts how often all sessions were ended at once; what was begun in an earlier epoch is over."""

    class Meta(AbstractUser.Meta):
        constraints = [
            # An empty address is no address: several users may lack one.
            models.UniqueConstraint(
                "email", name="user_email_unique", condition=~models.Q(email="")
            ),
        ]

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        """Return what a session must agree with: it changes with the password and with the epoch.

        Django calls it with the key in force and with each older one.
        """
        salt = f"portal.User.{self.session_epoch}"
        return salted_hmac(salt, self.password, secret=secret, algorithm="sha256").hexdigest()


class Seller(models.Model):
    """A shop on the marketplace; `member_id` is the external id (K-6)."""

    member_id = models.CharField(_("member id"), max_length=64, unique=True)
    name_en = models.CharField(_("company name (English)"), max_length=200)
    name_zh = models.CharField(_("company name (Chinese)"), max_length=200, blank=True)
    membership = models.CharField(_("membership"), max_length=12, choices=Membership)
    service_starts_on = models.DateField(_("service starts"), null=True, blank=True)
    service_ends_on = models.DateField(_("service ends"), null=True, blank=True)
    company_type = models.CharField(_("company type"), max_length=12, choices=CompanyType)
    province = models.CharField(_("province"), max_length=80, blank=True)
    city = models.CharField(_("city"), max_length=80, blank=True)
    main_category = models.ForeignKey(
        Category, models.PROTECT, verbose_name=_("main category"), related_name="+"
    )
    industry = models.ForeignKey(
        Category,
        models.PROTECT,
        verbose_name=_("industry"),
        related_name="industry_sellers",
        help_text=_("Top level of the main category; kept by the services that write it."),
    )
    paid_on = models.DateField(_("paid on"), null=True, blank=True)
    opened_on = models.DateField(_("opened on"), null=True, blank=True)
    assessed_star = models.PositiveSmallIntegerField(_("assessed star"), default=0)
    predicted_star = models.PositiveSmallIntegerField(_("predicted star"), default=0)
    status = models.CharField(
        _("status"), max_length=12, choices=SellerStatus, default=SellerStatus.ACTIVE
    )

    class Meta:
        verbose_name = _("seller")
        verbose_name_plural = _("sellers")
        ordering = ["member_id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(assessed_star__lte=5, predicted_star__lte=5),
                name="seller_star_range",
            ),
            models.CheckConstraint(
                condition=models.Q(service_ends_on__isnull=True)
                | models.Q(service_starts_on__isnull=True)
                | models.Q(service_ends_on__gte=models.F("service_starts_on")),
                name="seller_service_order",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Company name in the active language."""
        return in_language(self.name_en, self.name_zh)


class SellerFlag(models.Model):
    """A dated yes/no about a seller that one module writes and others read.

    It lets a rule of one app ask about another app's state without importing it, e.g.
    `million_dollar_club` for K-11.
    """

    seller = models.ForeignKey(
        Seller, models.CASCADE, related_name="flags", verbose_name=_("seller")
    )
    code = models.SlugField(_("code"), max_length=40)
    since = models.DateField(_("since"))
    until = models.DateField(_("until"), null=True, blank=True, help_text=_("Last day."))

    class Meta:
        verbose_name = _("seller flag")
        verbose_name_plural = _("seller flags")
        constraints = [
            models.UniqueConstraint(fields=["seller", "code", "since"], name="seller_flag_once")
        ]

    def __str__(self) -> str:
        return f"{self.seller_id}:{self.code}"


class Member(models.Model):
    """A user's role in a shop (K-7)."""

    user = models.ForeignKey(
        User, models.CASCADE, related_name="memberships", verbose_name=_("user")
    )
    seller = models.ForeignKey(
        Seller, models.CASCADE, related_name="members", verbose_name=_("seller")
    )
    role = models.CharField(_("role"), max_length=12, choices=Role)
    is_active = models.BooleanField(_("active"), default=True)

    objects = scoped_manager()
    everywhere = models.Manager()
    """Unscoped: for resolving who signed in, before there is a scope."""

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        default_manager_name = "everywhere"
        base_manager_name = "everywhere"
        constraints = [
            models.UniqueConstraint(fields=["user", "seller"], name="member_once_per_seller")
        ]

    def __str__(self) -> str:
        return self.user.get_username()

    def can(self, action: Action) -> bool:
        """Tell whether this member's role grants an ability (K-7)."""
        return self.is_active and action in ROLE_ACTIONS[self.role]
