"""The base of every API view: authenticate, resolve the shop, enter its scope."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.translation import gettext as _
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from portal.api.parameters import refuse_unknown
from portal.api.permissions import HasStaffPermission
from portal.models import Member, Seller, User
from portal.scoping import seller_scope, unscoped
from portal.services.people import SELLER_HEADER, SESSION_SELLER, choose_member, memberships_of


class ScopedRequest(Request):
    """What handlers of a `ScopedView` get once `IsMember` has let the call through; for annotations."""

    user: User
    member: Member
    seller: Seller


class CleanInputMixin:
    """Answers what no handler should see: a NUL character, which no text column can hold, a query
    parameter that the call does not know, and strangers who try again and again.

    Otherwise calls are counted after the permission is checked, so that nobody's would never be.
    """

    def perform_authentication(self, request: Request) -> None:
        """Authenticate, and count the call: also of callers who are then refused."""
        try:
            super().perform_authentication(request)  # type: ignore[misc]
        except AuthenticationFailed:
            self.check_throttles(request)  # type: ignore[attr-defined]
            raise
        if not request.user.is_authenticated:
            self.check_throttles(request)  # type: ignore[attr-defined]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the address before the handler runs."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if any("\x00" in value for value in kwargs.values() if isinstance(value, str)):
            raise Http404
        for name, values in request.query_params.lists():
            if any("\x00" in value for value in values):
                raise ValidationError({name: [_("Null characters are not allowed.")]})
        refuse_unknown(self, request)


class ScopedView(CleanInputMixin, APIView):
    """Mixin-base: runs the handler inside the scope of the caller's shop (K-8).

    People in several shops choose with the header `X-Seller` (a member id) or, in a browser
    session, with the seller switcher. Who names a shop that is none of theirs acts for none: 403, the same
    for one that does not exist.
    """

    acts_for_a_shop = True

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Handle the request and leave the scope whatever happens."""
        with ExitStack() as self.scope_stack:
            return super().dispatch(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        """Authenticate, then act for one shop in the caller's language."""
        super().perform_authentication(request)
        request.member = request.seller = None  # type: ignore[attr-defined]
        if not request.user.is_authenticated:
            return
        if not request.headers.get("Accept-Language"):
            self.scope_stack.enter_context(translation.override(request.user.language))
        wanted = request.headers.get(SELLER_HEADER) or request.session.get(SESSION_SELLER)
        member = choose_member(self.memberships(request.user), wanted)
        if member is not None:
            request.member, request.seller = member, member.seller  # type: ignore[attr-defined]
            self.scope_stack.enter_context(seller_scope(member.seller))

    def memberships(self, user: User) -> list[Member]:
        """Return the memberships the caller may choose from."""
        return memberships_of(user)


class StaffView(CleanInputMixin, APIView):
    """A view for staff and service tokens: sees every shop, needs `staff_permission`."""

    permission_classes = [HasStaffPermission]
    staff_permission = ""

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Handle the request unscoped; permissions are checked before the handler runs."""
        with unscoped():
            return super().dispatch(request, *args, **kwargs)
