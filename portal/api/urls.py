"""Routes under `/api/v1/`; each app adds its own module."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from portal.api import (
    bulletins,
    catalogue,
    docs,
    facts,
    ingest,
    me,
    members,
    metrics,
    next_actions,
    nights,
    notices,
    rulebooks,
    shop,
)

app_name = "api"
urlpatterns = [
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", docs.DocsView.as_view(url_name="api:schema"), name="docs"),
    path("me", me.MeView.as_view(), name="me"),
    path("members", members.MemberList.as_view(), name="members"),
    path("members/<str:username>", members.MemberDetail.as_view(), name="member"),
    path(
        "members/<str:username>/deactivate",
        members.MemberDeactivate.as_view(),
        name="member-deactivate",
    ),
    path("categories", catalogue.CategoryList.as_view(), name="categories"),
    path("categories/<str:code>", catalogue.CategoryDetail.as_view(), name="category"),
    path("orders", facts.OrderList.as_view(), name="orders"),
    path("orders/<str:order_id>", facts.OrderDetail.as_view(), name="order"),
    path("inquiries", facts.InquiryList.as_view(), name="inquiries"),
    path("notices", notices.NoticeList.as_view(), name="notices"),
    path("notices/read", notices.NoticesRead.as_view(), name="notices-read"),
    path("notice-preferences", notices.NoticePreferences.as_view(), name="notice-preferences"),
    path("bulletins", bulletins.BulletinList.as_view(), name="bulletins"),
    path("bulletins/<str:slug>", bulletins.BulletinDetail.as_view(), name="bulletin"),
    path("bulletins/<str:slug>/change", bulletins.BulletinChange.as_view(), name="bulletin-change"),
    path("bulletins/<str:slug>/read", bulletins.BulletinRead.as_view(), name="bulletin-read"),
    path(
        "bulletins/<str:slug>/questions",
        bulletins.BulletinQuestions.as_view(),
        name="bulletin-questions",
    ),
    path("rulebooks", rulebooks.RulebookList.as_view(), name="rulebooks"),
    path(
        "rulebooks/<str:module>/<str:version>",
        rulebooks.RulebookDetail.as_view(),
        name="rulebook",
    ),
    path("metrics", metrics.MetricList.as_view(), name="metrics"),
    path("metrics/<str:key>", metrics.MetricDetail.as_view(), name="metric"),
    path("shop", shop.ShopProfile.as_view(), name="shop"),
    path("files/<str:token>", shop.FileDownload.as_view(), name="file"),
    path("next-actions", next_actions.NextActionList.as_view(), name="next-actions"),
    path("ingest", ingest.IngestKinds.as_view(), name="ingest-kinds"),
    path("ingest/<str:kind>", ingest.IngestRows.as_view(), name="ingest"),
    path("nights", nights.NightList.as_view(), name="nights"),
    path("nights/<str:as_of>", nights.NightDetail.as_view(), name="night"),
    path("", include("portal.api.webhook_urls")),
    path("listings/", include("listings.api.urls")),
    path("rfq/", include("rfq.api.urls")),
    path("compliance/", include("compliance.api.urls")),
    path("growth/", include("growth.api.urls")),
    path("", include("compliance.api.trade_gate_urls")),
]
