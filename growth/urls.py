"""Routes of `growth`: one file per part."""

from django.urls import include, path

app_name = "growth"
urlpatterns: list = [
    path("", include("growth.diagnosis_urls")),
    path("", include("growth.guide_urls")),
    path("", include("growth.pack_urls")),
    path("", include("growth.programme_urls")),
    path("", include("growth.star_urls")),
    path("", include("growth.rights_urls")),
]
