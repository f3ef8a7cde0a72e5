"""Declarations, registration services and admissions over the API."""

from django.urls import path

from compliance.api import admissions, obligations, services

urlpatterns: list = [
    path("obligations", obligations.ObligationListView.as_view(), name="obligations"),
    path("obligations/tick", obligations.TickView.as_view(), name="obligation-tick"),
    path("calendar-feed", obligations.FeedView.as_view(), name="calendar-feed"),
    path("services", services.ServiceListView.as_view(), name="services"),
    path("service-requests", services.ServiceRequestListView.as_view(), name="service-requests"),
    path(
        "service-requests/<int:pk>/cancel",
        services.ServiceRequestCancelView.as_view(),
        name="service-request-cancel",
    ),
    path("admissions", admissions.AdmissionListView.as_view(), name="admissions"),
]
