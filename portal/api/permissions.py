"""Who may call what."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from portal.choices import Action


class IsMember(BasePermission):
    """A signed-in member; `view.write_action` names the ability that unsafe methods need (K-7)."""

    message = "You need to be a member of a shop for this."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the member may call the view."""
        member = getattr(request, "member", None)
        if member is None or not member.is_active:
            return False
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return True
        action: Action | None = getattr(view, "write_action", None)
        return action is None or member.can(action)


class HasStaffPermission(BasePermission):
    """A staff user (or service token) who holds `view.staff_permission`, e.g. `portal.run_night`."""

    message = "You need a service token with the permission for this."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the staff user may call the view."""
        user = request.user
        return bool(
            user
            and user.is_authenticated
            and user.is_staff
            and user.has_perm(view.staff_permission)
        )
