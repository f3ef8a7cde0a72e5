"""Seller pages of the kernel."""

from django.urls import include, path

from portal.views import (
    api_reference,
    bulletins,
    clock,
    facts,
    files,
    home,
    notices,
    numbers,
    rulebooks,
    session,
    shop,
)

app_name = "portal"
urlpatterns = [
    path("", home.HomePage.as_view(), name="home"),
    path("no-shop/", home.NoShopPage.as_view(), name="no-shop"),
    path("switch-seller/", session.SwitchSeller.as_view(), name="switch-seller"),
    path("sign-out-everywhere/", session.SignOutEverywhere.as_view(), name="sign-out-everywhere"),
    path("language/", session.language, name="language"),
    path("notices/", notices.NoticesPage.as_view(), name="notices"),
    path("notices/<int:pk>/open/", notices.NoticeOpen.as_view(), name="notice-open"),
    path("notices/settings/", notices.NoticePreferencesPage.as_view(), name="notice-preferences"),
    path("bulletins/", bulletins.BulletinsPage.as_view(), name="bulletins"),
    path("bulletins/<slug:slug>/", bulletins.BulletinPage.as_view(), name="bulletin-detail"),
    path("inquiries/", facts.InquiriesPage.as_view(), name="inquiries"),
    path("orders/", facts.OrdersPage.as_view(), name="orders"),
    path("numbers/", numbers.NumbersPage.as_view(), name="metrics"),
    path("numbers/<str:key>/", numbers.NumberPage.as_view(), name="metric"),
    path("rules/", rulebooks.RulebooksPage.as_view(), name="rulebooks"),
    path("rules/<str:module>/", rulebooks.RulebookPage.as_view(), name="rulebook"),
    path("api-reference/", api_reference.ReferencePage.as_view(), name="api-reference"),
    path("api-reference/<slug:key>/", api_reference.OperationPage.as_view(), name="api-operation"),
    path("shop/", shop.ShopPage.as_view(), name="shop"),
    path("members/", shop.MembersPage.as_view(), name="members"),
    path("members/<int:pk>/role/", shop.MemberRole.as_view(), name="member-role"),
    path("members/<int:pk>/remove/", shop.MemberDeactivate.as_view(), name="member-deactivate"),
    path("webhooks/", include("portal.webhook_urls")),
    path("files/<slug:token>/", files.FileView.as_view(), name="file"),
    path("demo/clock/", clock.DemoClockPage.as_view(), name="demo-clock"),
]
