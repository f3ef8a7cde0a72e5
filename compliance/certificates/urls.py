"""Pages of certificates."""

from django.urls import path

from compliance.views import certificate_form, certificates

urlpatterns: list = [
    path("certificates/", certificates.CertificatesPage.as_view(), name="certificates"),
    path(
        "certificates/new/", certificate_form.CertificateNewPage.as_view(), name="certificate-new"
    ),
    path("certificates/<int:pk>/", certificates.CertificatePage.as_view(), name="certificate"),
    path(
        "certificates/<int:pk>/edit/",
        certificate_form.CertificateEditPage.as_view(),
        name="certificate-edit",
    ),
    path(
        "certificates/<int:pk>/submit/",
        certificates.CertificateSubmit.as_view(),
        name="certificate-submit",
    ),
    path(
        "certificates/<int:pk>/take-back/",
        certificates.CertificateTakeBack.as_view(),
        name="certificate-take-back",
    ),
    path(
        "certificates/<int:pk>/delete/",
        certificates.CertificateDelete.as_view(),
        name="certificate-delete",
    ),
]
