"""Routes of `rfq`: one file per part."""

from django.urls import include, path

app_name = "rfq"
urlpatterns: list = [
    path("", include("rfq.market.urls")),
    path("", include("rfq.orders.urls")),
    path("", include("rfq.challenge.urls")),
    path("", include("rfq.spam.urls")),
    path("", include("rfq.quotes.urls")),
    path("", include("rfq.rights.urls")),
    path("", include("rfq.score.urls")),
]
