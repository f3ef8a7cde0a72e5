"""Routes of `growth`: one file per part."""

from django.urls import include, path

app_name = "growth"
urlpatterns: list = [
    path("", include("growth.diagnosis.urls")),
    path("", include("growth.guide.urls")),
    path("", include("growth.packs.urls")),
    path("", include("growth.programmes.urls")),
    path("", include("growth.stars.urls")),
    path("", include("growth.membership.urls")),
]
