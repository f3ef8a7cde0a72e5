"""Choices that a session keeps: which shop, which language."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django.views.generic import View
from django.views.i18n import set_language

from portal.http import SignedInRequest
from portal.services.accounts import own_sessions_end
from portal.services.people import SESSION_SELLER, language_save


class SwitchSeller(LoginRequiredMixin, View):
    """Act for another of one's own shops; any other shop does not exist (K-8)."""

    http_method_names = ["post"]

    def post(self, request: SignedInRequest) -> HttpResponse:
        """Keep the choice in the session and go home: the page one was on may not exist there."""
        wanted = request.POST.get("seller", "")
        for member in request.memberships:
            if member.seller.member_id == wanted:
                request.session[SESSION_SELLER] = wanted
                messages.info(
                    request,
                    _("You are now in %(shop)s.") % {"shop": member.seller.name.rstrip(".")},
                )
                return redirect("portal:home")
        raise Http404


class SignOutEverywhere(LoginRequiredMixin, View):
    """End every session of one's own, this one too (K-9)."""

    http_method_names = ["post"]

    def post(self, request: SignedInRequest) -> HttpResponse:
        """Sign out here and everywhere else."""
        own_sessions_end(user=request.user)
        logout(request)
        return redirect("account_login")


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Set the language of the browser and, for people signed in, of their e-mails too."""
    response = set_language(request)
    if request.user.is_authenticated:
        language_save(user=request.user, language=request.POST.get("language", ""))
    return response
