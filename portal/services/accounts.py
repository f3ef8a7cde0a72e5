"""Accounts as staff manage them: opened, closed, given groups; never with a password (K-9).

Staff do not set passwords: the person chooses one by a mailed link. Only a superuser touches
superusers or makes one.
"""

from __future__ import annotations

from collections.abc import Iterable

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _
from knox.models import get_token_model

from portal.errors import NotAllowed, Refusal
from portal.models import User
from portal.services import audit
from portal.services.notices import notice_send

EDITABLE = ("email", "first_name", "last_name", "language", "is_active", "is_staff", "is_superuser")


def account_open(*, actor: User, user: User, groups: Iterable[Group] = ()) -> User:
    """Create an account (an unsaved, validated `user`) and mail the link to choose a password.

    Refuses (`taken`) a username or address in use.
    """
    _require(actor, "portal.add_user", user)
    with transaction.atomic():
        if User.objects.filter(
            Q(username__iexact=user.username) | (Q(email__iexact=user.email) & ~Q(email=""))
        ).exists():
            raise Refusal("taken", _("This username or e-mail address cannot be used."))
        user.set_unusable_password()
        user.save()
        names = _set_groups(user, groups)
        audit.record(
            action="account.open",
            actor=actor,
            obj=user,
            after={name: getattr(user, name) for name in EDITABLE} | {"groups": names},
        )
        account_send_password_link(actor=actor, user=user)
    return user


def account_change(*, actor: User, user: User, groups: Iterable[Group] | None = None) -> User:
    """Save the editable fields of an account and its groups (none: unchanged)."""
    with transaction.atomic():
        current = User.objects.select_for_update().get(pk=user.pk)
        _require(actor, "portal.change_user", current)
        if user.is_superuser != current.is_superuser:
            _require_superuser(actor)
        before = {name: getattr(current, name) for name in EDITABLE}
        before["groups"] = _group_names(current)
        after = {name: getattr(user, name) for name in EDITABLE}
        User.objects.filter(pk=user.pk).update(**after)
        after["groups"] = before["groups"] if groups is None else _set_groups(user, groups)
        if before != after:
            audit.record(action="account.change", actor=actor, obj=user, before=before, after=after)
    return user


def account_send_password_link(*, actor: User, user: User) -> None:
    """Mail a link to choose a password; every call is one more mail."""
    _require(actor, "portal.change_user", user)
    if not user.email:
        raise Refusal("no_address", _("This account has no e-mail address."))
    with transaction.atomic():
        entry = audit.record(action="account.password_link", actor=actor, obj=user)
        notice_send(
            kind="password_link",
            key=f"account:{user.pk}:password-link:{entry.pk}",
            users=[user],
            params={"username": user.get_username()},
        )


def account_reset_mfa(*, actor: User, user: User) -> None:
    """Remove a person's second factors after a lost phone; staff must set up new ones at once."""
    _require(actor, "portal.change_user", user)
    with transaction.atomic():
        removed, _rows = Authenticator.objects.filter(user=user).delete()
        if not removed:
            raise Refusal("no_mfa", _("This account has no second factor."))
        audit.record(action="account.reset_mfa", actor=actor, obj=user)


def account_end_sessions(*, actor: User, user: User) -> None:
    """End every session of a person and revoke their API tokens: a lost laptop, a suspicion (K-9)."""
    _require(actor, "portal.change_user", user)
    with transaction.atomic():
        _end_sessions(user)
        revoked, _rows = get_token_model().objects.filter(user=user).delete()
        audit.record(
            action="account.end_sessions", actor=actor, obj=user, after={"tokens": revoked}
        )


def own_sessions_end(*, user: User) -> None:
    """End every session of one's own; API tokens stay. The caller keeps the present one, if at all."""
    with transaction.atomic():
        _end_sessions(user)
        audit.record(action="account.end_sessions", actor=user, obj=user)


def _end_sessions(user: User) -> None:
    """Let no session begun before be one of this person's (`User.get_session_auth_hash`)."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])


def _set_groups(user: User, groups: Iterable[Group]) -> list[str]:
    user.groups.set(groups)
    return _group_names(user)


def _group_names(user: User) -> list[str]:
    return sorted(user.groups.values_list("name", flat=True))


def _require(actor: User, permission: str, user: User) -> None:
    if not actor.has_perm(permission):
        raise NotAllowed(_("You may not manage accounts."))
    if user.is_superuser:
        _require_superuser(actor)


def _require_superuser(actor: User) -> None:
    if not actor.is_superuser:
        raise NotAllowed(_("Only a superuser manages superusers."))
