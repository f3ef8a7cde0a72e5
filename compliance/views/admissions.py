"""Industry admissions: what restricted goods ask for, and what the shop has of it (CRT-1, CMP-4)."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from compliance.admissions.reading import admission_states
from portal import platform_time
from portal.choices import Action
from portal.http import MemberRequest
from portal.views.base import SellerPage


class AdmissionsPage(SellerPage):
    """All of them, with the shop's documents."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show them."""
        context = {
            "admissions": admission_states(request.seller, platform_time.now()),
            "may_upload": request.member.can(Action.UPLOAD_CERTIFICATE),
        }
        return render(request, "compliance/admissions.html", context)
