"""Routes of `listings`."""

from django.urls import include, path

app_name = "listings"
urlpatterns: list = [
    path("", include("listings.products.urls")),
    path("", include("listings.themes.urls")),
]
