"""Pages of spam reports."""

from django.urls import path

from rfq.views import spam

urlpatterns = [
    path("rfqs/<str:rfq_id>/spam-report/", spam.SpamReportPage.as_view(), name="spam-report"),
    path("spam-reports/", spam.SpamReportsPage.as_view(), name="spam-reports"),
]
