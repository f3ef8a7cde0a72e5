"""The portal's addresses and two pages of one query to compare with."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path

from rfq.models import Rfq


def bare(request: HttpRequest) -> HttpResponse:
    """Answer with a line of text after one query."""
    return HttpResponse(Rfq.objects.values_list("title", flat=True).get(pk=1))


def frame(request: HttpRequest) -> HttpResponse:
    """Answer with the page frame around nothing after one query."""
    Rfq.objects.values_list("title", flat=True).get(pk=1)
    return render(request, "portal/base.html")


urlpatterns = [
    path("bare/", bare),
    path("frame/", frame),
    path("", include("portal.urls")),
]
