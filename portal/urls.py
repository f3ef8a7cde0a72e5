"""Addresses of the portal; each app brings its own pages and API routes."""

from django.contrib import admin
from django.urls import include, path, re_path

from portal.api.problems import not_found
from portal.views.health import healthz, prometheus

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("metrics", prometheus, name="prometheus"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", include("portal.api.urls")),
    re_path("^api/", not_found),
    path("listings/", include("listings.urls")),
    path("rfq/", include("rfq.urls")),
    path("compliance/", include("compliance.urls")),
    path("growth/", include("growth.urls")),
    path("", include("portal.page_urls")),
]
handler500 = "portal.api.problems.server_error"
