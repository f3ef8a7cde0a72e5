"""What seller pages share: a member, an ability, a refusal shown at its place."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.generic import View

from portal.choices import Action
from portal.models import Member
from portal.read_once import reading_once


class SellerPage(LoginRequiredMixin, View):
    """A page of the seller portal.

    `read_action` is needed for every method, `write_action` for unsafe ones (K-7). People without a
    shop are told so; staff are shown the way to the admin. A page that only shows reads once what
    several of its parts ask (`portal.read_once`).
    """

    read_action: Action = Action.READ
    write_action: Action | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Check the member before the handler runs."""
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        member: Member | None = getattr(request, "member", None)
        if member is None:
            if getattr(request, "memberships", None):
                messages.warning(request, _("You no longer belong to that shop. Nothing was done."))
                return redirect("portal:home")
            return redirect("portal:no-shop")
        shows = request.method in ("GET", "HEAD", "OPTIONS")
        needed = [self.read_action]
        if self.write_action and not shows:
            needed.append(self.write_action)
        if not all(member.can(action) for action in needed):
            raise PermissionDenied(_("Your role in this shop does not allow this."))
        with reading_once() if shows else nullcontext():
            return super().dispatch(request, *args, **kwargs)
