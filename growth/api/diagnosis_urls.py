"""Routes of the diagnosis."""

from django.urls import path

from growth.api import diagnosis

urlpatterns = [
    path("diagnosis", diagnosis.DiagnosisView.as_view(), name="diagnosis"),
    path("diagnosis/history", diagnosis.DiagnosisHistoryView.as_view(), name="diagnosis-history"),
    path("diagnosis/outlook", diagnosis.DiagnosisOutlookView.as_view(), name="diagnosis-outlook"),
]
