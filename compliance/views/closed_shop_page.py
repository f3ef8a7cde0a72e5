"""Pages that also people of a closed shop may open: why it was closed, and the appeal (CMP-8)."""

from __future__ import annotations

from typing import Any, cast

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from portal.models import Member, User
from portal.scoping import seller_scope
from portal.services.people import closed_memberships_of
from portal.views.base import SellerPage


class OpenToClosedShops(SellerPage):
    """A page with two addresses: of one's current shop, and of a closed shop that the address names.

    `view_name` is the first one's name; the second's is `closed-` before it. Either leads to the
    other when the shop has been closed or opened meanwhile: links in old mails go on working.
    """

    view_name = ""
    closed: Member | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Enter the scope of the closed shop, or send people to the address that is right."""
        shop = kwargs.pop("shop", None)
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        if shop is None:
            return self._of_current_shop(request, *args, **kwargs)
        member = self._closed_member(request, shop)
        if member is None:
            if any(one.seller.member_id == shop for one in getattr(request, "memberships", ())):
                return redirect(reverse(f"compliance:{self.view_name}", kwargs=kwargs))
            raise Http404
        self.closed = request.member = member  # type: ignore[attr-defined]
        request.seller = member.seller  # type: ignore[attr-defined]
        with seller_scope(member.seller):
            return super().dispatch(request, *args, **kwargs)

    def _of_current_shop(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if getattr(request, "member", None) is None:
            closed = closed_memberships_of(cast(User, request.user))
            if closed:
                named = {"shop": closed[0].seller.member_id, **kwargs}
                return redirect(reverse(f"compliance:closed-{self.view_name}", kwargs=named))
        return super().dispatch(request, *args, **kwargs)

    def _closed_member(self, request: HttpRequest, shop: str) -> Member | None:
        closed = closed_memberships_of(cast(User, request.user))
        return next((one for one in closed if one.seller.member_id == shop), None)

    def address(self, view_name: str, **kwargs: Any) -> str:
        """Return the address of a page for the shop this page is about."""
        if self.closed is None:
            return reverse(f"compliance:{view_name}", kwargs=kwargs)
        kwargs["shop"] = self.closed.seller.member_id
        return reverse(f"compliance:closed-{view_name}", kwargs=kwargs)

    def frame(self) -> dict[str, Any]:
        """Return what the frame needs: a closed shop has no navigation, its pages are not there."""
        frame: dict[str, Any] = {"closed": self.closed}
        if self.closed is not None:
            frame["member"] = None
        return frame
