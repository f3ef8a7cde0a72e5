"""Pages of violations; those of a closed shop name it, for it is nobody's current shop."""

from django.urls import path

from compliance.views import violations

CLOSED = "closed/<str:shop>/violations/"

urlpatterns: list = [
    path("violations/", violations.ViolationsPage.as_view(), name="violations"),
    path("violations/public/", violations.PublicPage.as_view(), name="violations-public"),
    path("violations/<int:pk>/", violations.ViolationPage.as_view(), name="violation"),
    path(CLOSED, violations.ViolationsPage.as_view(), name="closed-violations"),
    path(f"{CLOSED}<int:pk>/", violations.ViolationPage.as_view(), name="closed-violation"),
]
