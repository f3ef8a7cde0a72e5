"""Pages of the diagnosis."""

from django.urls import path

from growth.views import diagnosis

urlpatterns = [
    path("diagnosis/", diagnosis.DiagnosisPage.as_view(), name="diagnosis"),
    path("diagnosis/items/", diagnosis.DiagnosisItemsPage.as_view(), name="diagnosis-items"),
]
