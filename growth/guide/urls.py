"""The page of the growth guide."""

from django.urls import path

from growth.views import guide

urlpatterns = [path("guide/", guide.GuidePage.as_view(), name="guide")]
