"""Requests as views see them, once the middleware and the page have let them through."""

from __future__ import annotations

from django.http import HttpRequest

from portal.models import Member, Seller, User


class SignedInRequest(HttpRequest):
    """Somebody is signed in; `memberships` are the shops they may act for."""

    user: User
    memberships: list[Member]


class MemberRequest(SignedInRequest):
    """A member acts for one shop: what the handlers of a `SellerPage` get."""

    member: Member
    seller: Seller
