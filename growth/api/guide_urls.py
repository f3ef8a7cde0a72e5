"""Routes of the growth guide."""

from django.urls import path

from growth.api import guide

urlpatterns = [
    path("guide", guide.GuideView.as_view(), name="guide"),
    path("guide/outlook", guide.GuideOutlookView.as_view(), name="guide-outlook"),
]
