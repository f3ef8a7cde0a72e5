"""Routes of `rfq` below `/api/v1/rfq/`: one file per part."""

from django.urls import include, path

app_name = "rfq"
urlpatterns: list = [
    path("", include("rfq.api.market_urls")),
    path("", include("rfq.api.programme_urls")),
    path("", include("rfq.api.quote_tool_urls")),
    path("", include("rfq.api.quote_urls")),
    path("", include("rfq.api.rights_urls")),
    path("", include("rfq.api.score_urls")),
]
