"""Routes of `growth` below `/api/v1/growth/`: one file per part."""

from django.urls import include, path

app_name = "growth"
urlpatterns: list = [
    path("", include("growth.api.diagnosis_urls")),
    path("", include("growth.api.guide_urls")),
    path("", include("growth.api.pack_urls")),
    path("", include("growth.api.programme_urls")),
    path("", include("growth.api.star_urls")),
    path("", include("growth.api.rights_urls")),
]
