"""Home page: what to do next (UI-2)."""

from __future__ import annotations

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import View

from portal.views.base import SellerPage


class HomePage(SellerPage):
    """Where the seller stands and what brings most."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the page."""
        return render(request, "portal/home.html")


class NoShopPage(LoginRequiredMixin, View):
    """For people who belong to no shop: staff, and members whose shop was closed."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the way out."""
        return render(request, "portal/no_shop.html", status=403)
