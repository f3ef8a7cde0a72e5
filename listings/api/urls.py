"""Routes of `listings`."""

from django.urls import include, path

app_name = "listings"
urlpatterns: list = [
    path("", include("listings.api.product_urls")),
    path("", include("listings.api.theme_urls")),
]
