"""Certificates over the API."""

from django.urls import path

from compliance.api import certificates

urlpatterns: list = [
    path("certificates", certificates.CertificateListView.as_view(), name="certificates"),
    path("certificates/<int:pk>", certificates.CertificateView.as_view(), name="certificate"),
    path(
        "certificates/<int:pk>/submit",
        certificates.CertificateSubmitView.as_view(),
        name="certificate-submit",
    ),
    path(
        "certificates/<int:pk>/take-back",
        certificates.CertificateTakeBackView.as_view(),
        name="certificate-take-back",
    ),
]
