"""Who may call what."""

from __future__ import annotations

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from portal.choices import Action


class SecondFactor(BasePermission):
    """Staff in a browser session have a second factor (K-9); tokens are made by operators."""

    message: str | Promise = ""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the session may be used; the refusal says `mfa_required`."""
        user = request.user
        in_session = request.auth is None and bool(user and user.is_authenticated)
        if not (settings.STAFF_MFA_REQUIRED and in_session and user.is_staff):
            return True
        if is_mfa_enabled(user):
            return True
        self.message, self.code = _("Set up two-step sign-in first."), "mfa_required"
        return False


class IsMember(SecondFactor):
    """A signed-in member; `view.write_action` names the ability that unsafe methods need (K-7)."""

    message: str | Promise = gettext_lazy("You need to be a member of a shop for this.")

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the member may call the view."""
        if not super().has_permission(request, view):
            return False
        member = getattr(request, "member", None)
        if member is None or not member.is_active:
            return False
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return True
        action: Action | None = getattr(view, "write_action", None)
        if action is None or member.can(action):
            return True
        self.message = _("Your role in this shop does not allow this.")
        return False


class HasStaffPermission(SecondFactor):
    """A staff user (or service token) who holds `view.staff_permission`, e.g. `portal.run_night`."""

    message = gettext_lazy("You need a service token with the permission for this.")

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the staff user may call the view."""
        if not super().has_permission(request, view):
            return False
        user = request.user
        return bool(
            user
            and user.is_authenticated
            and user.is_staff
            and user.has_perm(view.staff_permission)
        )
