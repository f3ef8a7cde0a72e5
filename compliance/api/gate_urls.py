"""Requirements over the API."""

from django.urls import path

from compliance.api import gate

urlpatterns: list = [
    path("requirements", gate.RequirementList.as_view(), name="requirements"),
]
