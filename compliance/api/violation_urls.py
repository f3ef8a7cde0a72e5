"""Violations, appeals and the public list over the API."""

from django.urls import path

from compliance.api import violations

urlpatterns: list = [
    path("violations", violations.ViolationListView.as_view(), name="violations"),
    path("violations/public", violations.PublicListView.as_view(), name="violations-public"),
    path("violations/<int:pk>", violations.ViolationView.as_view(), name="violation"),
    path("violations/<int:pk>/appeal", violations.AppealView.as_view(), name="violation-appeal"),
]
