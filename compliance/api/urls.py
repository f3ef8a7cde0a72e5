"""Routes of `compliance` below `/api/v1/compliance/`: one file per part."""

from django.urls import include, path

app_name = "compliance"
urlpatterns: list = [
    path("", include("compliance.api.certificate_urls")),
    path("", include("compliance.api.epr_urls")),
    path("", include("compliance.api.gate_urls")),
    path("", include("compliance.api.obligation_urls")),
    path("", include("compliance.api.screening_urls")),
    path("", include("compliance.api.violation_urls")),
]
