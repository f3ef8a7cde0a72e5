"""Routes of `rfq`: one file per part."""

from django.urls import include, path

app_name = "rfq"
urlpatterns: list = [
    path("", include("rfq.market_urls")),
    path("", include("rfq.programme_urls")),
    path("", include("rfq.quote_page_urls")),
    path("", include("rfq.rights_urls")),
    path("", include("rfq.score_page_urls")),
]
