"""Routes of the star level."""

from django.urls import path

from growth.api import star

urlpatterns = [
    path("star", star.StarView.as_view(), name="star"),
    path("star/history", star.StarHistoryView.as_view(), name="star-history"),
    path("star/outlook", star.StarOutlookView.as_view(), name="star-outlook"),
]
