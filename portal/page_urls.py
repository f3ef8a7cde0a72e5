"""Seller pages of the kernel."""

from django.urls import path

from portal.views import home, session

app_name = "portal"
_next = home.HomePage.as_view()
urlpatterns = [
    path("", home.HomePage.as_view(), name="home"),
    path("no-shop/", home.NoShopPage.as_view(), name="no-shop"),
    path("switch-seller/", session.SwitchSeller.as_view(), name="switch-seller"),
    path("language/", session.language, name="language"),
    path("notices/", _next, name="notices"),
    path("notices/settings/", _next, name="notice-preferences"),
    path("bulletins/", _next, name="bulletins"),
    path("members/", _next, name="members"),
    path("shop/", _next, name="shop"),
    path("orders/", _next, name="orders"),
    path("inquiries/", _next, name="inquiries"),
    path("numbers/", _next, name="metrics"),
    path("rules/", _next, name="rulebooks"),
    path("rules/<slug:module>/", _next, name="rulebook"),
    path("demo/clock/", _next, name="demo-clock"),
]
