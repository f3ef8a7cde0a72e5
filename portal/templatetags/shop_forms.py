"""`{% csrf_token %}` of pages that know their shop: a form says which one it was shown for (K-8).

Named in the templates' builtins, so it takes the place of Django's tag everywhere, also in forms that are
written later.
"""

from __future__ import annotations

from typing import Any

from django import template
from django.template.base import Parser, Token
from django.template.context import Context
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html

from portal.services.people import FORM_SELLER

register = template.Library()


class ShopFormNode(CsrfTokenNode):
    """The token, and the shop's id for people who have more than one shop."""

    def render(self, context: Context) -> str:
        """Write the hidden fields. People with one shop cannot be in the wrong one."""
        token = super().render(context)
        request: Any = context.get("request")
        if getattr(request, "seller", None) is None or len(request.memberships) < 2:
            return token
        shop = format_html(
            '<input type="hidden" name="{}" value="{}">', FORM_SELLER, request.seller.member_id
        )
        return token + shop


@register.tag
def csrf_token(parser: Parser, token: Token) -> ShopFormNode:
    """Protect a form, and name the shop it belongs to."""
    return ShopFormNode()
