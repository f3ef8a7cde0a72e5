"""Routes of `compliance`: one file per part."""

from django.urls import include, path

app_name = "compliance"
urlpatterns: list = [
    path("", include("compliance.epr_urls")),
    path("", include("compliance.violation_urls")),
]
