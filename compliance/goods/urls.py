"""Pages of words, marks and chemicals."""

from django.urls import path

from compliance.views import screening

urlpatterns: list = [
    path("words/", screening.WordsPage.as_view(), name="words"),
    path("marks/", screening.MarksPage.as_view(), name="marks"),
    path("marks/<int:pk>/", screening.MarkCasePage.as_view(), name="mark-case"),
    path("chemicals/", screening.ChemicalsPage.as_view(), name="chemicals"),
]
