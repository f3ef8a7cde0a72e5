"""Routes of `compliance`: one file per part."""

from django.urls import include, path

app_name = "compliance"
urlpatterns: list = [
    path("", include("compliance.certificate_urls")),
    path("", include("compliance.epr_urls")),
    path("", include("compliance.obligation_urls")),
    path("", include("compliance.screening_urls")),
    path("", include("compliance.violation_urls")),
]
