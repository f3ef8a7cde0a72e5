"""Seller pages of the kernel."""

from django.urls import path

from portal.views import home

app_name = "portal"
urlpatterns = [
    path("", home.HomePage.as_view(), name="home"),
    path("no-shop/", home.NoShopPage.as_view(), name="no-shop"),
]
