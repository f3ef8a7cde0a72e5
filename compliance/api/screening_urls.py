"""Screening hits, cases of marks and chemicals over the API."""

from django.urls import path

from compliance.api import screening

urlpatterns: list = [
    path("screening", screening.HitListView.as_view(), name="screening"),
    path("marks", screening.MarkListView.as_view(), name="marks"),
    path("marks/<int:pk>", screening.MarkView.as_view(), name="mark-case"),
    path("marks/<int:pk>/answer", screening.MarkAnswerView.as_view(), name="mark-answer"),
    path("chemicals", screening.ChemicalListView.as_view(), name="chemicals"),
]
