"""Routes of `compliance`: one file per part."""

from django.urls import include, path

app_name = "compliance"
urlpatterns: list = [
    path("", include("compliance.certificates.urls")),
    path("", include("compliance.epr.urls")),
    path("", include("compliance.obligations.urls")),
    path("", include("compliance.goods.urls")),
    path("", include("compliance.penalties.urls")),
]
