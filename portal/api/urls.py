"""Routes under `/api/v1/`; each app adds its own module."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from portal.api import kernel

app_name = "api"
urlpatterns = [
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerView.as_view(url_name="api:schema"), name="docs"),
    path("me", kernel.MeView.as_view(), name="me"),
    path("listings/", include("listings.api.urls")),
]
