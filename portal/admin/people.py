"""Shops, their members and flags, and accounts (K-6, K-7, K-9)."""

from __future__ import annotations

from typing import Any

import allauth.account.admin
import allauth.mfa.admin  # noqa: F401
import knox.admin  # noqa: F401
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UsernameField
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from knox.models import AuthToken

from portal.admin.base import ReadOnlyInline, ServiceAdmin
from portal.admin.confirm import asks_first
from portal.errors import Refusal
from portal.models import Member, Seller, SellerFlag, User
from portal.platform_time import day_of
from portal.services.accounts import (
    account_change,
    account_end_sessions,
    account_open,
    account_reset_mfa,
    account_send_password_link,
)
from portal.services.members import member_change_role, member_deactivate, member_invite
from portal.services.shops import seller_change_status, seller_flag_end, seller_flag_set
from portal.services.tokens import tokens_of

# Second factors hold secrets, tokens are issued by command, and addresses live on the account.
for _model in (Authenticator, AuthToken, EmailAddress):
    admin.site.unregister(_model)


def _try(request: HttpRequest, done: str, call: Any) -> None:
    """Run a service for one row and say how it went."""
    try:
        call()
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)


# --- Shops --------------------------------------------------------------------------------------


class SellerForm(forms.ModelForm):
    """Staff decide about the status; the rest comes from upstream."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("Needed to change the status; kept in the history."),
    )

    class Meta:
        model = Seller
        fields = ["status"]


class MemberInline(ReadOnlyInline):
    model = Member
    fields = readonly_fields = ("user", "role", "is_active")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        """Read the people with their roles."""
        return super().get_queryset(request).select_related("user")


class SellerFlagInline(ReadOnlyInline):
    model = SellerFlag
    fields = readonly_fields = ("code", "since", "until")


@admin.register(Seller)
class SellerAdmin(ServiceAdmin):
    """Shops as upstream reports them; staff restrict, close and reopen."""

    form = SellerForm
    list_display = (
        "member_id",
        "name_en",
        "name_zh",
        "membership",
        "assessed_star",
        "industry",
        "province",
        "status",
    )
    list_filter = ("status", "membership", "company_type", "assessed_star")
    list_select_related = ("industry",)
    search_fields = ("member_id", "name_en", "name_zh")
    inlines = (MemberInline, SellerFlagInline)
    upstream = (
        "member_id",
        "name_en",
        "name_zh",
        "membership",
        "service_starts_on",
        "service_ends_on",
        "company_type",
        "province",
        "city",
        "main_category",
        "industry",
        "paid_on",
        "opened_on",
        "assessed_star",
        "predicted_star",
    )
    readonly_fields = upstream
    fields = (*upstream, "status", "reason")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Shops come from upstream."""
        return False

    def save_model(self, request: Any, obj: Seller, form: ModelForm, change: bool) -> None:
        """Change the status through its service."""
        if "status" in form.changed_data:
            seller_change_status(
                actor=request.user,
                seller=obj,
                status=form.cleaned_data["status"],
                reason=form.cleaned_data["reason"],
            )


@admin.register(SellerFlag)
class SellerFlagAdmin(ServiceAdmin):
    """Dated marks on shops, such as `million_dollar_club`."""

    list_display = ("seller", "code", "since", "until")
    list_filter = ("code",)
    list_select_related = ("seller",)
    search_fields = ("seller__member_id", "seller__name_en", "code")
    autocomplete_fields = ("seller",)
    date_hierarchy = "since"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only the last day of an existing flag changes."""
        return ("seller", "code", "since") if obj else ()

    def save_model(self, request: Any, obj: SellerFlag, form: ModelForm, change: bool) -> None:
        """Set a flag, or its last day."""
        data = form.cleaned_data
        if not change:
            self.adopt(obj, seller_flag_set(actor=request.user, **data))
        elif "until" in form.changed_data:
            if data["until"] is None:
                raise Refusal("flag_reopened", _("Set a new flag instead of reopening this one."))
            seller_flag_end(actor=request.user, flag=obj, until=data["until"])


# --- Members ------------------------------------------------------------------------------------


class InviteForm(forms.ModelForm):
    """A person to invite into a shop."""

    username = UsernameField(label=gettext_lazy("Username"), max_length=150)
    email = forms.EmailField(label=gettext_lazy("E-mail"))

    class Meta:
        model = Member
        fields = ["seller", "role"]


@admin.register(Member)
class MemberAdmin(ServiceAdmin):
    """Who works for which shop; a shop always keeps an owner."""

    list_display = ("user", "seller", "role", "is_active")
    list_filter = ("role", "is_active")
    list_select_related = ("user", "seller")
    search_fields = ("user__username", "user__email", "seller__member_id", "seller__name_en")
    autocomplete_fields = ("seller",)
    actions = ("end_memberships",)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm]:
        """Invite on the add page."""
        if obj is None:
            kwargs["form"] = InviteForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for the person when inviting."""
        if obj is None:
            return ["seller", "username", "email", "role"]
        return ["seller", "user", "role", "is_active"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A membership keeps its person and its shop."""
        return ("seller", "user", "is_active") if obj else ()

    def save_model(self, request: Any, obj: Member, form: ModelForm, change: bool) -> None:
        """Invite, or change the role."""
        data = form.cleaned_data
        if not change:
            self.adopt(obj, member_invite(actor=request.user, **data))
        elif "role" in form.changed_data:
            member_change_role(actor=request.user, member=obj, role=data["role"])

    @admin.action(description=gettext_lazy("End the selected memberships"), permissions=["change"])
    @asks_first
    def end_memberships(self, request: Any, queryset: QuerySet[Member]) -> None:
        """End memberships one by one; the last owner stays."""
        for member in queryset.select_related("user", "seller")[:100]:
            _try(
                request,
                _("%(member)s has left %(shop)s.") % {"member": member, "shop": member.seller},
                lambda member=member: member_deactivate(actor=request.user, member=member),
            )


# --- Accounts -----------------------------------------------------------------------------------


class AccountForm(forms.ModelForm):
    """An account without its password: people choose their own."""

    class Meta:
        model = User
        fields = "__all__"
        field_classes = {"username": UsernameField}


@admin.register(User)
class AccountAdmin(ServiceAdmin, UserAdmin):
    """People who sign in. Passwords are chosen by mail; second factors can be reset."""

    form = add_form = AccountForm
    change_user_password_template = None
    list_display = ("username", "email", "language", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_superuser", "is_active", "groups")
    search_fields = ("username", "email", "first_name", "last_name")
    ordering = ("username",)
    filter_horizontal = ("groups",)
    readonly_fields = ("last_login", "date_joined", "tokens")
    own = ("username", "email", "first_name", "last_name", "language")
    rights = ("is_active", "is_staff", "is_superuser", "groups")
    fieldsets = (
        (None, {"fields": own}),
        (gettext_lazy("Rights"), {"fields": rights}),
        (gettext_lazy("Dates"), {"fields": readonly_fields}),
    )
    add_fieldsets = ((None, {"fields": (*own, "is_staff", "is_superuser", "groups")}),)
    actions = ("send_password_links", "reset_second_factors", "end_sessions")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm]:
        """Skip the stock form for new users: it asks for a password."""
        return ServiceAdmin.get_form(self, request, obj, change=change, **kwargs)

    @admin.display(description=gettext_lazy("API tokens"))
    def tokens(self, user: User) -> str:
        """How each token begins, and the day it ends."""
        return ", ".join(
            f"{start} – {date_format(day_of(ends)) if ends else '∞'}"
            for start, ends in tokens_of(user)
        )

    def get_urls(self) -> list[Any]:
        """Leave out the page where staff would set somebody's password."""
        return [url for url in super().get_urls() if url.name != "auth_user_password_change"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers are managed by superusers."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The name stays; only superusers make superusers."""
        fields: tuple[str, ...] = self.readonly_fields
        if obj is not None:
            fields = (*fields, "username")
        if not request.user.is_superuser:
            fields = (*fields, "is_superuser")
        return fields

    def save_model(self, request: Any, obj: User, form: Any, change: bool) -> None:
        """Open an account, or change one."""
        groups = form.cleaned_data.get("groups")
        if change:
            account_change(actor=request.user, user=obj, groups=groups)
        else:
            account_open(actor=request.user, user=obj, groups=groups or ())

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        """Groups were saved by the service."""

    @admin.action(
        description=gettext_lazy("Mail a link to choose a password"), permissions=["change"]
    )
    @asks_first
    def send_password_links(self, request: Any, queryset: QuerySet[User]) -> None:
        """Mail links, one per account."""
        for user in queryset[:100]:
            _try(
                request,
                _("A link was sent to %(user)s.") % {"user": user},
                lambda user=user: account_send_password_link(actor=request.user, user=user),
            )

    @admin.action(description=gettext_lazy("Reset second factors"), permissions=["change"])
    @asks_first
    def reset_second_factors(self, request: Any, queryset: QuerySet[User]) -> None:
        """Remove second factors; staff set up new ones at their next page."""
        for user in queryset[:100]:
            _try(
                request,
                _("The second factor of %(user)s was removed.") % {"user": user},
                lambda user=user: account_reset_mfa(actor=request.user, user=user),
            )

    @admin.action(
        description=gettext_lazy("Sign out everywhere and revoke API tokens"),
        permissions=["change"],
    )
    @asks_first
    def end_sessions(self, request: Any, queryset: QuerySet[User]) -> None:
        """End what was begun with the accounts: sessions in every browser, and tokens."""
        for user in queryset[:100]:
            _try(
                request,
                _("%(user)s is signed out everywhere.") % {"user": user},
                lambda user=user: account_end_sessions(actor=request.user, user=user),
            )
