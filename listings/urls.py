"""Routes of `listings`."""

from django.urls import include, path

app_name = "listings"
urlpatterns: list = [
    path("", include("listings.product_page_urls")),
    path("", include("listings.theme_urls")),
]
