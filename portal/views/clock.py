"""The demo's clock page: staff only, and only in a demo (K-5)."""

from __future__ import annotations

from datetime import datetime

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import View

from portal import platform_time
from portal.errors import Refusal
from portal.filters import DayInput
from portal.http import SignedInRequest
from portal.services.clock import clock_reset, clock_set


class ClockForm(forms.Form):
    """A Pacific day and the time on it."""

    day = forms.DateField(label=gettext_lazy("Pacific day"), widget=DayInput())
    time = forms.TimeField(
        label=gettext_lazy("Pacific time"),
        widget=forms.TimeInput(attrs={"type": "time", "class": "form-control"}, format="%H:%M"),
    )

    def instant(self) -> datetime:
        """Return the instant; an hour that daylight saving skips is the one after it."""
        day, time = self.cleaned_data["day"], self.cleaned_data["time"]
        return platform_time.parse_instant(
            datetime.combine(day, time, platform_time.PACIFIC).isoformat()
        )


class DemoClockPage(LoginRequiredMixin, View):
    """Move the platform to another day; for other people there is no such page."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Answer 404 outside of a demo and to anybody but staff."""
        if request.user.is_authenticated and not (settings.DEMO and request.user.is_staff):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: SignedInRequest, form: ClockForm | None = None) -> HttpResponse:
        """Show the platform's time and the form."""
        local = platform_time.to_pacific(platform_time.now())
        form = form or ClockForm(initial={"day": local.date(), "time": local.time()})
        return render(
            request,
            "portal/demo_clock.html",
            {"form": form, "wall_clock": platform_time.wall_clock()},
            status=400 if form.is_bound else 200,
        )

    def post(self, request: SignedInRequest) -> HttpResponse:
        """Set the clock, or reset it."""
        form = ClockForm(request.POST)
        reset = "reset" in request.POST
        if not reset and not form.is_valid():
            return self.get(request, form)
        try:
            if reset:
                clock_reset(actor=request.user)
            else:
                clock_set(actor=request.user, instant=form.instant())
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(
                request, _("The clock is set. The nights up to that day are being computed.")
            )
        return redirect("portal:demo-clock")
