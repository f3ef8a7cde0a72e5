"""The page of the star level."""

from django.urls import path

from growth.views import star

urlpatterns = [path("star/", star.StarPage.as_view(), name="star")]
